package metrics

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/internal/avnitest"
)

func TestMain(m *testing.M) { avnitest.Main(m) }

const testSlot = "metrics_test"

func newTestCollector(db *avnitest.DB, log *slog.Logger, slot string) *PostgresCollector {
	return NewPostgresCollector(PostgresOptions{
		Pool: db.Pool(), Slot: slot, Since: 4 * 24 * time.Hour, Log: log,
		Organisations: func() []Organisation {
			return []Organisation{{ID: 101, Label: "asha_gramin", Delivers: true}, {ID: 103, Label: "seva_nepal"}}
		},
	})
}

func TestPostgresCollectorReadsQueueAndInbox(t *testing.T) {
	db := avnitest.New(t)
	exec(t, db, `update message_request_queue set is_voided = true`)
	exec(t, db, `insert into message_request_queue (uuid, organisation_id, message_rule_id, message_receiver_id, scheduled_date_time,
			delivery_status, entity_id, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time, version)
		select uuid_generate_v4(), o.id, r.rule, (select min(id) from message_receiver where organisation_id = o.id), r.due,
			r.status, 1001, 202, 202, now(), now(), 0
		from (values (101), (103)) o(id), (values
			(601, 'NotSent', date_trunc('second', now()) - interval '1 hour'),
			(601, 'NotSent', now() + interval '1 hour'),
			(601, 'Failed', now() - interval '2 hours'),
			(601, 'Sent', now() - interval '3 hours'),
			(601, 'NotSent', now() - interval '5 days')) r(rule, status, due)
		where exists (select from message_receiver where organisation_id = o.id)`)
	exec(t, db, `insert into messenger.inbox (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn)
		values ('individual', 1, 101, 301, false, to_timestamp(1700000000.5), '0/1'), ('individual', 2, 101, 301, false, to_timestamp(1700000001), '0/1')`)
	var due time.Time
	if err := db.Pool().QueryRow(t.Context(), `select min(scheduled_date_time) from message_request_queue
		where delivery_status = 'NotSent' and not is_voided and scheduled_date_time > now() - interval '4 days'`).Scan(&due); err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newTestCollector(db, slog.New(slog.DiscardHandler), "no_such_slot"))
	got := gather(t, registry)
	want := map[string]float64{
		`messenger_dispatch_queue_requests{organisation="asha_gramin",status="NotSent"}`:                         2,
		`messenger_dispatch_queue_requests{organisation="asha_gramin",status="Failed"}`:                          1,
		`messenger_dispatch_queue_requests{organisation="asha_gramin",status="PartiallySent"}`:                   0,
		`messenger_dispatch_queue_requests{organisation="asha_gramin",status="NotSentNoPhoneNumberInAvni"}`:      0,
		`messenger_dispatch_queue_requests{organisation="asha_gramin",status="NotSentInvalidPhoneNumberInAvni"}`: 0,
		`messenger_dispatch_oldest_due_timestamp_seconds{organisation="asha_gramin"}`:                            float64(due.Unix()),
		`messenger_cdc_inbox_changes`:                         2,
		`messenger_cdc_inbox_oldest_timestamp_seconds`:        1700000000.5,
		`messenger_postgres_up`:                               1,
		`messenger_postgres_slot_active{slot="no_such_slot"}`: 0,
	}
	for name, value := range want {
		if found, ok := got[name]; !ok || found != value {
			t.Errorf("%s is %v (present: %v), want %v", name, found, ok, value)
		}
	}
	for name := range got {
		if strings.HasPrefix(name, `messenger_dispatch_oldest_due_timestamp_seconds{organisation="seva_nepal"`) {
			t.Errorf("%s is there although nobody delivers for it here", name)
		}
		if strings.HasPrefix(name, "messenger_postgres_slot_retained") {
			t.Errorf("%s is there without a slot", name)
		}
	}
}

func TestPostgresCollectorReadsTheSlot(t *testing.T) {
	db := avnitest.New(t)
	exec(t, db, `select pg_create_logical_replication_slot($1, 'pgoutput')`, testSlot)
	exec(t, db, `update individual set last_modified_date_time = now()`)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(newTestCollector(db, slog.New(slog.DiscardHandler), testSlot))
	got := gather(t, registry)
	if got[`messenger_postgres_slot_retained_bytes{slot="metrics_test"}`] <= 0 || got[`messenger_postgres_slot_lag_bytes{slot="metrics_test"}`] <= 0 {
		t.Errorf("retained and lag are not above 0: %v", got)
	}
	var status *string
	if err := db.Pool().QueryRow(t.Context(), `select to_jsonb(s) ->> 'wal_status' from pg_replication_slots s where slot_name = $1`, testSlot).Scan(&status); err != nil {
		t.Fatal(err)
	}
	if status != nil && got[`messenger_postgres_slot_wal_status{slot="metrics_test",status="`+*status+`"}`] != 1 {
		t.Errorf("wal_status %s is not shown: %v", *status, got)
	}
}

func TestPostgresCollectorWithoutPostgres(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none?connect_timeout=2")
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	var log lockedBuffer
	collector := NewPostgresCollector(PostgresOptions{
		Pool: pool, Slot: testSlot, Since: time.Hour, Timeout: 2 * time.Second, Organisations: func() []Organisation { return nil },
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector)
	for range 3 {
		if got := gather(t, registry); got["messenger_postgres_up"] != 0 || len(got) != 2 {
			t.Fatalf("without Postgres there is %v, want up=0 and the duration", got)
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 {
		t.Errorf("three scrapes logged %d lines, want 1:\n%s", lines, log.String())
	}
}

func TestEveryMetricIsWellNamed(t *testing.T) {
	db := avnitest.New(t)
	exec(t, db, `select pg_create_logical_replication_slot($1, 'pgoutput')`, testSlot)
	registry := NewRegistry(Build{Version: "1.2.3", Revision: "abc", GoVersion: "go1"})
	registry.MustRegister(newTestCollector(db, slog.New(slog.DiscardHandler), testSlot))
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if got := gather(t, registry)[`messenger_build_info{goversion="go1",revision="abc",version="1.2.3"}`]; got != 1 {
		t.Errorf("messenger_build_info is %v, want 1", got)
	}
}

func exec(t *testing.T, db *avnitest.DB, sql string, args ...any) {
	t.Helper()
	if _, err := db.Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%.60s…: %v", sql, err)
	}
}

// gather returns the value of every gauge and counter by name and labels.
func gather(t *testing.T, registry prometheus.Gatherer) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]float64)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, l := range metric.GetLabel() {
				labels = append(labels, l.GetName()+`="`+l.GetValue()+`"`)
			}
			name := family.GetName()
			if len(labels) > 0 {
				name += "{" + strings.Join(labels, ",") + "}"
			}
			values[name] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
		}
	}
	return values
}

// lockedBuffer is a bytes.Buffer that may be written by several goroutines.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
