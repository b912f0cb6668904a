package rules

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// office is a worker with all that it works on.
type office struct {
	*testing.T
	db        *avnitest.DB
	avni      *avnitest.Avni
	dir       *fakeDirectory
	catalogue *Catalogue
	worker    *Worker

	mu     sync.Mutex
	queued []int32
}

// openOffice has the sample organisations, all treated alike and active since ever, and
// the real engine, unless options say otherwise.
func openOffice(t *testing.T, treatment Treatment, options ...func(*WorkerOptions)) *office {
	t.Helper()
	o := openNewOffice(t, treatment, options...)
	if err := o.db.AlwaysActive(t.Context()); err != nil {
		t.Fatal(err)
	}
	return o
}

// openNewOffice is openOffice with organisations that start now.
func openNewOffice(t *testing.T, treatment Treatment, options ...func(*WorkerOptions)) *office {
	t.Helper()
	db := avnitest.New(t)
	o := &office{T: t, db: db, avni: db.Avni(), dir: seedDirectory(treatment)}
	o.catalogue = loadedCatalogue(t, db, o.dir)
	o.worker = o.newWorker(db.Pool(), options...)
	return o
}

// newWorker makes another worker on the same inbox.
func (o *office) newWorker(pool *pgxpool.Pool, options ...func(*WorkerOptions)) *Worker {
	o.Helper()
	w := WorkerOptions{Pool: pool, Catalogue: o.catalogue, Directory: o.dir, Loader: NewLoader(pool), Metrics: unregistered(),
		Queued: func(id int32) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.queued = append(o.queued, id)
		}}
	for _, option := range options {
		option(&w)
	}
	if w.Engine == nil {
		engine, err := sharedEngine()
		if err != nil {
			o.Fatal(err)
		}
		w.Engine = engine
	}
	return NewWorker(w)
}

func withEngine(e evaluator) func(*WorkerOptions) {
	return func(w *WorkerOptions) { w.Engine = e }
}

// engineFunc is an engine whose schedule rules are a function.
type engineFunc func(ctx context.Context, organisationID int32, script string) (Schedule, error)

func (f engineFunc) Schedule(ctx context.Context, organisationID int32, script string, _ Input) (Schedule, error) {
	return f(ctx, organisationID, script)
}

func (f engineFunc) Parameters(context.Context, int32, string, Input) ([]string, error) {
	return nil, fmt.Errorf("no parameters here")
}

// always is an engine whose schedule rules all say the same.
func always(at time.Time) engineFunc {
	return func(context.Context, int32, string) (Schedule, error) { return Schedule{Send: true, At: at}, nil }
}

// arrive puts a row of Avni's into the inbox as the stream would, if the catalogue
// keeps it. It returns whether it does.
func (o *office) arrive(table cdc.Table, op cdc.Op, id int64) bool {
	o.Helper()
	columns := map[cdc.Table]string{cdc.Individual: "subject_type_id", cdc.ProgramEnrolment: "program_id",
		cdc.Encounter: "encounter_type_id", cdc.ProgramEncounter: "encounter_type_id", cdc.Users: "0"}
	change := cdc.Change{Table: table, Op: op, ID: id}
	ctx := context.WithoutCancel(o.Context())
	err := o.avni.Pool().QueryRow(ctx, fmt.Sprintf(`select organisation_id, %s, is_voided from %s where id = $1`, columns[table], table), id).
		Scan(&change.OrganisationID, &change.TypeID, &change.Voided)
	if err != nil {
		o.Fatalf("read %s %d: %v", table, id, err)
	}
	if !o.catalogue.Keep(change) {
		return false
	}
	exec(o, o.db.Pool(), `insert into messenger.inbox as i (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn)
		values ($1, $2, $3, $4, $5, now(), pg_current_wal_lsn())
		on conflict (source_table, entity_id) do update set is_voided = excluded.is_voided, commit_lsn = excluded.commit_lsn,
			committed_at = excluded.committed_at, change_number = nextval('messenger.inbox_change_number'),
			attempts = 0, last_error = null, claimed_by = null, claimed_until = null`,
		table, id, change.OrganisationID, change.TypeID, change.Voided)
	return true
}

// work deals with what is in the inbox of every organisation, in this goroutine.
func (o *office) work() {
	o.Helper()
	for _, id := range must[[]int32](o)(o.worker.organisationsWithChanges(o.Context())) {
		for o.worker.turn(o.Context(), id) {
		}
	}
}

