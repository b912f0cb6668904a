package rules

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// phase says which of a rule's two scripts ran. It is a metric label.
type phase string

const (
	schedulePhase phase = "schedule" // schedule_rule, when the entity changes
	messagePhase  phase = "message"  // message_rule, when the message is sent
)

var failureKinds = []FailureKind{FailedCompile, FailedThrow, FailedTimeout, FailedResult, FailedLoad}

// Metrics counts what this package does. Evaluations are counted by whoever asks for
// them (the worker, the renderer), outcomes by the worker once they are committed.
type Metrics struct {
	evaluations *prometheus.CounterVec
	failures    *prometheus.CounterVec
	duration    *prometheus.HistogramVec
	outcomes    *prometheus.CounterVec
	reaction    prometheus.Histogram
	retries     prometheus.Counter
	paused      *prometheus.GaugeVec
	waiting     *prometheus.GaugeVec
	held        prometheus.Gauge
	rules       prometheus.Gauge
	refreshed   prometheus.Gauge
	comparisons *prometheus.CounterVec
	differences *prometheus.GaugeVec

	differing map[string]int // what differences shows
}

// NewMetrics makes the collectors and registers them.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		evaluations: counterVec("evaluations_total", "Rule scripts that were run.", "phase"),
		failures:    counterVec("failures_total", "Rule scripts that gave no usable answer.", "phase", "reason"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "messenger", Subsystem: "rules", Name: "evaluation_duration_seconds",
			Help:    "Time that one rule script took.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 2},
		}, []string{"phase"}),
		outcomes: counterVec("outcomes_total", "What became of changes, one for each rule and change.", "outcome"),
		reaction: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "messenger", Subsystem: "rules", Name: "reaction_duration_seconds",
			Help:    "Time from the commit of a change in Avni to the commit of its outcome.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, 1, 5, 30, 300, 3600},
		}),
		retries:   prometheus.NewCounter(prometheus.CounterOpts(opts("retries_total", "Changes put off because the database or the engine failed."))),
		paused:    gaugeVec("paused", "Rule scripts that are not run because they failed too often.", "phase"),
		waiting:   gaugeVec("paused_waiting", "What waits for paused rule scripts: changes (schedule) and messages (message).", "phase"),
		held:      gauge("held", "New messages that are held because their rule made too many at once: they wait to be released or cancelled."),
		rules:     gauge("catalog_rules", "Message rules in memory that are not voided."),
		refreshed: gauge("catalog_refresh_timestamp_seconds", "When message rules were last read."),
		comparisons: counterVec("parity_comparisons_total",
			"What would be queued compared with what avni-server has queued, in shadow mode; different: for a known cause, unknown: for none.", "verdict"),
		differences: gaugeVec("parity_unexplained", "Rules and entities for which avni-server has queued something else for no known cause, in shadow mode, within the last 7 days.", "organisation"),
	}
	reg.MustRegister(m.evaluations, m.failures, m.duration, m.outcomes, m.reaction, m.retries, m.paused, m.waiting, m.held, m.rules, m.refreshed,
		m.comparisons, m.differences)
	m.initialise()
	return m
}

// initialise makes every known label set visible as 0.
func (m *Metrics) initialise() {
	m.pauses(nil)
	for _, p := range []phase{schedulePhase, messagePhase} {
		m.evaluations.WithLabelValues(string(p))
		m.duration.WithLabelValues(string(p))
		for _, kind := range failureKinds {
			m.failures.WithLabelValues(string(p), string(kind))
		}
	}
	for _, verdict := range []string{string(paritySame), string(parityDifferent), "unknown"} {
		m.comparisons.WithLabelValues(verdict)
	}
	for _, o := range outcomes {
		m.outcomes.WithLabelValues(string(o))
		m.outcomes.WithLabelValues(string(o.compared()))
	}
}

func (m *Metrics) evaluated(p phase, took time.Duration, failure *Failure) {
	m.evaluations.WithLabelValues(string(p)).Inc()
	m.duration.WithLabelValues(string(p)).Observe(took.Seconds())
	if failure != nil {
		m.failures.WithLabelValues(string(p), string(failure.Kind)).Inc()
	}
}

// pauses shows which scripts are paused and how much waits for them.
func (m *Metrics) pauses(all map[scriptKey]pause) {
	paused, waiting := map[phase]int{}, map[phase]int{}
	for key, one := range all {
		paused[key.phase]++
		waiting[key.phase] += one.waiting
	}
	for _, p := range []phase{schedulePhase, messagePhase} {
		m.paused.WithLabelValues(string(p)).Set(float64(paused[p]))
		m.waiting.WithLabelValues(string(p)).Set(float64(waiting[p]))
	}
}

// compared counts a comparison that came to a verdict.
func (m *Metrics) compared(verdict parityVerdict, cause Cause) {
	label := string(verdict)
	switch {
	case verdict == parityWaiting, verdict == parityOwn:
		return
	case verdict == parityDifferent && cause == "":
		label = "unknown"
	}
	m.comparisons.WithLabelValues(label).Inc()
}

// unexplained shows how many differences of each organisation in shadow mode have no
// known cause. It is called by one goroutine. What goes on being shown is never away: a scrape
// that comes meanwhile would have an alert begin anew.
func (m *Metrics) unexplained(counts map[string]int) {
	for organisation, n := range counts {
		m.differences.WithLabelValues(organisation).Set(float64(n))
	}
	for organisation := range m.differing {
		if _, still := counts[organisation]; !still {
			m.differences.DeleteLabelValues(organisation)
		}
	}
	m.differing = counts
}

func opts(name, help string) prometheus.Opts {
	return prometheus.Opts{Namespace: "messenger", Subsystem: "rules", Name: name, Help: help}
}

func counterVec(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), labels)
}

func gaugeVec(name, help string, labels ...string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts(opts(name, help)), labels)
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts(opts(name, help)))
}

// unregistered is for who asked for no metrics.
func unregistered() *Metrics { return NewMetrics(prometheus.NewRegistry()) }
