package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// PostgresOptions is what a PostgresCollector needs.
type PostgresOptions struct {
	Pool *pgxpool.Pool // its own, of Connections
	Slot string
	// SlotLimit is the most WAL, in bytes, that may be kept for the slot before we drop it.
	SlotLimit int64
	// Since is the age at which a due message is not sent any more: older ones are no backlog.
	Since time.Duration
	// Organisations returns the organisations whose queue is shown.
	Organisations func() []Organisation
	Timeout       time.Duration // of one scrape; 5 s if zero
	Log           *slog.Logger
}

// Organisation is an organisation whose queue is shown.
type Organisation struct {
	ID       int32
	Label    string // the value of label "organisation"
	Delivers bool   // whether its queue is ours to deliver, by this process or another
}

// PostgresCollector reads figures from Avni's Postgres when it is scraped: whether we
// fill its disk, and what waits. It is safe for concurrent use.
type PostgresCollector struct {
	options PostgresOptions

	mu      sync.Mutex
	trouble string // what was last logged
}

// Connections is how many a collector needs: scrapes that come together take turns.
const Connections = 1

// NewPostgresCollector returns a collector; it does not connect before it is scraped.
func NewPostgresCollector(o PostgresOptions) *PostgresCollector {
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	o.Log = o.Log.With("component", "metrics")
	return &PostgresCollector{options: o}
}

var (
	postgresUp = prometheus.NewDesc("messenger_postgres_up",
		"Whether the figures from Postgres could all be read.", nil, nil)
	postgresDuration = prometheus.NewDesc("messenger_postgres_scrape_duration_seconds",
		"How long it took to read the figures from Postgres.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *PostgresCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{postgresUp, postgresDuration, slotActive, slotRetained, slotLag, slotSafe,
		slotStatus, slotSpilled, slotInvalid, slotLimit, leaseUntil, queueRequests, oldestDue, inboxChanges, inboxOldest} {
		descs <- d
	}
}

// Collect implements prometheus.Collector.
func (c *PostgresCollector) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), c.options.Timeout)
	defer cancel()
	start := time.Now()
	err := c.collect(ctx, metrics)
	c.report(err)
	up := 1.0
	if err != nil {
		up = 0
	}
	metrics <- prometheus.MustNewConstMetric(postgresUp, prometheus.GaugeValue, up)
	metrics <- prometheus.MustNewConstMetric(postgresDuration, prometheus.GaugeValue, time.Since(start).Seconds())
}

func (c *PostgresCollector) collect(ctx context.Context, metrics chan<- prometheus.Metric) error {
	return pgx.BeginTxFunc(ctx, c.options.Pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		for _, part := range []struct {
			name string
			read func(context.Context, pgx.Tx, chan<- prometheus.Metric) error
		}{{"slot", c.collectSlot}, {"inbox", c.collectInbox}, {"queue", c.collectQueue}} {
			if err := part.read(ctx, tx, metrics); err != nil {
				return fmt.Errorf("read %s: %w", part.name, err)
			}
		}
		return nil
	})
}

// report logs an error when its text changes: a scrape comes every few seconds.
func (c *PostgresCollector) report(err error) {
	text := ""
	if err != nil {
		text = err.Error()
		if errors.Is(err, context.DeadlineExceeded) {
			text = fmt.Sprintf("no answer within %s", c.options.Timeout)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if text != "" && text != c.trouble {
		c.options.Log.Warn("figures from Postgres are missing in /metrics", "err", text)
	}
	c.trouble = text
}
