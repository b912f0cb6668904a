package metrics

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestWithoutOrganisations(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	failures := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "messenger_test_failures_total", Help: "h"}, []string{"organisation", "reason"})
	held := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "messenger_test_held", Help: "h"}, []string{"organisation"})
	oldest := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "messenger_test_oldest_timestamp_seconds", Help: "h"}, []string{"organisation"})
	last := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "messenger_test_last_sent_timestamp_seconds", Help: "h"}, []string{"organisation"})
	other := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "messenger_test_seconds", Help: "h"}, []string{"phase"})
	registry.MustRegister(failures, held, oldest, last, other)
	for i, organisation := range []string{"asha", "jal", "seva"} {
		failures.WithLabelValues(organisation, "no_phone").Add(float64(i + 1))
		held.WithLabelValues(organisation).Set(1)
		oldest.WithLabelValues(organisation).Set(float64(100 - i))
		last.WithLabelValues(organisation).Set(float64(100 - i))
	}
	failures.WithLabelValues("asha", "blocked").Add(10)
	other.WithLabelValues("schedule").Observe(1)
	other.WithLabelValues("message").Observe(1)
	narrow := WithoutOrganisations(registry)
	got := gather(t, narrow)
	want := map[string]float64{
		`messenger_test_failures_total{reason="blocked"}`:  10,
		`messenger_test_failures_total{reason="no_phone"}`: 6,
		`messenger_test_held`:                              3,
		`messenger_test_oldest_timestamp_seconds`:          98,
		`messenger_test_last_sent_timestamp_seconds`:       100,
		`messenger_test_seconds{phase="message"}`:          0,
		`messenger_test_seconds{phase="schedule"}`:         0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("without organisations (-want +got):\n%s", diff)
	}
	if problems, err := testutil.GatherAndLint(narrow); err != nil || len(problems) > 0 {
		t.Errorf("what is left is not well formed: %v %v", problems, err)
	}
	if n, err := testutil.GatherAndCount(registry); err != nil || n != 15 {
		t.Errorf("the registry itself has %d metrics, %v, want 12 as before", n, err)
	}
}