// saved is arrive with an update, then work.
func (o *office) saved(table cdc.Table, id int64) {
	o.Helper()
	if !o.arrive(table, cdc.Update, id) {
		o.Fatalf("the catalogue does not keep %s %d", table, id)
	}
	o.work()
}

// created is arrive with an insert, then work.
func (o *office) created(table cdc.Table, id int64) {
	o.Helper()
	if !o.arrive(table, cdc.Insert, id) {
		o.Fatalf("the catalogue does not keep %s %d", table, id)
	}
	o.work()
}

// queueRow is a row of message_request_queue with its receiver.
type queueRow struct {
	ID, Rule                int64
	ReceiverType            string
	ReceiverID              int64
	At                      string
	Status                  string
	Voided                  bool
	CreatedBy, LastModified int64
}

// requests returns the rows of an entity, oldest first.
func (o *office) requests(entityID int64, rules ...int64) []queueRow {
	o.Helper()
	rows, err := o.db.Pool().Query(o.Context(), `
		select q.id, q.message_rule_id, r.receiver_type, r.receiver_id::bigint,
			to_char(q.scheduled_date_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), q.delivery_status, q.is_voided, q.created_by_id, q.last_modified_by_id
		from message_request_queue q join message_receiver r on r.id = q.message_receiver_id
		where q.entity_id = $1 and q.message_rule_id = any($2) order by q.id`, entityID, rules)
	if err != nil {
		o.Fatal(err)
	}
	return must[[]queueRow](o)(pgx.CollectRows(rows, pgx.RowToStructByPos[queueRow]))
}

// request returns the one row of a rule and an entity.
func (o *office) request(rule, entityID int64) queueRow {
	o.Helper()
	rows := o.requests(entityID, rule)
	if len(rows) != 1 {
		o.Fatalf("rule %d, entity %d: %d requests, want one: %+v", rule, entityID, len(rows), rows)
	}
	return rows[0]
}

// logged returns the outcomes of an entity, oldest first, as "rule outcome".
func (o *office) logged(table cdc.Table, entityID int64) []string {
	o.Helper()
	rows, err := o.db.Pool().Query(o.Context(), `select coalesce(rule_id, 0) || ' ' || outcome from messenger.trigger_log
		where source_table = $1 and entity_id = $2 order by id`, table, entityID)
	if err != nil {
		o.Fatal(err)
	}
	return must[[]string](o)(pgx.CollectRows(rows, pgx.RowTo[string]))
}

func (o *office) expectLog(table cdc.Table, entityID int64, want ...string) {
	o.Helper()
	if diff := cmp.Diff(want, o.logged(table, entityID)); diff != "" {
		o.Errorf("trigger log of %s %d (-want +got):\n%s", table, entityID, diff)
	}
}

func (o *office) count(sql string, args ...any) (n int) {
	o.Helper()
	if err := o.db.Pool().QueryRow(context.WithoutCancel(o.Context()), sql, args...).Scan(&n); err != nil {
		o.Fatalf("%s: %v", sql, err)
	}
	return n
}

func (o *office) inbox() int {
	o.Helper()
	return o.count(`select count(*) from messenger.inbox`)
}

func (o *office) queuedFor() []int32 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]int32(nil), o.queued...)
}

func (o *office) outcomes(name string) float64 {
	return testutil.ToFloat64(o.worker.options.Metrics.outcomes.WithLabelValues(name))
}

// run starts a worker; it stops when the test ends.
func (o *office) run(w *Worker) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(o.Context()))
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			o.Errorf("Run: %v", err)
		}
	})
	o.Cleanup(stop)
	return stop
}

// eventually waits until a condition holds.
func (o *office) eventually(what string, condition func() bool) {
	o.Helper()
	avnitest.Eventually(o, avnitest.Patience, func() string {
		if condition() {
			return ""
		}
		return "not " + what
	})
}

// saveRule saves a rule of Asha Gramin and reloads the catalogue.
func (o *office) saveRule(f avnitest.RuleFields) int64 {
	o.Helper()
	f.TemplateID = "7001"
	id := must[int64](o)(o.avni.SaveRule(o.Context(), f))
	if err := o.catalogue.Load(o.Context()); err != nil {
		o.Fatal(err)
	}
	return id
}

func logLine(rule int64, outcome string) string { return fmt.Sprintf("%d %s", rule, outcome) }
