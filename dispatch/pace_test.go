package dispatch

import (
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

func TestPacing(t *testing.T) {
	s := newStage(t)
	var ids []int64
	for i := range int64(5) {
		ids = append(ids, s.queueRule(welcomeRule, 5000+i, "Subject", asha))
	}
	s.start(func(o *Options) { o.Settings.MessagesPerSecond = 10 })
	for _, id := range ids {
		s.awaitState(id, stateAccepted)
	}
	ledger := s.glific.Ledger()
	if took := ledger[4].At.Sub(ledger[0].At); took < 350*time.Millisecond {
		t.Errorf("5 messages at 10 per second took %s", took)
	}
}

func TestFewMessagesDueTogetherDoNotWaitForEachOther(t *testing.T) {
	s := newStage(t)
	for i := range int64(6) {
		s.queueRule(welcomeRule, 5000+i, "Subject", asha)
	}
	s.start(func(o *Options) { o.Settings.MessagesPerSecond = 1 })
	s.await("all are sent", func() bool { return len(s.glific.Ledger()) == 6 })
	ledger := s.glific.Ledger()
	if wait, last := ledger[4].At.Sub(ledger[0].At), ledger[5].At.Sub(ledger[0].At); wait > 700*time.Millisecond || last < 700*time.Millisecond {
		t.Errorf("after the first message, the fifth was sent after %s and the sixth after %s", wait, last)
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
