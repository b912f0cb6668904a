package dispatch

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// begun notes when the first message was looked at, before it had its turn: on a machine
// that is busy nothing later tells when that was.
func (s *stage) begun() *atomic.Pointer[time.Time] {
	var begun atomic.Pointer[time.Time]
	render := s.render
	s.render = func(ctx context.Context, r Request) (Rendered, error) {
		now := time.Now()
		begun.CompareAndSwap(nil, &now)
		return render(ctx, r)
	}
	return &begun
}

func TestPacing(t *testing.T) {
	s := newStage(t)
	for i := range int64(5) {
		s.queueRule(welcomeRule, 5000+i, "Subject", asha)
	}
	begun := s.begun()
	s.start(calm, func(o *Options) { o.Settings.MessagesPerSecond = 10 })
	s.await("all are sent", func() bool { return len(s.glific.Ledger()) == 5 })
	if took := s.glific.Ledger()[4].At.Sub(*begun.Load()); took < 390*time.Millisecond {
		t.Errorf("5 messages at 10 per second took %s", took)
	}
}

func TestFewMessagesDueTogetherDoNotWaitForEachOther(t *testing.T) {
	s := newStage(t)
	for i := range int64(6) {
		s.queueRule(welcomeRule, 5000+i, "Subject", asha)
	}
	begun := s.begun()
	s.start(calm, func(o *Options) { o.Settings.MessagesPerSecond = 0.2 })
	s.await("all are sent", func() bool { return len(s.glific.Ledger()) == 6 })
	ledger := s.glific.Ledger()
	if wait, last := ledger[4].At.Sub(ledger[0].At), ledger[5].At.Sub(*begun.Load()); wait > 4*time.Second || last < 4900*time.Millisecond {
		t.Errorf("at 12 a minute the fifth was sent %s after the first, and the sixth %s after it was looked at", wait, last)
	}
}

func TestSlowMessageDelaysNoOther(t *testing.T) {
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.OnlyDelay, Delay: 20 * time.Second})
	slow := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start(func(o *Options) {
		o.Glific.Timeout, o.Settings.SendTimeout, o.Settings.StopGrace = time.Minute, time.Minute, time.Millisecond
		o.Settings.InFlight = 2
	})
	s.awaitState(slow, "sending")
	for i := range int64(3) {
		quick := s.queueRule(welcomeRule, 5000+i, "Subject", ramesh)
		d.Wake(avnitest.AshaGramin)
		s.awaitState(quick, stateAccepted)
	}
	if got := s.row(slow).State; got != "sending" {
		t.Errorf("meanwhile the slow one is %s", got)
	}
}
