package cdc

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/internal/avnitest"
)

func TestMain(m *testing.M) { avnitest.Main(m) }

// patience bounds every wait of a test.
const patience = avnitest.Patience

// busy is added to times that may not be exceeded, since the machine may have much else
// to do. What is to be ruled out takes the better part of a minute.
const busy = 4 * time.Second

var lastSlot atomic.Int64

// testNames are names that no other test uses: slots belong to the whole server.
func testNames() Names {
	return Names{Slot: fmt.Sprintf("reader_%d", lastSlot.Add(1)), Publication: "avni_messenger"}
}

// fixture is a database with its writers and, once started, a reader.
type fixture struct {
	t     testing.TB
	ctx   context.Context
	db    *avnitest.DB
	avni  *avnitest.Avni
	names Names
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	return fixtureOf(t, avnitest.New(t))
}

// newServer starts a server for one test, which may stop it or needs other settings.
func newServer(t testing.TB, settings map[string]string) *avnitest.Cluster {
	t.Helper()
	cluster, err := avnitest.StartCluster(t.Context(), avnitest.Options{Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cluster
}

// newFixtureOn returns a database on a server of the test's own.
func newFixtureOn(t testing.TB, cluster *avnitest.Cluster) *fixture {
	t.Helper()
	names := testNames()
	db, err := cluster.CreateDatabase(t.Context(), "of_"+names.Slot)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Pool().Close)
	t.Cleanup(db.Avni().Pool().Close)
	return fixtureOf(t, db)
}

func fixtureOf(t testing.TB, db *avnitest.DB) *fixture {
	t.Helper()
	return &fixture{t: t, ctx: t.Context(), db: db, avni: db.Avni(), names: testNames()}
}

// running is a reader in its own goroutine.
type running struct {
	*Reader
	t      testing.TB
	cancel context.CancelFunc
	done   chan error
}

// start runs a reader that waits little between tries; change may adjust it before.
func (f *fixture) start(change ...func(*Reader)) *running {
	f.t.Helper()
	r := f.reader(change...)
	ctx, cancel := context.WithCancel(f.ctx)
	run := &running{Reader: r, t: f.t, cancel: cancel, done: make(chan error, 1)}
	go func() { run.done <- r.Run(ctx) }()
	f.t.Cleanup(run.stop)
	return run
}

func (f *fixture) reader(change ...func(*Reader)) *Reader {
	r := NewReader(Options{Slot: f.names.Slot, Publication: f.names.Publication, Pool: f.db.Pool(),
		Log: slog.New(slog.NewTextHandler(f.t.Output(), nil))})
	r.pace.retryMin, r.pace.retryMax = 10*time.Millisecond, 100*time.Millisecond
	r.pace.standby, r.pace.slow = 20*time.Millisecond, 50*time.Millisecond
	for _, c := range change {
		c(r)
	}
	return r
}

func (f *fixture) startStreaming(change ...func(*Reader)) *running {
	f.t.Helper()
	r := f.start(change...)
	r.await(Streaming)
	return r
}

// stop ends the reader and waits for it; a second call does nothing.
func (r *running) stop() {
	r.cancel()
	select {
	case err, open := <-r.done:
		if open && err != nil {
			r.t.Errorf("Run returned %v", err)
		}
		if open {
			close(r.done)
		}
	case <-time.After(patience):
		r.t.Error("Run did not return")
	}
}

func (r *running) await(state State) Status {
	r.t.Helper()
	eventually(r.t, fmt.Sprintf("state %q", state), func() (bool, string) {
		s := r.Status()
		return s.State == state, fmt.Sprintf("%s: %s", s.State, s.Detail)
	})
	return r.Status()
}

// eventually polls until check is true; its text says what was seen last.
func eventually(t testing.TB, what string, check func() (bool, string)) {
	t.Helper()
	avnitest.Eventually(t, patience, func() string {
		ok, seen := check()
		if ok {
			return ""
		}
		return fmt.Sprintf("no %s; last seen: %s", what, seen)
	})
}

// entry is a row of the inbox.
type entry struct {
	Table          Table
	ID             int64
	OrganisationID int32
	TypeID         int32
	Voided         bool
}

func (f *fixture) inbox() []entry {
	f.t.Helper()
	rows, err := f.db.Pool().Query(f.ctx, `
		select source_table, entity_id, organisation_id, type_id, is_voided from messenger.inbox order by change_number`)
	if err != nil {
		f.t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[entry])
	if err != nil {
		f.t.Fatal(err)
	}
	return found
}

func (f *fixture) inboxRows() int {
	f.t.Helper()
	return f.queryInt(`select count(*) from messenger.inbox`)
}

// take waits for an entry, checks it and removes it, as a worker would.
func (f *fixture) take(want entry) {
	f.t.Helper()
	eventually(f.t, fmt.Sprintf("inbox entry %+v", want), func() (bool, string) {
		tag, err := f.db.Pool().Exec(f.ctx, `
			delete from messenger.inbox where source_table = $1 and entity_id = $2 and organisation_id = $3 and type_id = $4 and is_voided = $5`,
			want.Table, want.ID, want.OrganisationID, want.TypeID, want.Voided)
		return err == nil && tag.RowsAffected() == 1, fmt.Sprintf("%+v, %v", f.inbox(), err)
	})
}

func (f *fixture) register(a *avnitest.Avni) int64 {
	f.t.Helper()
	id, err := a.RegisterSubject(f.ctx, avnitest.SubjectFields{FirstName: "Asha"})
	if err != nil {
		f.t.Fatal(err)
	}
	return id
}

func subject(id int64) entry {
	return entry{Table: Individual, ID: id, OrganisationID: avnitest.AshaGramin, TypeID: 301}
}

// exec runs a statement as the cluster's superuser.
func (f *fixture) superuser(sql string, args ...any) {
	f.t.Helper()
	f.exec(f.db.SuperuserURL(), sql, args...)
}

func (f *fixture) exec(url, sql string, args ...any) {
	f.t.Helper()
	conn := f.connect(url)
	if _, err := conn.Exec(f.ctx, sql, args...); err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
}

func (f *fixture) connect(url string) *pgx.Conn {
	f.t.Helper()
	conn, err := pgx.Connect(f.ctx, url)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func (f *fixture) inspect() Inspection {
	f.t.Helper()
	in, err := Inspect(f.ctx, f.db.Pool(), f.names)
	if err != nil {
		f.t.Fatal(err)
	}
	return in
}

// setup sets up without a reader.
func (f *fixture) setup() Installed {
	f.t.Helper()
	installed, err := Setup(f.ctx, f.connect(f.db.URL()), f.names)
	if err != nil {
		f.t.Fatal(err)
	}
	return installed
}

// queryInt returns one number.
func (f *fixture) queryInt(sql string, args ...any) int {
	f.t.Helper()
	var n int
	if err := f.db.Pool().QueryRow(f.ctx, sql, args...).Scan(&n); err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// countStores makes the database note every time that a change is stored, in the
// transaction that stores it.
func (f *fixture) countStores() {
	f.t.Helper()
	f.exec(f.db.URL(), `
		create table messenger.stores (source_table text, entity_id bigint, commit_lsn pg_lsn);
		create function messenger.note_store() returns trigger language plpgsql as $$
		begin
			insert into messenger.stores values (new.source_table, new.entity_id, new.commit_lsn);
			return new;
		end $$;
		create trigger note_store after insert or update on messenger.inbox for each row execute function messenger.note_store()`)
}

// connects is how many streams the reader has started.
func (f *fixture) connects(r *running) int {
	return int(testutil.ToFloat64(r.options.Metrics.connects))
}

// pool opens a pool of another role.
func (f *fixture) pool(url string) *pgxpool.Pool {
	f.t.Helper()
	pool, err := pgxpool.New(f.ctx, url)
	if err != nil {
		f.t.Fatal(err)
	}
	return pool
}

func registryOf(register func(prometheus.Registerer) *Metrics) prometheus.Gatherer {
	registry := prometheus.NewRegistry()
	register(registry)
	return registry
}
