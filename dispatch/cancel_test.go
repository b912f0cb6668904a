package dispatch

import (
	"context"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

func (s *stage) cancel(id int64) Standing {
	s.Helper()
	stood, err := s.byHand().Cancel(s.Context(), id)
	s.must(err)
	return stood
}

// cancelled checks that a request is withdrawn by hand.
func (s *stage) cancelled(id int64) {
	s.Helper()
	if r := s.row(id); !r.Voided || r.Delivered || r.State != string(stateWithdrawn) || r.Reason != string(Cancelled) || r.ChangedBy != admin {
		s.Errorf("request %d, which was cancelled, is %+v", id, r)
	}
}

// unvoid is what a save comes to where avni-server runs the rules.
func (s *stage) unvoid(id int64) {
	s.Helper()
	s.exec(`update message_request_queue set is_voided = false, scheduled_date_time = now() - interval '1 minute', last_modified_date_time = now() where id = $1`, id)
}

// A request is cancelled as it waits, is not due, was refused or has expired; it stays
// so if it is un-voided, and is sent once that is taken back.
func TestCancelLastsUntilItIsTakenBack(t *testing.T) {
	for name, test := range map[string]struct {
		due     time.Duration
		refused bool
		waits   bool
		stood   string
	}{
		"not due yet": {due: time.Hour},
		"due":         {due: -time.Minute, waits: true, stood: "waiting"},
		"refused":     {due: -time.Minute, refused: true, stood: "refused"},
		"expired":     {due: -5 * 24 * time.Hour, stood: "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			id := s.queueRuleAt(welcomeRule, asha, "Subject", asha, time.Now().Add(test.due))
			if test.refused {
				s.asha.AddContact(glifictest.Contact{Phone: ashaPhone, OptoutTime: time.Now().Add(-time.Hour)})
			}
			s.asha.Suspend(test.waits)
			d, _ := s.start()
			s.await("it stands as it should", func() bool { return s.row(id).State == test.stood })
			if stood := s.cancel(id); stood.State != test.stood || stood.MaybeSent || len(stood.Twins) != 0 {
				t.Errorf("it stood as %+v", stood)
			}
			s.cancelled(id)
			s.asha.Suspend(false)
			s.asha.RemoveContact(ashaPhone)
			_, err := s.byHand().Cancel(t.Context(), id)
			s.leftAlone(err, "it is cancelled already")

			s.unvoid(id)
			d.Wake(avnitest.AshaGramin)
			s.await("it is voided again", func() bool { return s.row(id).Voided })
			s.cancelled(id)
			if got := s.bodies(ashaPhone); len(got) != 0 {
				t.Fatalf("sent although it was cancelled: %q", got)
			}
			_, err = s.byHand().Requeue(t.Context(), id, RequeueOptions{DueNow: true})
			s.must(err)
			d.Wake(avnitest.AshaGramin)
			s.awaitState(id, stateAccepted)
			s.wantOnce(id, ashaPhone)
		})
	}
}

func TestTakenBackItWaitsUntilItIsDue(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	later := s.queueRuleAt(welcomeRule, asha, "Subject", asha, time.Now().Add(time.Hour))
	old := s.queueRuleAt(workerRule, asha, "User", meena, time.Now().AddDate(0, 0, -5))
	s.cancel(later)
	s.cancel(old)
	hand := s.byHand()
	_, err := hand.Requeue(t.Context(), old, RequeueOptions{})
	s.leftAlone(err, "too long ago to be sent as it is; --due-now")
	s.cancelled(old)
	stood, err := hand.Requeue(t.Context(), later, RequeueOptions{})
	s.must(err)
	if stood.Reason != Cancelled {
		t.Errorf("it stood as %+v", stood)
	}
	if r := s.row(later); r.Voided || r.State != "waiting" || r.Reason != "" {
		t.Errorf("taken back, it is %+v", r)
	}
	sent := s.queueRule(nepalRule, maya, "Subject", maya)
	s.start()
	s.awaitState(sent, stateAccepted)
	if got := s.bodies(ashaPhone); len(got) != 0 {
		t.Errorf("sent before it is due: %q", got)
	}
}

