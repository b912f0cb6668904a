package rules

import "github.com/prometheus/client_golang/prometheus"

// Why a runtime was thrown away. They are metric labels.
const (
	discardedFault  = "fault"  // a rule looped, ran out of stack or memory, or broke the engine
	discardedWorn   = "worn"   // it had served its number of evaluations
	discardedIdle   = "idle"   // other organisations needed the room
	discardedSpoilt = "spoilt" // it was made for one rule, which changes what rules share
)

// EngineMetrics counts what the engine does with its runtimes. A nil *EngineMetrics
// counts nothing.
type EngineMetrics struct {
	started prometheus.Counter
	thrown  *prometheus.CounterVec
	console prometheus.Counter
}

// NewEngineMetrics makes the collectors and registers them.
func NewEngineMetrics(reg prometheus.Registerer) *EngineMetrics {
	m := &EngineMetrics{
		started: prometheus.NewCounter(prometheus.CounterOpts(opts("runtimes_started_total", "JavaScript runtimes made, one for an organisation at a time."))),
		thrown:  counterVec("runtimes_discarded_total", "JavaScript runtimes thrown away.", "cause"),
		console: prometheus.NewCounter(prometheus.CounterOpts(opts("console_lines_total", "Calls of console.log and the like in rules."))),
	}
	reg.MustRegister(m.started, m.thrown, m.console)
	for _, cause := range []string{discardedFault, discardedWorn, discardedIdle, discardedSpoilt} {
		m.thrown.WithLabelValues(cause)
	}
	return m
}

func (m *EngineMetrics) made() {
	if m != nil {
		m.started.Inc()
	}
}

func (m *EngineMetrics) discarded(cause string) {
	if m != nil {
		m.thrown.WithLabelValues(cause).Inc()
	}
}

func (m *EngineMetrics) printed(lines int) {
	if m != nil {
		m.console.Add(float64(lines))
	}
}
