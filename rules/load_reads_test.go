package rules

import (
	"context"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/internal/avnitest"
)

// reads keeps which tables were read, by the first from of each query.
type reads struct {
	mu     sync.Mutex
	tables []string
}

var firstTable = regexp.MustCompile(`(?s)^\s*select .*?\sfrom (\w+)`)

func (r *reads) add(sql string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if found := firstTable.FindStringSubmatch(sql); found != nil {
		r.tables = append(r.tables, found[1])
	}
}

// taken returns the tables read since the last call, in order of their names.
func (r *reads) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.tables
	r.tables = nil
	slices.Sort(taken)
	return taken
}

func (r *reads) expect(t *testing.T, when string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, r.taken()); diff != "" {
		t.Errorf("tables read %s (-want +got):\n%s", when, diff)
	}
}

func (r *reads) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	r.add(q.SQL)
	return ctx
}
func (r *reads) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (r *reads) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return ctx
}
func (r *reads) TraceBatchQuery(_ context.Context, _ *pgx.Conn, q pgx.TraceBatchQueryData) {
	r.add(q.SQL)
}
func (r *reads) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// tracedPool is a pool of the sidecar's of which all reads are kept.
func tracedPool(t *testing.T, db *avnitest.DB) (*pgxpool.Pool, *reads) {
	t.Helper()
	r := &reads{}
	config := must[*pgxpool.Config](t)(pgxpool.ParseConfig(db.URL()))
	config.ConnConfig.Tracer = r
	pool := must[*pgxpool.Pool](t)(pgxpool.NewWithConfig(t.Context(), config))
	t.Cleanup(pool.Close)
	return pool, r
}

const (
	nameRule       = `({params}) => ({parameters: [params.entity.firstName]})`
	encountersRule = `({params}) => ({parameters: [params.entity.encounters.length]})`
	wholeRule      = `({params}) => ({parameters: [JSON.stringify(params)]})`
)

// reading is a loader whose queries are known, with an engine.
type reading struct {
	*testing.T
	db     *avnitest.DB
	loader *Loader
	reads  *reads
	engine *Engine
	org    Organisation
}

func openReading(t *testing.T) *reading {
	t.Helper()
	db := avnitest.New(t)
	pool, reads := tracedPool(t, db)
	r := &reading{T: t, db: db, loader: NewLoader(pool), reads: reads, engine: must[*Engine](t)(sharedEngine()), org: seedDirectory(Write).the(avnitest.AshaGramin)}
	loadOne(t, r.loader, r.org, Subject, 1001) // reads the definitions
	reads.taken()
	return r
}

// subjects registers subjects with so many encounters each.
func (r *reading) subjects(n, encounters int) (ids []int64) {
	r.Helper()
	avni := r.db.Avni()
	for range n {
		id := must[int64](r)(avni.RegisterSubject(r.Context(), avnitest.SubjectFields{FirstName: "Asha", Phone: "9876500001"}))
		for range encounters {
			must[int64](r)(avni.ScheduleEncounter(r.Context(), id, 502, "Home visit", time.Now(), time.Now()))
		}
		ids = append(ids, id)
	}
	return ids
}

func (r *reading) load(t EntityType, ids ...int64) map[int64]*entity {
	r.Helper()
	return must[map[int64]*entity](r)(r.loader.load(r.Context(), r.org, t, ids, lastSaver))
}

func (r *reading) ask(e *entity, t EntityType, rule string) []string {
	r.Helper()
	return must[[]string](r)(r.engine.Parameters(r.Context(), r.org.ID, rule, e.input(t)))
}

func (r *reading) askAll(found map[int64]*entity, rule, want string) {
	r.Helper()
	for id, e := range found {
		if got := r.ask(e, Subject, rule); len(got) != 1 || got[0] != want {
			r.Errorf("subject %d: %q, want %q", id, got, want)
		}
	}
}
