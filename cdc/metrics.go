package cdc

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics are the stream's metrics, all named messenger_cdc_….
type Metrics struct {
	up            prometheus.Gauge
	state         *prometheus.GaugeVec // state
	connects      prometheus.Counter
	disconnects   *prometheus.CounterVec // reason
	transactions  prometheus.Counter
	changes       [][2]prometheus.Counter // by table index; insert, update
	inboxRows     prometheus.Counter
	handlerErrors prometheus.Counter
	batchSeconds  prometheus.Histogram
	lastCommit    prometheus.Gauge
	acknowledged  prometheus.Gauge
	received      prometheus.Gauge
	leader        prometheus.Gauge
	slotDrops     prometheus.Counter
	slotLost      *prometheus.CounterVec // cause
	catchUpRows   *prometheus.CounterVec // mode
	catchingUp    prometheus.Gauge
}

// NewMetrics registers the metrics, with every known label value at 0.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	of := maker{reg}
	m := &Metrics{
		up:            of.gauge("up", "Whether changes are being streamed from Postgres (1) or not (0)."),
		state:         of.gauges("state", "What the reader of the stream is doing: 1 for the current state.", "state"),
		connects:      of.counter("connects_total", "Streams that were started."),
		disconnects:   of.counters("disconnects_total", "Streams that ended or could not be started, by reason.", "reason"),
		transactions:  of.counter("transactions_total", "Source transactions that were read, without empty ones."),
		inboxRows:     of.counter("inbox_rows_total", "Changes that were written to the inbox."),
		handlerErrors: of.counter("handler_errors_total", "Times that changed rules, settings or queue rows could not be taken over, or not be read when a stream began."),
		batchSeconds: of.histogram("batch_duration_seconds", "Time to write one batch of changes and the position to Postgres.",
			0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
		lastCommit:   of.gauge("last_commit_timestamp_seconds", "Commit time of the last source transaction whose changes are stored."),
		acknowledged: of.gauge("acknowledged_lsn_bytes", "Position up to which everything is stored and acknowledged."),
		received:     of.gauge("received_lsn_bytes", "Position up to which the stream was received."),
		leader:       of.gauge("leader", "Whether this process has the lease of the stream (1) or not, or does not know (0)."),
		slotDrops:    of.counter("slot_drops_total", "Times that this process dropped its slot to protect the disk of Avni's database."),
		slotLost:     of.counters("slot_lost_total", "Times that changes were not read and had to be looked up in Avni's tables, by cause.", "cause"),
		catchUpRows:  of.counters("catchup_rows_total", "Changes that were looked up in Avni's tables and entered the inbox, by how they were found.", "mode"),
		catchingUp:   of.gauge("catchup_running", "Whether changes that were not read are being looked up in Avni's tables (1) or not (0)."),
	}
	m.preset(of.counters("changes_total", "Row changes that were read, by table and operation.", "table", "op"))
	return m
}

// preset makes every label value known.
func (m *Metrics) preset(changes *prometheus.CounterVec) {
	for _, t := range watchedTables {
		m.changes = append(m.changes, [2]prometheus.Counter{
			changes.WithLabelValues(string(t.name), "insert"), changes.WithLabelValues(string(t.name), "update")})
	}
	for _, r := range reasons {
		m.disconnects.WithLabelValues(string(r))
	}
	for _, c := range causes {
		m.slotLost.WithLabelValues(string(c))
	}
	for _, mode := range scanModes {
		m.catchUpRows.WithLabelValues(string(mode))
	}
	m.setState(Stopped)
}

func (m *Metrics) setState(current State) {
	for _, s := range states {
		m.state.WithLabelValues(strings.ReplaceAll(string(s), " ", "_")).Set(truth(s == current))
	}
	m.up.Set(truth(current == Streaming))
}

func (m *Metrics) changed(t *watchedTable, op Op) {
	if op == Update {
		m.changes[t.index][1].Inc()
		return
	}
	m.changes[t.index][0].Inc()
}

func (m *Metrics) stored(p position, rows int, took time.Duration) {
	m.batchSeconds.Observe(took.Seconds())
	m.inboxRows.Add(float64(rows))
	if !p.at.IsZero() {
		m.lastCommit.Set(float64(p.at.UnixMicro()) / 1e6)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
