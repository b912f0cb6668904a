package dispatch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

func TestPermanentReasons(t *testing.T) {
	blocked := glifictest.Contact{Phone: ashaPhone, Status: "BLOCKED", BSPStatus: "HSM", OptinTime: time.Now()}
	optedOut := glifictest.Contact{Phone: ashaPhone, Status: "INVALID", BSPStatus: "NONE", OptoutTime: time.Now()}
	notOnWhatsApp := glifictest.Contact{Phone: ashaPhone, Status: "INVALID", BSPStatus: "NONE"}
	neverOptedIn := glifictest.Contact{Phone: ashaPhone}
	says := func(template string, parameters ...string) Rendered { return Rendered{parameters, template} }
	fine := sample[welcomeRule]

	for name, test := range map[string]struct {
		receiver int64
		rendered Rendered
		err      error
		contact  *glifictest.Contact
		reason   Reason
		status   string
	}{
		"no phone":               {receiver: noPhone, rendered: fine, reason: NoPhone, status: "NotSentNoPhoneNumberInAvni"},
		"invalid phone":          {receiver: badPhone, rendered: fine, reason: InvalidPhone, status: "NotSentInvalidPhoneNumberInAvni"},
		"template id":            {rendered: says("welcome", "a", "b"), reason: TemplateInvalid},
		"template missing":       {rendered: says("7999", "a", "b"), reason: TemplateNotFound},
		"parameter count":        {rendered: says("7001", "a"), reason: ParameterCount},
		"media template":         {rendered: says("7010", "a"), reason: MediaTemplate},
		"empty parameter":        {rendered: says("7001", "a", " \n"), reason: BadParameter},
		"undefined":              {rendered: says("7001", "a", "undefined"), reason: BadParameter},
		"expansion":              {rendered: says("7001", "a", "mail @Global.password"), reason: ParameterExpands},
		"too long":               {rendered: says("7001", "a", strings.Repeat("x", 4100)), reason: MessageTooLong},
		"failing rule":           {err: &Refusal{Reason: RuleFailed, Detail: "throw: no Asha Devi"}, reason: RuleFailed},
		"blocked":                {rendered: fine, contact: &blocked, reason: Blocked},
		"opted out":              {rendered: fine, contact: &optedOut, reason: OptedOut},
		"not on WhatsApp":        {rendered: fine, contact: &notOnWhatsApp, reason: ContactInvalid},
		"contact never opted in": {rendered: fine, contact: &neverOptedIn, reason: NeverOptedIn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			if test.contact != nil {
				s.asha.AddContact(*test.contact)
			}
			s.render = func(context.Context, Request) (Rendered, error) { return test.rendered, test.err }
			if test.receiver == 0 {
				test.receiver = asha
			}
			if test.status == "" {
				test.status = "Failed"
			}
			id := s.queueRule(welcomeRule, test.receiver, "Subject", test.receiver)
			s.start()
			got := s.awaitReason(id, stateRefused, test.reason)
			want := row{Status: test.status, ChangedBy: admin, State: "refused", Reason: string(test.reason), Attempts: 1, Outcomes: "refused"}
			got.SendAt, got.LastWrite = time.Time{}, time.Time{}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the request (-want +got):\n%s", diff)
			}
			if got := s.glific.Ledger(); len(got) != 0 {
				t.Errorf("%d messages were sent", len(got))
			}
			if test.contact != nil && s.calls("asha", "optinContact") != 0 {
				t.Error("a contact that Glific knows was opted in")
			}
		})
	}
}

func TestWithdrawnRequestIsVoided(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	gone := s.queueRule(welcomeRule, voided, "Subject", voided) // the subject is voided
	s.render = func(_ context.Context, r Request) (Rendered, error) {
		return Rendered{}, &Refusal{Reason: Withdrawn, Detail: "the enrolment is voided"}
	}
	renderer := s.queueRule(welcomeRule, asha, "Subject", asha)
	manual := s.queueManual(avnitest.AshaGramin, "Subject", ramesh, "7009", "@name", "camp")
	s.exec(`update manual_message m set is_voided = true from message_request_queue q where q.manual_message_id = m.id and q.id = $1`, manual)
	s.start()
	for _, id := range []int64{gone, renderer, manual} {
		if r := s.awaitState(id, stateWithdrawn); !r.Voided || r.Status != "NotSent" || r.Reason != string(Withdrawn) {
			t.Errorf("request %d is %+v", id, r)
		}
	}
}

