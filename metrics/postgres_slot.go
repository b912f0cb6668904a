package metrics

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
)

var (
	slotActive = prometheus.NewDesc("messenger_postgres_slot_active",
		"Whether something reads the replication slot; 0 also if there is no slot.", []string{"slot"}, nil)
	slotRetained = prometheus.NewDesc("messenger_postgres_slot_retained_bytes",
		"WAL that Postgres keeps on its disk for the slot.", []string{"slot"}, nil)
	slotLag = prometheus.NewDesc("messenger_postgres_slot_lag_bytes",
		"WAL that has been written but not yet acknowledged through the slot.", []string{"slot"}, nil)
	slotSafe = prometheus.NewDesc("messenger_postgres_slot_safe_wal_bytes",
		"WAL that can still be written before the slot is lost; absent without max_slot_wal_keep_size.", []string{"slot"}, nil)
	slotLimit = prometheus.NewDesc("messenger_postgres_slot_limit_bytes",
		"WAL that may be kept for the slot before avni-messenger drops it to save Avni's disk (MESSENGER_MAX_SLOT_WAL).", []string{"slot"}, nil)
	slotSpilled = prometheus.NewDesc("messenger_postgres_slot_spilled_bytes_total",
		"Bytes that Postgres put on its disk while decoding for the slot (since PostgreSQL 14).", []string{"slot"}, nil)
	slotInvalid = prometheus.NewDesc("messenger_postgres_slot_invalid",
		"Whether Postgres has invalidated the slot, for whatever reason; 1 also if it is lost.", []string{"slot"}, nil)
	leaseUntil = prometheus.NewDesc("messenger_cdc_lease_expires_timestamp_seconds",
		"Until when the process that streams has the lease of the slot; absent if none has.", []string{"slot"}, nil)
	slotStatus = prometheus.NewDesc("messenger_postgres_slot_wal_status",
		"1 for what Postgres says about the slot's WAL (since PostgreSQL 13).", []string{"slot", "status"}, nil)
)

// walStatuses are the values of pg_replication_slots.wal_status.
var walStatuses = []string{"reserved", "extended", "unreserved", "lost"}

// slotSQL reads columns that older versions lack through to_jsonb, so that one text
// serves PostgreSQL 12 and later.
const slotSQL = `
select s.active,
       pg_wal_lsn_diff(here.lsn, s.restart_lsn)::float8,
       pg_wal_lsn_diff(here.lsn, s.confirmed_flush_lsn)::float8,
       to_jsonb(s) ->> 'wal_status',
       (to_jsonb(s) ->> 'safe_wal_size')::float8,
       coalesce(to_jsonb(s) ->> 'wal_status' = 'lost', false) or coalesce((to_jsonb(s) ->> 'conflicting')::bool, false)
           or to_jsonb(s) ->> 'invalidation_reason' is not null
from pg_replication_slots s,
     (select case when pg_is_in_recovery() then pg_last_wal_receive_lsn() else pg_current_wal_lsn() end as lsn) here
where s.slot_name = $1`

func (c *PostgresCollector) collectSlot(ctx context.Context, tx pgx.Tx, metrics chan<- prometheus.Metric) error {
	slot := c.options.Slot
	var active, invalid bool
	var retained, lag, safe *float64
	var status *string
	err := tx.QueryRow(ctx, slotSQL, slot).Scan(&active, &retained, &lag, &status, &safe, &invalid)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	metrics <- prometheus.MustNewConstMetric(slotActive, prometheus.GaugeValue, number(active), slot)
	metrics <- prometheus.MustNewConstMetric(slotInvalid, prometheus.GaugeValue, number(invalid), slot)
	metrics <- prometheus.MustNewConstMetric(slotLimit, prometheus.GaugeValue, float64(c.options.SlotLimit), slot)
	for desc, value := range map[*prometheus.Desc]*float64{slotRetained: retained, slotLag: lag, slotSafe: safe} {
		if value != nil {
			metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, *value, slot)
		}
	}
	if status != nil {
		for _, known := range walStatuses {
			metrics <- prometheus.MustNewConstMetric(slotStatus, prometheus.GaugeValue, number(known == *status), slot, known)
		}
	}
	return c.collectLease(ctx, tx, metrics)
}

// collectLease reads what some servers do not have yet: the view is of PostgreSQL 14,
// the columns come with our own migration.
func (c *PostgresCollector) collectLease(ctx context.Context, tx pgx.Tx, metrics chan<- prometheus.Metric) error {
	slot := c.options.Slot
	var statistics bool
	var until *time.Time
	err := tx.QueryRow(ctx, `select to_regclass('pg_catalog.pg_stat_replication_slots') is not null,
		(select (to_jsonb(p) ->> 'lease_until')::timestamptz from messenger.position p where p.slot = $1)`, slot).Scan(&statistics, &until)
	if err != nil {
		return err
	}
	if until != nil {
		metrics <- prometheus.MustNewConstMetric(leaseUntil, prometheus.GaugeValue, seconds(*until), slot)
	}
	if !statistics {
		return nil
	}
	var spilled float64
	err = tx.QueryRow(ctx, `select spill_bytes::float8 from pg_stat_replication_slots where slot_name = $1`, slot).Scan(&spilled)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	metrics <- prometheus.MustNewConstMetric(slotSpilled, prometheus.CounterValue, spilled, slot)
	return nil
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
