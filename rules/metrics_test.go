package rules

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetricsAreWellNamed(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	NewMetrics(reg)
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if n, err := testutil.GatherAndCount(reg, "messenger_rules_failures_total"); err != nil || n != 2*len(failureKinds) {
		t.Errorf("%d series of failures_total are there from the start: %v", n, err)
	}
}

// Whoever looks while the differences are counted anew sees those that go on.
func TestUnexplainedDifferencesAreNeverAway(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	m := NewMetrics(reg)
	m.unexplained(map[string]int{"asha_gramin": 2})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 1; ; n++ {
			select {
			case <-stop:
				m.unexplained(map[string]int{"asha_gramin": 1})
				return
			default:
				m.unexplained(map[string]int{"asha_gramin": n, "seva_nepal": n})
				m.unexplained(map[string]int{"asha_gramin": n})
			}
		}
	}()
	for range 200 {
		if n, err := testutil.GatherAndCount(reg, "messenger_rules_parity_unexplained"); err != nil || n < 1 {
			t.Errorf("%d organisations have differences: %v", n, err)
			break
		}
	}
	close(stop)
	<-stopped
	if n, err := testutil.GatherAndCount(reg, "messenger_rules_parity_unexplained"); err != nil || n != 1 {
		t.Errorf("in the end %d organisations have differences, want 1: %v", n, err)
	}
}
