package dispatch

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/internal/avnitest"
)

// Between two messages the number changes hands: the second one goes to the new contact,
// and the old owner gets nothing of it.
func TestContactIsLookedUpAgainWhenTheNumberChanges(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const newPhone = "919876500088"
	contact := s.asha.AddOptedInContact(newPhone, "")
	first := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	d, _ := s.start()
	s.awaitState(first, stateAccepted)
	s.must(s.avni.SetPhone(t.Context(), ramesh, "9876500088"))
	second := s.queueRule(workerRule, ramesh, "Subject", ramesh)
	d.Wake(avnitest.AshaGramin)
	s.awaitState(second, stateAccepted)
	if before, now := s.bodies(rameshPhone), s.bodies(newPhone); len(before) != 1 || len(now) != 1 {
		t.Errorf("the old number got %d messages, the new one %d; want one each", len(before), len(now))
	}
	if got := s.externalID("Subject", ramesh); got != contact {
		t.Errorf("external_id is %q, want %q", got, contact)
	}
	var kept string
	s.must(s.db.Pool().QueryRow(t.Context(), `select contact_id || ' ' || phone from messenger.delivery where request_id = $1`, second).Scan(&kept))
	if kept != contact+" "+newPhone {
		t.Error("the delivery does not keep the contact with the number it belongs to")
	}
}

// One number is a contact of its own at the Glific of each organisation.
func TestContactsAreThoseOfTheOrganisation(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.must(s.avni.SetPhone(t.Context(), asha, "+"+mayaPhone))
	here, there := s.asha.AddOptedInContact(mayaPhone, ""), s.seva.AddOptedInContact(mayaPhone, "")
	ids := []int64{s.queueRule(welcomeRule, asha, "Subject", asha), s.queueRule(nepalRule, 1101, "Subject", maya)}
	s.start()
	for i, want := range []string{here, there} {
		s.awaitState(ids[i], stateAccepted)
		var got string
		s.must(s.db.Pool().QueryRow(t.Context(), `select contact_id from messenger.delivery where request_id = $1`, ids[i]).Scan(&got))
		if got != want {
			t.Errorf("request %d was sent to contact %s, want %s", ids[i], got, want)
		}
	}
	for _, d := range s.glific.Ledger() {
		if want := map[string]string{"asha": "Welcome Asha of Kevadia", "seva": "Come with Maya"}[d.Organisation]; d.Body != want {
			t.Errorf("by the Glific of %s came %q, want %q", d.Organisation, d.Body, want)
		}
	}
}

// A wrong password is told in the log, in the status (which /health shows) and in a metric.
func TestWrongPasswordIsShouted(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.setPassword("not it")
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	registry := prometheus.NewRegistry()
	d, _ := s.start(func(o *Options) { o.Metrics, o.Settings.LongPause = NewMetrics(registry, QuietHours{}), time.Hour })
	s.awaitReason(id, stateWaiting, WrongPassword)
	s.await("the status says so", func() bool { return d.Status()[0].Paused == WrongPassword && d.Status()[0].PausedFor != "" })
	err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP messenger_dispatch_paused 1 while nothing is sent for the organisation, such as for a wrong password.
# TYPE messenger_dispatch_paused gauge
messenger_dispatch_paused{organisation="asha_gramin"} 1
messenger_dispatch_paused{organisation="seva_nepal"} 0
`), "messenger_dispatch_paused")
	s.must(err)
	told := 0
	for line := range strings.Lines(s.log.String()) {
		if strings.Contains(line, "deliveries are paused") && strings.Contains(line, `"level":"ERROR"`) &&
			strings.Contains(line, string(WrongPassword)) && strings.Contains(line, "asha_gramin") && strings.Contains(line, WrongPassword.Advice()) {
			told++
		}
	}
	if told != 1 {
		t.Errorf("the log says so %d times, want once:\n%s", told, s.log)
	}
}