func TestSettledRequestGetsNewChanceWhenModified(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRule(welcomeRule, noPhone, "Subject", noPhone)
	d, _ := s.start()
	before := s.awaitState(id, stateRefused)
	s.must(s.avni.SetPhone(t.Context(), noPhone, "9876500003"))
	s.exec(`update message_request_queue set scheduled_date_time = now(), last_modified_date_time = $2 where id = $1`, id, before.LastWrite.Add(time.Millisecond))
	d.Wake(avnitest.AshaGramin)
	r := s.awaitState(id, stateAccepted)
	if r.Status != "Sent" || r.Outcomes != "refused accepted" || r.Attempts != 1 {
		t.Errorf("the request is %+v", r)
	}
	if got := s.bodies("919876500003"); len(got) != 1 {
		t.Errorf("%d messages, want 1", len(got))
	}
}

func TestChangeDuringDeliveryIsNotOverlooked(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var id int64
	first := true
	s.render = func(context.Context, Request) (Rendered, error) {
		if !first {
			return sample[welcomeRule], nil
		}
		first = false // the rule is mended, and its row moved, while we are being refused
		s.exec(`update message_request_queue set scheduled_date_time = now(), last_modified_date_time = now() + interval '1 ms' where id = $1`, id)
		return Rendered{}, &Refusal{Reason: RuleFailed}
	}
	id = s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start()
	if r := s.awaitState(id, stateAccepted); r.Outcomes != "refused accepted" {
		t.Errorf("attempts: %s", r.Outcomes)
	}
}

func TestChangeThatBeganBeforeTheRefusalIsNotOverlooked(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRule(welcomeRule, noPhone, "Subject", noPhone)
	tx, err := s.avni.Pool().Begin(t.Context())
	s.must(err)
	var began time.Time
	s.must(tx.QueryRow(t.Context(), `select now()`).Scan(&began))
	d, _ := s.start()
	s.awaitState(id, stateRefused)
	s.must(s.avni.SetPhone(t.Context(), noPhone, "9876500003"))
	_, err = tx.Exec(t.Context(), `update message_request_queue set delivery_status = 'NotSent', scheduled_date_time = now(), last_modified_date_time = now() where id = $1`, id)
	s.must(err)
	s.must(tx.Commit(t.Context()))
	d.Wake(avnitest.AshaGramin)
	s.awaitState(id, stateAccepted)
}

func TestOwnWriteIsNoChangeHoweverExactTheColumn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.exec(`alter table message_request_queue alter column last_modified_date_time type timestamptz`)
	bad := s.queueRule(welcomeRule, noPhone, "Subject", noPhone)
	late := s.queueRuleAt(welcomeRule, ramesh, "Subject", ramesh, time.Now().Add(-5*24*time.Hour))
	s.start()
	s.awaitState(bad, stateRefused)
	s.awaitState(late, stateExpired)
	for _, id := range []int64{bad, late} {
		var known bool
		s.must(s.db.Pool().QueryRow(t.Context(), `select d.request_modified_at = q.last_modified_date_time and q.last_modified_by_id = $2
			from messenger.delivery d join public.message_request_queue q on q.id = d.request_id where q.id = $1`, id, admin).Scan(&known))
		if !known {
			t.Errorf("our own write of request %d looks like somebody else's change", id)
		}
	}
}

func TestRuleThatFailsWithAnythingIsRecorded(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.render = func(context.Context, Request) (Rendered, error) {
		return Rendered{}, refuse(RuleFailed, "throw: \x00 and \xff")
	}
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start()
	s.awaitReason(id, stateRefused, RuleFailed)
}

func TestSendThatCannotBeRecordedIsRetriedThenGivenUp(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.execOwn(`alter table messenger.delivery add check (state <> 'sending' or request_id <= 0)`)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start(func(o *Options) { o.Settings.MaxAttempts = 2 })
	if r := s.awaitReason(id, stateRefused, GaveUp); r.Outcomes != "retry refused" {
		t.Errorf("attempts: %s", r.Outcomes)
	}
	if n := len(s.glific.Ledger()); n != 0 {
		t.Errorf("%d messages were sent unrecorded", n)
	}
}

func TestPassingTroubleIsRetriedThenGivenUp(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.render = func(context.Context, Request) (Rendered, error) {
		return Rendered{}, errors.New("the engine is not ready")
	}
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.exec(`update message_request_queue set delivery_status = 'Failed' where id = $1`, id) // by avni-server, earlier
	s.start(func(o *Options) { o.Settings.MaxAttempts = 3 })
	r := s.awaitReason(id, stateRefused, GaveUp)
	if r.Status != "Failed" || r.Attempts != 3 || r.Outcomes != "retry retry refused" {
		t.Errorf("the request is %+v", r)
	}
}

func TestWaitingRequestIsNotSentInAvni(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "contactByPhone", Kind: glifictest.AnswerInstead, Status: 500, Times: 3})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.exec(`update message_request_queue set delivery_status = 'Failed' where id = $1`, id)
	s.start(func(o *Options) { o.Settings.RetryBase = time.Hour })
	if r := s.awaitReason(id, stateWaiting, GlificError); r.Status != "NotSent" || r.Attempts != 1 {
		t.Errorf("the request is %+v", r)
	}
}
