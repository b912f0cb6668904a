package dispatch

import "github.com/prometheus/client_golang/prometheus"

// receiptMetrics are what receipts expose.
type receiptMetrics struct {
	reached  *prometheus.CounterVec
	failures *prometheus.CounterVec
	awaited  *prometheus.GaugeVec
}

func newReceiptMetrics(reg prometheus.Registerer) receiptMetrics {
	m := receiptMetrics{
		reached: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "messenger", Subsystem: "dispatch", Name: "receipts_total",
			Help: "Accepted messages by each status that they were then seen to have reached: what was read was also delivered and sent."},
			[]string{"organisation", "status"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "messenger", Subsystem: "dispatch", Name: "receipt_failures_total",
			Help: "Messages that Glific had accepted and that then failed, by reason."}, []string{"organisation", "reason"}),
		awaited: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "messenger", Subsystem: "dispatch", Name: "receipts_awaited",
			Help: "Accepted messages of the last 3 days of which it is not known yet that they arrived or failed."}, []string{"organisation"}),
	}
	reg.MustRegister(m.reached, m.failures, m.awaited)
	return m
}

func (m receiptMetrics) begin(organisation string) {
	for status := range receiptRanks {
		if status != receiptPending {
			m.reached.WithLabelValues(organisation, string(status))
		}
	}
	for reason := range receiptReasons {
		if reason != AccountChanged { // that nobody can tell of a message is no failure
			m.failures.WithLabelValues(organisation, string(reason))
		}
	}
	m.awaited.WithLabelValues(organisation)
}

func (m receiptMetrics) end(organisation string) {
	label := prometheus.Labels{"organisation": organisation}
	m.reached.DeletePartialMatch(label)
	m.failures.DeletePartialMatch(label)
	m.awaited.DeletePartialMatch(label)
}

// count counts what a look has brought.
func (m receiptMetrics) count(organisation string, before, after receipt) {
	for status := range receiptRanks {
		if after.status.includes(status) && !before.status.includes(status) {
			m.reached.WithLabelValues(organisation, string(status)).Inc()
		}
	}
	if after.fails(before) {
		m.failures.WithLabelValues(organisation, string(after.reason)).Inc()
	}
}
