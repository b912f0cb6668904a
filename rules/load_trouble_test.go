package rules

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// TestWorkerReadsWhatRulesTouch has the real worker deal with subjects whose rule looks at
// their registration only.
func TestWorkerReadsWhatRulesTouch(t *testing.T) {
	o := openOffice(t, Write)
	pool, reads := tracedPool(t, o.db)
	o.worker = o.newWorker(pool)
	var ids []int64
	for range 5 {
		id := must[int64](t)(o.avni.RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: "Asha", Phone: "9876500001"}))
		o.arrive(cdc.Individual, cdc.Insert, id)
		ids = append(ids, id)
	}
	o.work()
	for _, id := range ids {
		o.request(601, id)
	}
	hanging := []string{"encounter", "program_encounter", "program_enrolment", "group_subject", "entity_approval_status", "address_level", "concept"}
	subjects := 0
	for _, table := range reads.taken() {
		if slices.Contains(hanging, table) {
			t.Errorf("%s was read", table)
		}
		if table == "individual" {
			subjects++
		}
	}
	if subjects != 1 {
		t.Errorf("individual was read %d times, want once for the batch", subjects)
	}
}

// TestLateTroubleIsNotTheRules takes the right to read encounters away. The rule catches
// what it can, and its change is put off all the same.
func TestLateTroubleIsNotTheRules(t *testing.T) {
	o := openOffice(t, Write)
	o.saveRule(avnitest.RuleFields{ID: 601, Name: "Welcome", EntityType: "Subject", EntityTypeID: 301, ReceiverType: "Subject", MessageRule: `x`,
		ScheduleRule: `({params}) => {
			let at = '2031-01-01T00:00:00Z';
			try { if (params.entity.firstName !== 'Nobody') at = params.entity.encounters.length ? '2030-03-10T04:30:00Z' : '2030-03-11T04:30:00Z'; } catch (e) { } finally { }
			return {scheduledDateTime: at};
		}`})
	nobody := must[int64](t)(o.avni.RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: "Nobody", Phone: "9876500001"}))
	exec(t, o.avni.Pool(), `alter table encounter rename to away`)
	for _, id := range []int64{1001, 1002, nobody} {
		o.arrive(cdc.Individual, cdc.Insert, id)
	}
	o.work()
	if n := o.count(`select count(*) from messenger.inbox where attempts = 1 and last_error like '%read \[encounters\] of organisation 101%'`); n != 2 {
		t.Errorf("%d changes are put off for encounters that cannot be read, want 2", n)
	}
	if n := o.count(`select count(*) from rule_failure_log`); n != 0 {
		t.Errorf("%d failures are told to the rule's author", n)
	}
	o.request(601, nobody)
	if rows := o.requests(1001, 601); len(rows) != 0 {
		t.Errorf("sent without encounters: %+v", rows)
	}
	exec(t, o.avni.Pool(), `alter table away rename to encounter`)
	exec(t, o.db.Pool(), `update messenger.inbox set claimed_until = null`)
	o.work()
	if r := o.request(601, 1001); !strings.HasPrefix(r.At, "2030-03-1") || o.inbox() != 0 {
		t.Errorf("request %+v, inbox %d", r, o.inbox())
	}
}

// TestWaitingIsNotCharged has a rule wait for the encounters for longer than it may run.
func TestWaitingIsNotCharged(t *testing.T) {
	r := openReading(t)
	const limit = time.Second
	r.engine = engineWith(t, EngineOptions{Timeout: limit})
	ask := func(ctx context.Context, rule string) ([]string, error) {
		return r.engine.Parameters(ctx, r.org.ID, rule, r.load(Subject, 1001)[1001].input(Subject))
	}
	// Long enough that its time is looked at after it has waited.
	const longRule = `({params}) => { const n = params.entity.encounters.length; let i = 0; while (i < 3e5) i++; return {parameters: [n]}; }`
	want := must[[]string](t)(ask(t.Context(), longRule))

	r.loader.history = history{}
	waits := r.lockEncounters()
	type answer struct {
		got []string
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		got, err := ask(t.Context(), longRule)
		answers <- answer{got, err}
	}()
	waits.longerThan(limit + limit/2)
	waits.end()
	if a := <-answers; a.err != nil || !slices.Equal(a.got, want) {
		t.Errorf("after waiting: %q, %v; want %q", a.got, a.err, want)
	}

	r.loader.history = history{}
	_, err := ask(t.Context(), `({params: {entity}}) => { entity.encounters.length; for (;;) {} }`)
	failureOf(t, err, FailedTimeout)

	r.loader.history = history{}
	waits = r.lockEncounters()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		got, err := ask(ctx, `({params: {entity}}) => { try { entity.encounters.length; } catch (e) {} return {parameters: []}; }`)
		answers <- answer{got, err}
	}()
	waits.longerThan(0)
	cancel()
	select {
	case a := <-answers:
		var failure *Failure
		if !errors.Is(a.err, context.Canceled) || errors.As(a.err, &failure) {
			t.Errorf("after the context has ended: %q, %v", a.got, a.err)
		}
	case <-time.After(avnitest.Patience):
		t.Error("the query goes on although the context has ended")
	}
	waits.end()
}

// encounterLock is a transaction that nobody can read encounters beside.
type encounterLock struct {
	*reading
	end func()
}

func (r *reading) lockEncounters() encounterLock {
	r.Helper()
	tx := must[pgx.Tx](r)(r.db.Avni().Pool().Begin(r.Context()))
	if _, err := tx.Exec(r.Context(), `lock table encounter in access exclusive mode`); err != nil {
		r.Fatal(err)
	}
	end := sync.OnceFunc(func() { tx.Rollback(context.WithoutCancel(r.Context())) })
	r.Cleanup(end)
	return encounterLock{r, end}
}

// longerThan waits until a query has waited for the encounters for longer than that.
func (l encounterLock) longerThan(limit time.Duration) {
	l.Helper()
	avnitest.Eventually(l, avnitest.Patience, func() string {
		var waiting bool
		err := l.db.Pool().QueryRow(l.Context(), `select exists (select from pg_stat_activity
			where datname = current_database() and wait_event_type = 'Lock' and clock_timestamp() - query_start > $1::interval)`, limit).Scan(&waiting)
		if err != nil {
			return err.Error()
		}
		if !waiting {
			return "nobody has waited so long"
		}
		return ""
	})
}

// TestMemoryOfLateRowsIsNotCharged has more read than a rule may use, and then a rule that
// runs for as long as it takes to be looked at.
func TestMemoryOfLateRowsIsNotCharged(t *testing.T) {
	e := engineWith(t, EngineOptions{MaxHeapGrowth: 64 << 20, Timeout: avnitest.Patience})
	in := readInput(t, "subject")
	var rows [][]byte
	in.Entity.Set("encounters", Late(func(r reader) (any, error) {
		return List{}, r.read(func(context.Context) error {
			for range 256 {
				rows = append(rows, make([]byte, 1<<20))
			}
			return nil
		})
	}))
	got, err := e.Parameters(t.Context(), asha, `({params: {entity}}) => { let n = entity.encounters.length; for (let i = 0; i < 2e6; i++) n += i % 2; return {parameters: [n]}; }`, in)
	if err != nil || got[0] != "1000000" || len(rows) == 0 {
		t.Errorf("%q, %v", got, err)
	}
}
