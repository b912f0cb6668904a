package glific

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Operation names a call to Glific in errors and metrics.
type Operation string

// The operations of the client.
const (
	OpLogin           Operation = "login"
	OpContactByPhone  Operation = "contact_by_phone"
	OpOptinContact    Operation = "optin_contact"
	OpSend            Operation = "send"
	OpFindSent        Operation = "find_sent"
	OpReceipts        Operation = "receipts"
	OpTemplate        Operation = "template"
	OpSendToGroup     Operation = "send_to_group"
	OpFindSentToGroup Operation = "find_sent_to_group"
	OpGroupMembers    Operation = "group_members"
	OpOrganization    Operation = "organization"
	OpCurrentUser     Operation = "current_user"
)

var operations = []Operation{OpLogin, OpContactByPhone, OpOptinContact, OpSend, OpFindSent,
	OpReceipts, OpTemplate, OpSendToGroup, OpFindSentToGroup, OpGroupMembers, OpOrganization, OpCurrentUser}

// Metrics counts the calls of all clients of the process.
type Metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	calls    *prometheus.HistogramVec
	renewals prometheus.Counter
}

// NewMetrics registers the metrics; call it once per registry and share the result.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "messenger_glific_requests_total",
			Help: "Calls to Glific by operation and result: ok, or the reason of the failure.",
		}, []string{"operation", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "messenger_glific_request_duration_seconds",
			Help:    "How long requests to Glific took, without waiting for our own rate limit; one may hold several calls.",
			Buckets: []float64{0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30},
		}, []string{"operation"}),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "messenger_glific_request_calls",
			Help:    "How many calls went in one request: calls that wait for each other go together.",
			Buckets: []float64{1, 2, 5, 10, 25},
		}, []string{"operation"}),
		renewals: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "messenger_glific_session_renewals_total",
			Help: "Successful logins at Glific; about two per hour and organisation are normal.",
		}),
	}
	reg.MustRegister(m.requests, m.duration, m.calls, m.renewals)
	for _, op := range operations {
		m.duration.WithLabelValues(string(op))
		if op != OpLogin {
			m.calls.WithLabelValues(string(op))
		}
		m.requests.WithLabelValues(string(op), codeOK)
		for code, d := range definitions {
			if d.concerns(op) {
				m.requests.WithLabelValues(string(op), string(code))
			}
		}
	}
	return m
}

const codeOK = "ok"

// count notes the end of a call. A failed login within a call was counted as a login.
func (m *Metrics) count(op Operation, err error) {
	e := (*Error)(nil)
	switch {
	case err == nil:
		m.requests.WithLabelValues(string(op), codeOK).Inc()
	case errors.As(err, &e) && e.Operation == op:
		m.requests.WithLabelValues(string(op), string(e.Code)).Inc()
	}
}
