package dispatch

import (
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
)

// markSent marks a request as avni-server does that has sent it.
func (s *stage) markSent(id int64) row {
	s.Helper()
	s.exec(`update message_request_queue set delivery_status = 'Sent', delivered_date_time = now() - interval '1 second', last_modified_by_id = 202,
		last_modified_date_time = now() where id = $1`, id)
	return s.row(id)
}

// judgedNow makes a send of unknown outcome one that Glific is asked about at once.
func (s *stage) judgedNow(id int64) {
	s.Helper()
	s.execOwn(`update messenger.delivery set next_attempt_at = now(), sending_since = now() - interval '1 hour' where request_id = $1`, id)
}

func TestUncertainMessageThatSomebodyElseMarkedSentIsSettled(t *testing.T) {
	for name, test := range map[string]struct {
		fault    glifictest.FaultKind
		want     state
		reason   Reason
		messages int
	}{
		"Glific has ours":      {glifictest.LoseAnswer, stateAccepted, "", 1},
		"Glific does not have": {glifictest.DropRequest, stateWithdrawn, SentElsewhere, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.asha.AddOptedInContact(ashaPhone, "Asha")
			s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: test.fault})
			id := s.queueRule(welcomeRule, asha, "Subject", asha)
			_, stop := s.start()
			s.awaitState(id, stateUncertain)
			stop()
			before := s.markSent(id)
			s.judgedNow(id)
			s.start()
			r := s.awaitReason(id, test.want, test.reason)
			if r.Status != "Sent" || !r.Delivered || r.Voided || r.ChangedBy != 202 || !r.LastWrite.Equal(before.LastWrite) {
				t.Errorf("Avni's row is %+v, want it as it was: %+v", r, before)
			}
			if n := len(s.bodies(ashaPhone)); n != test.messages {
				t.Errorf("%d messages, want %d", n, test.messages)
			}
		})
	}
}

func TestUncertainMessageOfAnotherSenderThatNobodyCanTellOfIsSettled(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.uncertain()
	before := s.markSent(id)
	s.judgedNow(id)
	l := &looker{err: &glific.Error{Operation: glific.OpFindSent, Outcome: glific.Uncertain, Code: glific.Unexpected}}
	s.start(func(o *Options) {
		o.connect = func(a glific.Account) sender { l.sender = glific.NewClient(a, o.Glific); return l }
		o.Now = func() time.Time { return time.Now().AddDate(0, 0, 6) }
	})
	if r := s.awaitReason(id, stateWithdrawn, SentElsewhere); r.Status != "Sent" || r.Voided || !r.LastWrite.Equal(before.LastWrite) {
		t.Errorf("Avni's row is %+v, want it as it was: %+v", r, before)
	}
}

// While Glific is asked, somebody else marks the request: that stays.
func TestMarkedSentWhileGlificIsAskedStaysSent(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	w := newWorker(s.options().withDefaults(), s.organisations[0])
	claims, err := w.queue.claim(t.Context(), time.Now())
	s.must(err)
	s.markSent(id)
	for _, v := range []verdict{{outcome: passing, reason: GlificError}, {outcome: withdrawn, reason: Withdrawn}} {
		w.record(t.Context(), claims[0], v)
		if r := s.row(id); r.Status != "Sent" || r.Voided {
			t.Errorf("after %s Avni's row is %+v", v.outcome, r)
		}
		s.execOwn(`update messenger.delivery set state = 'claimed', claimed_by = $2 where request_id = $1`, id, claims[0].holder)
	}
}
