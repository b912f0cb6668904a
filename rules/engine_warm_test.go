package rules

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// TestFirstRuntimeIsReady checks that the first change waits for no runtime, and that no
// two organisations share the one that was ready.
func TestFirstRuntimeIsReady(t *testing.T) {
	e := engineWith(t, EngineOptions{Metrics: NewEngineMetrics(prometheus.NewRegistry())})
	ready := e.pool.spare
	if ready == nil {
		t.Fatal("a new engine has no runtime")
	}
	first, err := e.pool.take(t.Context(), asha)
	if err != nil || first.runtime != ready {
		t.Fatalf("the first organisation got another runtime, %v", err)
	}
	second, err := e.pool.take(t.Context(), nepal)
	if err != nil || second.runtime == ready {
		t.Fatalf("the second organisation got the first one's runtime, %v", err)
	}
	if n := testutil.ToFloat64(e.options.Metrics.started); n != 2 {
		t.Errorf("runtimes_started_total is %v, want 2", n)
	}
}
