package dispatch

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

func TestSendOfVoidedRequestIsStillResolved(t *testing.T) {
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.LoseAnswer})
	sent := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start()
	s.awaitState(sent, stateUncertain)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.DropRequest})
	unsent := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	s.awaitState(unsent, stateUncertain)
	s.exec(`update message_request_queue set is_voided = true, last_modified_date_time = now() where id = any($1)`, []int64{sent, unsent})
	if r := s.awaitState(sent, stateAccepted); r.Status != "Sent" || !r.Voided {
		t.Errorf("the one that reached the phone is %+v", r)
	}
	s.awaitState(unsent, stateWithdrawn)
	if got := s.bodies(rameshPhone); len(got) != 0 {
		t.Errorf("the other was sent: %q", got)
	}
}

func TestStopLetsTheSendInHandEnd(t *testing.T) {
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.AnswerLate, Delay: 700 * time.Millisecond})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	next := s.queueRuleAt(welcomeRule, ramesh, "Subject", ramesh, time.Now().Add(-time.Second))
	_, stop := s.start(func(o *Options) { o.Settings.InFlight, o.Settings.Lease = 1, time.Minute })
	s.awaitState(id, "sending")
	stop()
	if r := s.row(id); r.State != "accepted" || r.Status != "Sent" {
		t.Errorf("after the stop the request in hand is %+v", r)
	}
	if r := s.row(next); r.State != "waiting" || r.Outcomes != "" {
		t.Errorf("after the stop the next request is %+v", r)
	}
}

func TestStopDoesNotWaitForAHangingGlific(t *testing.T) {
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.AnswerLate, Delay: 10 * time.Second})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	_, stop := s.start(func(o *Options) {
		o.Glific.Timeout, o.Settings.SendTimeout, o.Settings.StopGrace = 30*time.Second, 30*time.Second, 100*time.Millisecond
	})
	s.await("Glific has the message", func() bool { return len(s.bodies(ashaPhone)) == 1 })
	began := time.Now()
	stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the stop took %s", took)
	}
	if r := s.row(id); r.State != "uncertain" || r.Status != "NotSent" {
		t.Errorf("after the stop the request is %+v", r)
	}
	s.start()
	s.awaitState(id, stateAccepted)
	s.wantOnce(id, ashaPhone)
}

func TestSendsThatNeverArriveAreGivenUp(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.DropRequest, Times: -1})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start(func(o *Options) { o.Settings.MaxAttempts = 2 })
	r := s.awaitReason(id, stateRefused, GaveUp)
	if r.Status != "Failed" || r.Attempts != 2 || r.Outcomes != "uncertain uncertain refused" {
		t.Errorf("the request is %+v", r)
	}
	if n := s.calls("asha", "createAndSendMessage"); n != 2 {
		t.Errorf("Glific got %d sends, want 2", n)
	}
}

// silent keeps no send times.
type silent struct {
	sender
	sends atomic.Int32
}

func (g *silent) Send(ctx context.Context, m glific.Message) (glific.Sent, error) {
	if g.sends.Add(1) == 2 {
		return glific.Sent{}, &glific.Error{Outcome: glific.Uncertain, Code: glific.Timeout}
	}
	sent, err := g.sender.Send(ctx, m)
	sent.SendAt = time.Time{}
	return sent, err
}

func TestNothingIsSentAgainWhereSendTimesAreNotKept(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start(func(o *Options) {
		o.Settings.UncertainGrace = 100 * time.Millisecond
		o.connect = func(a glific.Account) sender { return &silent{sender: glific.NewClient(a, o.Glific)} }
	})
	s.awaitState(first, stateAccepted)
	second := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	d.Wake(avnitest.AshaGramin)
	s.awaitState(second, stateUncertain)
	asked := s.calls("asha", "search")
	s.await("Glific was asked twice", func() bool { return s.calls("asha", "search") >= asked+2 })
	if r := s.row(second); r.State == "accepted" || len(s.bodies(rameshPhone)) != 0 {
		t.Errorf("the uncertain message was sent again: %+v", r)
	}
}
