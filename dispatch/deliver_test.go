package dispatch

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
)

func TestRequestsOfRulesReachSubjectAndUser(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	contact := s.asha.AddOptedInContact(meenaPhone, "Meena")
	toSubject := s.queueRule(welcomeRule, asha, "Subject", asha)
	toUser := s.queueRule(workerRule, 1001, "User", meena)
	s.start()

	r := s.awaitState(toSubject, stateAccepted)
	s.awaitState(toUser, stateAccepted)

	got := map[string][]string{ashaPhone: s.bodies(ashaPhone), meenaPhone: s.bodies(meenaPhone)}
	want := map[string][]string{ashaPhone: {"Welcome Asha of Kevadia"}, meenaPhone: {"Asha Sharma enrolled on 15/01/2024"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if r.Status != "Sent" || !r.Delivered || r.Voided || r.ChangedBy != admin || r.Outcomes != "accepted" || r.Message == "" || r.Attempts != 1 {
		t.Errorf("the request's row is %+v", r)
	}
	for _, d := range s.glific.Ledger() {
		if d.Phone == ashaPhone && !d.SendAt.Equal(r.SendAt) {
			t.Errorf("Glific has send time %s, the delivery %s", d.SendAt, r.SendAt)
		}
		if age := time.Since(d.SendAt); age < time.Second || d.SendAt.Nanosecond() != 0 {
			t.Errorf("send time %s is not a past whole second", d.SendAt)
		}
	}
	if s.calls("asha", "optinContact") != 1 {
		t.Errorf("%d opt-ins, want one: of the contact that Glific did not know", s.calls("asha", "optinContact"))
	}
	if got := s.externalID("User", meena); got != contact {
		t.Errorf("external_id of the user's receiver is %q, want %q", got, contact)
	}
}

func (s *stage) externalID(kind string, id int64) string {
	s.Helper()
	var external string
	s.must(s.db.Pool().QueryRow(context.Background(),
		`select coalesce(external_id, '') from public.message_receiver where receiver_type = $1 and receiver_id = $2`, kind, id).Scan(&external))
	return external
}

func TestManualMessagesNameTheirReceiver(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	toSubject := s.queueManual(avnitest.AshaGramin, "Subject", asha, "7009", "@name", "camp of @name on Sunday")
	toUser := s.queueManual(avnitest.AshaGramin, "User", meena, "7009", "@name", "camp")
	s.start()
	s.awaitState(toSubject, stateAccepted)
	s.awaitState(toUser, stateAccepted)

	if diff := cmp.Diff([]string{"Dear Asha Devi Sharma, camp of @name on Sunday"}, s.bodies(ashaPhone)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"Dear Meena Kumari, camp"}, s.bodies(meenaPhone)); diff != "" {
		t.Error(diff)
	}
	var stored []string
	s.must(s.db.Pool().QueryRow(t.Context(),
		`select m.parameters from public.manual_message m join public.message_request_queue q on q.manual_message_id = m.id where q.id = $1`, toUser).Scan(&stored))
	if diff := cmp.Diff([]string{"@name", "camp"}, stored); diff != "" {
		t.Errorf("the stored parameters have changed: %s", diff)
	}
}

func TestReceiverElsewhereIsReachedByItsOwnRegion(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRule(nepalRule, 1101, "Subject", maya)
	s.start()
	s.awaitState(id, stateAccepted)
	if diff := cmp.Diff([]string{"Come with Maya"}, s.bodies(mayaPhone)); diff != "" {
		t.Error(diff)
	}
}

func TestStoredContactOfAnOlderNumberIsNotUsed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	stranger := s.asha.AddOptedInContact("919876500077", "somebody else")
	id := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	s.exec(`update message_receiver set external_id = $1 where receiver_type = 'Subject' and receiver_id = $2`, stranger, ramesh)
	s.start()
	s.awaitState(id, stateAccepted)
	if got := s.bodies(rameshPhone); len(got) != 1 {
		t.Errorf("the receiver got %d messages, want 1", len(got))
	}
	if got := s.bodies("919876500077"); len(got) != 0 {
		t.Errorf("the stranger got %q", got)
	}
	if s.externalID("Subject", ramesh) == stranger {
		t.Error("external_id still names the stranger")
	}
}

func TestDeletedContactIsLookedUpAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start()
	s.awaitState(first, stateAccepted)
	s.asha.RemoveContact(ashaPhone)
	second := s.queueRule(workerRule, asha, "Subject", asha)
	d.Wake(avnitest.AshaGramin)
	if r := s.awaitState(second, stateAccepted); r.Outcomes != "retry accepted" {
		t.Errorf("attempts: %s", r.Outcomes)
	}
	if got := s.bodies(ashaPhone); len(got) != 2 {
		t.Errorf("%d messages, want 2", len(got))
	}
}

func TestVoidedOrRescheduledRequestIsNotSent(t *testing.T) {
	s := newStage(t)
	at := time.Now().Add(-5 * time.Second)
	void := s.queueRuleAt(welcomeRule, asha, "Subject", asha, at)
	moved := s.queueRuleAt(welcomeRule, ramesh, "Subject", ramesh, at)
	s.render = func(_ context.Context, r Request) (Rendered, error) { // at the last moment
		switch r.ID {
		case void:
			s.exec(`update message_request_queue set is_voided = true, last_modified_date_time = now() where id = $1`, r.ID)
		case moved:
			s.exec(`update message_request_queue set scheduled_date_time = now() + interval '2 seconds', last_modified_date_time = now()
				where id = $1 and scheduled_date_time < now() - interval '4 seconds'`, r.ID)
		}
		return sample[r.RuleID], nil
	}
	s.start()
	s.awaitState(void, stateWithdrawn)
	s.awaitState(moved, stateAccepted)
	if got := s.bodies(ashaPhone); len(got) != 0 {
		t.Errorf("the voided request was sent: %q", got)
	}
	for _, d := range s.glific.Ledger() {
		if d.At.Before(at.Add(6 * time.Second)) {
			t.Errorf("the moved request was sent at %s, before its new time", d.At)
		}
	}
}
