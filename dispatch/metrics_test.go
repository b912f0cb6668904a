package dispatch

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/dispatch/glific/glifictest"
)

func TestOrganisationThatReturnsKeepsItsMetrics(t *testing.T) {
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.AnswerLate, Delay: 700 * time.Millisecond})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	registry := prometheus.NewRegistry()
	d, _ := s.start(func(o *Options) { o.Metrics = NewMetrics(registry, QuietHours{}) })
	s.awaitState(id, "sending")
	serve := func(organisations []Organisation) {
		s.mu.Lock()
		s.organisations = organisations
		s.mu.Unlock()
		d.Reload()
		s.await("the organisations are known", func() bool { return len(d.Status()) == len(organisations) })
	}
	all := s.organisations
	serve(all[1:])
	serve(all)
	s.awaitState(id, stateAccepted)
	serve(all[:1])
	s.await("only the served one is left", func() bool {
		n, err := testutil.GatherAndCount(registry, "messenger_dispatch_deliveries_total")
		s.must(err)
		return n == 1
	})
	if n, err := testutil.GatherAndCount(registry, "messenger_dispatch_paused", "messenger_dispatch_deliveries_total"); err != nil || n != 2 {
		t.Errorf("%d metrics of the organisation that returned, %v; want 2", n, err)
	}
}

// Also while nothing is delivered for anybody.
func TestQuietHoursAreShown(t *testing.T) {
	clock := time.Duration(time.Now().UTC().Hour()) * time.Hour
	for quiet, want := range map[QuietHours]float64{
		{}: 0,
		{From: (clock + 23*time.Hour) % (24 * time.Hour), To: (clock + 2*time.Hour) % (24 * time.Hour), Location: time.UTC}:  1,
		{From: (clock + 12*time.Hour) % (24 * time.Hour), To: (clock + 14*time.Hour) % (24 * time.Hour), Location: time.UTC}: 0,
	} {
		registry := prometheus.NewRegistry()
		NewMetrics(registry, quiet)
		if err := testutil.GatherAndCompare(registry, strings.NewReader(fmt.Sprintf(`
			# HELP messenger_dispatch_quiet 1 during quiet hours, in which nothing is sent.
			# TYPE messenger_dispatch_quiet gauge
			messenger_dispatch_quiet %v
		`, want)), "messenger_dispatch_quiet"); err != nil {
			t.Errorf("quiet hours %v: %v", quiet, err)
		}
	}
}

func TestMetrics(t *testing.T) {
	s := newStage(t)
	fine := s.queueRule(welcomeRule, asha, "Subject", asha)
	bad := s.queueRule(welcomeRule, noPhone, "Subject", noPhone)
	s.exec(`update message_request_queue set created_date_time = now() - interval '1 hour' where id = $1`, fine) // due 5 s ago
	registry := prometheus.NewRegistry()
	_, stop := s.start(func(o *Options) { o.Metrics = NewMetrics(registry, QuietHours{}) })
	s.awaitState(fine, stateAccepted)
	s.awaitState(bad, stateRefused)
	stop()

	problems, err := testutil.GatherAndLint(registry)
	s.must(err)
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	got := map[string]float64{}
	families, err := registry.Gather()
	s.must(err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := strings.TrimPrefix(f.GetName(), "messenger_dispatch_")
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetHistogram().GetSampleSum()
		}
	}
	for name, want := range map[string]float64{
		"deliveries_total asha_gramin": 2, "deliveries_total seva_nepal": 0,
		"delivery_failures_total asha_gramin no_phone": 1, "delivery_failures_total asha_gramin opted_out": 0,
		"in_flight": 0, "retries_scheduled_total": 0, "abandoned_total": 0,
		"paused asha_gramin": 0,
	} {
		if value, ok := got[name]; !ok || value != want {
			t.Errorf("%s is %v (there: %v), want %v", name, value, ok, want)
		}
	}
	if took := got["end_to_end_duration_seconds"]; took < 5 || took > 15 {
		t.Errorf("from due to accepted %v s, want 5 and a bit", took)
	}
	if took := got["delivery_duration_seconds"]; took <= 0 || took > 5 {
		t.Errorf("Glific answered in %v s", took)
	}
}
