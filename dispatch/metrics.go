package dispatch

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are what deliveries expose. What waits in the queue is not among them: that
// is read from Postgres at each scrape, by whoever runs the metrics server.
type Metrics struct {
	deliveries       *prometheus.CounterVec
	failures         *prometheus.CounterVec
	retries          prometheus.Counter
	abandoned        prometheus.Counter
	deliveryDuration prometheus.Histogram
	endToEnd         prometheus.Histogram
	inFlight         prometheus.Gauge
	paused           *prometheus.GaugeVec
	lastAccepted     *prometheus.GaugeVec
	receipts         receiptMetrics
}

// NewMetrics registers the metrics; call it once per registry. Whether quiet hours hold is told
// by the clock, so that it is right also while no organisation is delivered.
func NewMetrics(reg prometheus.Registerer, quiet QuietHours) *Metrics {
	counter := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{Namespace: "messenger", Subsystem: "dispatch", Name: name, Help: help}
	}
	gauge := func(name, help string) prometheus.GaugeOpts {
		return prometheus.GaugeOpts{Namespace: "messenger", Subsystem: "dispatch", Name: name, Help: help}
	}
	histogram := func(name, help string, buckets ...float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Namespace: "messenger", Subsystem: "dispatch", Name: name, Help: help, Buckets: buckets}
	}
	m := &Metrics{
		receipts: newReceiptMetrics(reg),
		deliveries: prometheus.NewCounterVec(counter("deliveries_total",
			"Deliveries that came to an end, for now or for good: accepted or failed."), []string{"organisation"}),
		failures: prometheus.NewCounterVec(counter("delivery_failures_total",
			"Deliveries that Glific did not accept, by reason, whether they are tried again or not."), []string{"organisation", "reason"}),
		retries:   prometheus.NewCounter(counter("retries_scheduled_total", "Deliveries that are to be tried again.")),
		abandoned: prometheus.NewCounter(counter("abandoned_total", "Messages that were given up: too many attempts, or too late.")),
		deliveryDuration: prometheus.NewHistogram(histogram("delivery_duration_seconds",
			"How long Glific took to answer a send.", 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30)),
		endToEnd: prometheus.NewHistogram(histogram("end_to_end_duration_seconds",
			"From when a message was due, or queued if that was later, until Glific had accepted it.",
			1, 2.5, 5, 15, 30, 60, 300, 900, 1800, 3600)),
		inFlight: prometheus.NewGauge(gauge("in_flight", "Deliveries under way.")),
		paused:   prometheus.NewGaugeVec(gauge("paused", "1 while nothing is sent for the organisation, such as for a wrong password."), []string{"organisation"}),
		lastAccepted: prometheus.NewGaugeVec(gauge("last_accepted_timestamp_seconds",
			"When Glific last accepted a message from this process: the last time that everything worked from end to end. 0: not yet."), []string{"organisation"}),
	}
	reg.MustRegister(m.deliveries, m.failures, m.retries, m.abandoned, m.deliveryDuration, m.endToEnd, m.inFlight, m.paused, m.lastAccepted,
		prometheus.NewGaugeFunc(gauge("quiet", "1 during quiet hours, in which nothing is sent."), func() float64 {
			_, holds := quiet.End(time.Now())
			return map[bool]float64{true: 1}[holds]
		}))
	return m
}

// begin shows an organisation's metrics before anything happens.
func (m *Metrics) begin(organisation string) {
	m.deliveries.WithLabelValues(organisation)
	for reason, meaning := range reasons {
		if meaning.class != ClassHeld && meaning.class != ClassWithdrawn && meaning.class != ClassUnderWay {
			m.failures.WithLabelValues(organisation, string(reason))
		}
	}
	m.paused.WithLabelValues(organisation).Set(0)
	m.lastAccepted.WithLabelValues(organisation)
	m.receipts.begin(organisation)
}

// end takes an organisation's metrics away.
func (m *Metrics) end(organisation string) {
	label := prometheus.Labels{"organisation": organisation}
	for _, vector := range []interface{ DeletePartialMatch(prometheus.Labels) int }{m.deliveries, m.failures, m.paused, m.lastAccepted} {
		vector.DeletePartialMatch(label)
	}
	m.receipts.end(organisation)
}

func (m *Metrics) count(organisation string, v verdict) {
	switch v.outcome {
	case withdrawn, held, dryRun, unknown, underWay, completed:
		return
	case accepted:
		m.deliveries.WithLabelValues(organisation).Inc()
		m.lastAccepted.WithLabelValues(organisation).SetToCurrentTime()
		return
	case passing, uncertain:
		m.retries.Inc()
	}
	if v.reason.Class() == ClassEnded {
		m.abandoned.Inc()
	}
	m.deliveries.WithLabelValues(organisation).Inc()
	m.failures.WithLabelValues(organisation, string(v.reason)).Inc()
}

func (m *Metrics) countExpired(organisation string, requests int) {
	m.abandoned.Add(float64(requests))
	m.deliveries.WithLabelValues(organisation).Add(float64(requests))
	m.failures.WithLabelValues(organisation, string(Expired)).Add(float64(requests))
}
