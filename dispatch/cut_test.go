package dispatch

import (
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// A Glific, or a proxy before it, that cuts every connection is one that cannot be
// reached: the organisation waits, no attempt is counted but that of the send that may
// have got through, and all goes on by itself.
func TestGlificThatCutsEveryConnectionPausesTheOrganisation(t *testing.T) {
	const shortPause = 50 * time.Millisecond
	for name, fate := range map[string]struct {
		kind  glifictest.FaultKind
		sends int // of the message that was in hand
	}{
		"the message in hand got through": {glifictest.LoseAnswer, 1},
		"the message in hand did not":     {glifictest.DropRequest, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			first := s.queueRule(welcomeRule, asha, "Subject", asha)
			d, _ := s.start(calm, patient, func(o *Options) { o.Settings.MaxAttempts, o.Settings.ShortPause = 2, shortPause })
			s.awaitState(first, stateAccepted) // so that Glific need be asked neither for a session nor about the contact

			s.glific.Inject(glifictest.Fault{Organisation: "asha", Operation: "createAndSendMessage", Kind: fate.kind})
			s.glific.Inject(glifictest.Fault{Organisation: "asha", Kind: glifictest.DropRequest, Times: -1})
			inHand := s.queueRule(welcomeRule, 5000, "Subject", asha)
			d.Wake(avnitest.AshaGramin)
			s.awaitReason(inHand, stateUncertain, LostAnswer)
			began := time.Now()
			later := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
			d.Wake(avnitest.AshaGramin)
			if r := s.awaitReason(later, stateWaiting, Unreachable); r.Status != "NotSent" || r.Attempts != 0 || r.Outcomes != "wait" {
				t.Errorf("the message that waits is %+v", r)
			}
			s.ask()
			if r := s.awaitReason(inHand, stateUncertain, Unreachable); r.Status != "NotSent" || r.Attempts != 1 {
				t.Errorf("the message in doubt is %+v", r)
			}
			s.await("the pauses grow", func() bool { return time.Until(d.Status()[0].PausedUntil) > 5*shortPause })
			got := d.Status()[0]
			if want := s.organisations[0].Glific.Host() + ": the connection was closed before the answer"; got.Paused != Unreachable || got.PausedFor != want || got.PausedSince.Before(began) {
				t.Errorf("the status is %+v, want it paused for %q since %s", got, want, began)
			}
			if lines := s.log.lines(t, "deliveries are paused"); len(lines) != 1 {
				t.Errorf("the pause is told by %v", lines)
			}

			s.glific.ClearFaults()
			if r := s.awaitState(later, stateAccepted); r.Outcomes != "wait accepted" || r.Attempts != 1 {
				t.Errorf("the message that waited is %+v", r)
			}
			s.await("the message that was in doubt is accepted", func() bool { s.judge(); return s.row(inHand).State == string(stateAccepted) })
			if r := s.row(inHand); r.Attempts != fate.sends {
				t.Errorf("the message that was in doubt is %+v", r)
			}
			if lines := s.log.lines(t, "Glific answers again"); len(lines) != 1 {
				t.Errorf("its end is told by %v", lines)
			}
			if n := s.calls("asha", "createAndSendMessage"); n != 2+fate.sends {
				t.Errorf("Glific got %d sends, want %d", n, 2+fate.sends)
			}
			if a, r := len(s.bodies(ashaPhone)), len(s.bodies(rameshPhone)); a != 2 || r != 1 {
				t.Errorf("%d and %d messages, want 2 and 1", a, r)
			}
		})
	}
}
