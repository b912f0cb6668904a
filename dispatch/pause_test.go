package dispatch

import (
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

func TestWrongPasswordPausesOneOrganisationUntilItIsCorrected(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.setPassword("not it")
	here := s.queueRule(welcomeRule, asha, "Subject", asha)
	there := s.queueRule(nepalRule, 1101, "Subject", maya)
	d, _ := s.start(func(o *Options) { o.Settings.LongPause = time.Hour })

	s.awaitState(there, stateAccepted)
	r := s.awaitReason(here, stateWaiting, WrongPassword)
	if r.Status != "NotSent" || r.Attempts != 0 {
		t.Errorf("the waiting request is %+v", r)
	}
	statuses := d.Status()
	if got := statuses[0]; got.Paused != WrongPassword || time.Until(got.PausedUntil) < time.Minute || got.Name != "asha_gramin" {
		t.Errorf("the status is %+v", got)
	}
	if got := statuses[1]; got.Paused != "" || got.LastSuccess.IsZero() {
		t.Errorf("the other organisation's status is %+v", got)
	}

	s.setPassword("glific-asha-pw")
	d.Reload()
	if r := s.awaitState(here, stateAccepted); r.Outcomes != "wait accepted" || r.Attempts != 1 {
		t.Errorf("the request is %+v", r)
	}
	if got := d.Status()[0]; got.Paused != "" {
		t.Errorf("the status afterwards is %+v", got)
	}
}

// setPassword changes what Avni says is Asha Gramin's password.
func (s *stage) setPassword(password string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.organisations[0].Glific.Password = password
}

func TestPauseEndsByItselfAndIsSaidOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.asha.Suspend(true)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start()
	s.awaitReason(id, stateWaiting, OrganisationSuspended)
	s.await("it was tried again and again", func() bool { return s.calls("asha", "createAndSendMessage") >= 4 })
	s.asha.Suspend(false)
	if r := s.awaitState(id, stateAccepted); r.Outcomes != "wait accepted" || r.Attempts != 1 {
		t.Errorf("the request is %+v", r)
	}
	log := s.log.String()
	if n := strings.Count(log, "deliveries are paused"); n != 1 {
		t.Errorf("the pause was logged %d times:\n%s", n, log)
	}
	if n := strings.Count(log, "deliveries go on"); n != 1 {
		t.Errorf("its end was logged %d times:\n%s", n, log)
	}
}

func TestUnreachableGlificCountsNoAttempts(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.mu.Lock()
	right := s.organisations[0].Glific
	s.organisations[0].Glific.BaseURL = "http://127.0.0.1:1/asha"
	s.mu.Unlock()
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start(func(o *Options) { o.Settings.MaxAttempts = 1 })
	s.awaitReason(id, stateWaiting, Unreachable)
	s.mu.Lock()
	s.organisations[0].Glific = right
	s.mu.Unlock()
	d.Reload()
	if r := s.awaitState(id, stateAccepted); r.Attempts != 1 {
		t.Errorf("the request is %+v", r)
	}
}

func TestGupshupSettingsPauseAndTheMessageIsSentOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.asha.SetGupshup(false)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start(func(o *Options) { o.Settings.MaxAttempts = 1 }) // the message is not to blame
	s.awaitState(id, stateUncertain)
	s.await("the organisation is paused", func() bool { return d.Status()[0].Paused == GupshupSettings })
	s.asha.SetGupshup(true)
	s.awaitState(id, stateAccepted)
	if got := s.bodies(ashaPhone); len(got) != 1 {
		t.Errorf("%d messages, want 1", len(got))
	}
}

func TestEndedSessionIsNoTrouble(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start()
	s.awaitState(first, stateAccepted)
	s.asha.RevokeSessions()
	second := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	d.Wake(avnitest.AshaGramin)
	if r := s.awaitState(second, stateAccepted); r.Outcomes != "accepted" {
		t.Errorf("attempts: %s", r.Outcomes)
	}
	if n := s.glific.Logins("asha"); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
}

func TestSlowGlificOfOneOrganisationDelaysNoOther(t *testing.T) {
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Organisation: "asha", Operation: "contactByPhone", Kind: glifictest.OnlyDelay, Delay: 10 * time.Second, Times: -1})
	here := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start(func(o *Options) { o.Glific.Timeout = 30 * time.Second; o.Settings.StopGrace = 10 * time.Millisecond })
	s.await("the slow organisation is at work", func() bool { return s.row(here).State == "claimed" })
	started := time.Now()
	there := s.queueRule(nepalRule, 1101, "Subject", maya)
	s.awaitState(there, stateAccepted)
	if took := time.Since(started); took > 5*time.Second {
		t.Errorf("the other organisation's message took %s", took)
	}
	if s.row(here).State == "accepted" {
		t.Error("the slow organisation was not slow")
	}
}

func TestOrganisationsComeAndGo(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.mu.Lock()
	all := s.organisations
	s.organisations = all[1:]
	s.mu.Unlock()
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	there := s.queueRule(nepalRule, 1101, "Subject", maya)
	d, _ := s.start()
	s.awaitState(there, stateAccepted)
	if got := s.row(id).State; got != "" {
		t.Fatalf("a request of an organisation that is not served is %s", got)
	}
	s.mu.Lock()
	s.organisations = all[:1]
	s.mu.Unlock()
	d.Reload()
	s.awaitState(id, stateAccepted)
	if got := d.Status(); len(got) != 1 || got[0].OrganisationID != 101 {
		t.Errorf("served: %+v", got)
	}
	gone := s.queueRule(nepalRule, 1101, "Subject", maya)
	d.Wake(avnitest.SevaNepal)
	last := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	d.Wake(avnitest.AshaGramin)
	s.awaitState(last, stateAccepted)
	if got := s.row(gone).State; got != "" {
		t.Errorf("a request of an organisation that is not served any more is %s", got)
	}
}
