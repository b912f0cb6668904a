package rules

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/internal/avnitest"
)

func TestObservationValues(t *testing.T) {
	db := avnitest.New(t)
	l, asha := NewLoader(db.Pool()), seedDirectory(Write).the(avnitest.AshaGramin)
	const group, childName = "f0000000-0000-4000-8000-000000000719", "f0000000-0000-4000-8000-000000000720"
	exec(t, db.Avni().Pool(), `update individual set observations = $1 where id = 1001`, map[string]any{
		weightConcept: 1.50,
		phoneConcept:  map[string]any{"phoneNumber": "9876500001", "verified": true},
		group:         map[string]any{}, // an empty question group
		"f0000000-0000-4000-8000-000000000714": []any{ // one repeated, with and without answers
			map[string]any{"f0000000-0000-4000-8000-000000000715": "1"}, map[string]any{}},
		"f0000000-0000-4000-8000-000000000711": "2024-05-01T00:00:00.000Z",
		"f0000000-0000-4000-8000-000000000706": []any{"f0000000-0000-4000-8000-000000000707"},
		"f0000000-0000-4000-8000-000000000724": nil,
	})
	observations := dig(t, loadOne(t, l, asha, Subject, 1001).contract, "observations")
	for concept, want := range map[string]any{
		weightConcept:                          1.5,
		phoneConcept:                           map[string]any{"phoneNumber": "9876500001", "verified": true},
		group:                                  []any{},
		"f0000000-0000-4000-8000-000000000711": "2024-05-01T00:00:00.000Z",
		"f0000000-0000-4000-8000-000000000706": []any{"f0000000-0000-4000-8000-000000000707"},
		"f0000000-0000-4000-8000-000000000724": nil,
	} {
		if diff := cmp.Diff(want, plain(t, valueOf(t, observations, concept))); diff != "" {
			t.Errorf("%s: %s", concept, diff)
		}
	}
	repeated := valueOf(t, observations, "f0000000-0000-4000-8000-000000000714")
	if dig(t, repeated, 0, 0, "concept", "name") != "House number" || dig(t, repeated, 0, 0, "value") != "1" || len(dig(t, repeated, 1).(List)) != 0 {
		t.Errorf("the repeated question group is %v", plain(t, repeated))
	}
}

func TestConversionHappensOnce(t *testing.T) {
	db := avnitest.New(t)
	l, asha := NewLoader(db.Pool()), seedDirectory(Write).the(avnitest.AshaGramin)
	s := loadOne(t, l, asha, Subject, 1001).contract
	first, second := dig(t, s, "observations").(List), dig(t, s, "observations").(List)
	if &first[0] != &second[0] {
		t.Error("two rules that touch the observations convert them twice")
	}
}

// TestBatchTakesAsManyQueriesAsOne holds the loader to a query per table, however many
// entities there are.
func TestBatchTakesAsManyQueriesAsOne(t *testing.T) {
	db := avnitest.New(t)
	avni := db.Avni()
	asha := seedDirectory(Write).the(avnitest.AshaGramin)
	var visits []int64
	for range 20 {
		subject := must[int64](t)(avni.RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: "Asha", Phone: "9876500001"}))
		enrolment := must[int64](t)(avni.Enrol(t.Context(), subject, 401, time.Time{}, nil))
		visits = append(visits, must[int64](t)(avni.ScheduleVisit(t.Context(), enrolment, 501, "ANC", time.Now(), time.Now())))
	}
	counter := &queryCounter{}
	config := must[*pgxpool.Config](t)(pgxpool.ParseConfig(db.URL()))
	config.ConnConfig.Tracer = counter
	pool := must[*pgxpool.Pool](t)(pgxpool.NewWithConfig(t.Context(), config))
	defer pool.Close()
	l := NewLoader(pool)
	queries := func(ids []int64) int64 {
		before := counter.Load()
		found := must[map[int64]*entity](t)(l.load(t.Context(), asha, ProgramEncounter, ids, lastSaver))
		if len(found) != len(ids) {
			t.Fatalf("found %d of %d", len(found), len(ids))
		}
		return counter.Load() - before
	}
	queries(visits[:1]) // fills the cache
	one, all := queries(visits[:1]), queries(visits)
	if one != all || one == 0 {
		t.Errorf("one entity took %d queries, %d took %d", one, len(visits), all)
	}
}

// TestForgettingWhileReading has a concept change after the types were asked for and
// before the answer came.
func TestForgettingWhileReading(t *testing.T) {
	db := avnitest.New(t)
	asha := seedDirectory(Write).the(avnitest.AshaGramin)
	var l *Loader
	config := must[*pgxpool.Config](t)(pgxpool.ParseConfig(db.URL()))
	batches := 0
	config.ConnConfig.Tracer = &queryCounter{onBatch: func() {
		if batches++; batches == 2 { // rows, then types, then concepts
			l.Forget(avnitest.AshaGramin)
		}
	}}
	pool := must[*pgxpool.Pool](t)(pgxpool.NewWithConfig(t.Context(), config))
	defer pool.Close()
	l = NewLoader(pool)
	loadOne(t, l, asha, Subject, 1001)
	if l.references[asha.ID] != nil {
		t.Error("what was read before the change is cached after it")
	}
}

// queryCounter counts queries, in batches too.
type queryCounter struct {
	atomic.Int64
	onBatch func() // called when a batch starts, if not nil
}

func (c *queryCounter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.Add(1)
	return ctx
}
func (c *queryCounter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}
func (c *queryCounter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	if c.onBatch != nil {
		c.onBatch()
	}
	return ctx
}
func (c *queryCounter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {
	c.Add(1)
}
func (c *queryCounter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