// A send of unknown outcome that was cancelled is asked about, and not sent again.
func TestCancelOfUncertain(t *testing.T) {
	for name, kind := range map[string]glifictest.FaultKind{"Glific has it": glifictest.LoseAnswer, "Glific has it not": glifictest.DropRequest} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: kind})
			id := s.queueRule(welcomeRule, asha, "Subject", asha)
			_, stop := s.start(func(o *Options) { o.Settings.UncertainGrace = time.Hour })
			s.awaitState(id, stateUncertain)
			stop()
			if stood := s.cancel(id); !stood.MaybeSent {
				t.Errorf("it stood as %+v", stood)
			}
			if r := s.row(id); r.State != "uncertain" || r.Reason != string(Cancelled) || !r.Voided {
				t.Errorf("after it was cancelled it is %+v", r)
			}
			s.unvoid(id) // meanwhile
			s.execOwn(`update messenger.delivery set next_attempt_at = now() where request_id = $1`, id)
			d, _ := s.start()
			if kind == glifictest.LoseAnswer {
				s.awaitState(id, stateAccepted)
				s.wantOnce(id, ashaPhone)
				return
			}
			s.await("it is settled", func() bool { return s.row(id).State == string(stateWithdrawn) })
			s.cancelled(id)
			_, err := s.byHand().Requeue(t.Context(), id, RequeueOptions{})
			s.must(err)
			d.Wake(avnitest.AshaGramin)
			s.awaitState(id, stateAccepted)
			s.wantOnce(id, ashaPhone)
		})
	}
}

func TestRequeueOfCancelledUncertainAsksFirst(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.LoseAnswer})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	_, stop := s.start(func(o *Options) { o.Settings.UncertainGrace = time.Hour })
	s.awaitState(id, stateUncertain)
	stop()
	s.cancel(id)
	_, err := s.byHand().Requeue(t.Context(), id, RequeueOptions{})
	s.must(err)
	if r := s.row(id); r.State != "uncertain" || r.Reason != string(LostAnswer) || r.Voided {
		t.Errorf("taken back, it is %+v", r)
	}
	s.start()
	s.awaitState(id, stateAccepted)
	s.wantOnce(id, ashaPhone)
}

// What is claimed is taken from its holder, who has not begun to send.
func TestCancelOfClaimed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	rendering, goOn := make(chan struct{}), make(chan struct{})
	s.render = func(_ context.Context, r Request) (Rendered, error) {
		close(rendering)
		<-goOn
		return sample[r.RuleID], nil
	}
	_, stop := s.start(func(o *Options) { o.Settings.Lease = time.Minute })
	<-rendering
	s.cancel(id)
	close(goOn)
	stop()
	s.cancelled(id)
	if got := s.bodies(ashaPhone); len(got) != 0 {
		t.Errorf("sent although it was cancelled: %q", got)
	}
}

func TestCancelOfWhatIsBeingSent(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	twins := []int64{s.queueRule(welcomeRule, asha, "Subject", asha), s.queueRule(welcomeRule, asha, "Subject", asha)}
	s.execOwn(`insert into messenger.delivery (request_id, organisation_id, state, claimed_by, claimed_until, sending_since)
		values ($1, 101, 'sending', gen_random_uuid(), now() + interval '1 minute', now())`, twins[0])
	_, err := s.byHand().Cancel(t.Context(), twins[0])
	s.leftAlone(err, "it is being delivered at this moment; try again in a moment")
	_, err = s.byHand().Cancel(t.Context(), twins[1])
	s.leftAlone(err, "of the same rule for the same entity, is being delivered at this moment")
	s.execOwn(`update messenger.delivery set claimed_until = now() - interval '1 minute'`)
	if stood := s.cancel(twins[0]); !stood.MaybeSent {
		t.Errorf("it stood as %+v", stood)
	}
}

func TestTwinsAreCancelledTogether(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	older := s.queueRule(welcomeRule, asha, "Subject", asha)
	newer := s.queueRule(welcomeRule, asha, "Subject", asha)
	if stood := s.cancel(older); len(stood.Twins) != 1 || stood.Twins[0] != newer {
		t.Errorf("it stood as %+v", stood)
	}
	s.cancelled(older)
	s.cancelled(newer)
	_, err := s.byHand().Requeue(t.Context(), newer, RequeueOptions{})
	s.must(err)
	s.start()
	s.awaitState(newer, stateAccepted)
	s.wantOnce(newer, ashaPhone)
	if r := s.row(older); !r.Voided || r.Reason != string(Duplicate) {
		t.Errorf("the other one is %+v", r)
	}
}

// A message to a group that was cancelled midway goes on with the members who are left.
func TestCancelOfGroupMessageIsTakenBack(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(3)
	id := s.queueNamed(s.asha.AddGroup("camp", f.contacts...))
	s.asha.Suspend(true)
	d, _ := s.start()
	withdrawn := func() (n int) {
		for _, m := range s.members(id) {
			if m.State == string(stateWithdrawn) {
				n++
			}
		}
		return n
	}
	s.await("the organisation is paused amid the members", func() bool {
		return len(s.members(id)) == 3 && d.Status()[0].Paused == OrganisationSuspended
	})
	s.cancel(id)
	s.await("the members' messages are withdrawn", func() bool { return withdrawn() == 3 })
	s.asha.Suspend(false)
	s.cancelled(id)
	_, err := s.byHand().Requeue(t.Context(), id, RequeueOptions{})
	s.must(err)
	d.Wake(avnitest.AshaGramin)
	s.awaitState(id, stateAccepted)
	s.wantNamed(f)
}
