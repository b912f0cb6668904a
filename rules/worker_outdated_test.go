package rules

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// A rule is changed, and what follows from that is done, while an answer of its former
// text is being written: that was not its last word.
func TestAnswerIsNotTheLastWordOfARuleThatIsChangedWhileItIsWritten(t *testing.T) {
	for name, failure := range map[string]error{"a time": nil, "a failure": &Failure{Kind: FailedTimeout, Message: "the rule ran for more than 2s"}} {
		t.Run(name, func(t *testing.T) {
			var o *office
			var writing pgx.Tx // keeps the answer from being written
			var once sync.Once
			ctx, later := t.Context(), march.AddDate(0, 0, 1)
			o = openOffice(t, Write, func(w *WorkerOptions) { w.FollowAfter = time.Nanosecond }, withEngine(engineFunc(func(context.Context, int32, string) (s Schedule, err error) {
				s = Schedule{Send: true, At: later}
				once.Do(func() {
					writing = must[pgx.Tx](t)(o.db.Pool().Begin(ctx))
					if _, err := writing.Exec(ctx, `select from messenger.inbox for update`); err != nil {
						t.Error(err)
					}
					s.At, err = march, failure
				})
				return s, err
			})))
			if err := o.worker.followChanged(ctx); err != nil {
				t.Fatal(err)
			}
			o.arrive(cdc.ProgramEncounter, cdc.Update, 1001)
			done := make(chan struct{})
			go func() { defer close(done); o.worker.turn(ctx, 101) }()
			o.eventually("the answer is being written", func() bool {
				return o.count(`select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`) > 0
			})
			o.saveRule(reminder(reminderText(1)))
			o.worker.RulesChanged(603)
			o.look(o.worker)
			if err := writing.Rollback(ctx); err != nil {
				t.Fatal(err)
			}
			<-done
			o.work()
			if r := o.request(603, 1001); r.At != later.UTC().Format("2006-01-02T15:04:05.000Z") {
				t.Errorf("the request is %+v, want it as the rule says now", r)
			}
		})
	}
}

// look does what the upkeep of workers does about changed rules.
func (o *office) look(workers ...*Worker) {
	o.Helper()
	for _, w := range workers {
		for _, follow := range []func(context.Context) error{w.followChanged, w.repeatFailed} {
			if err := follow(o.Context()); err != nil {
				o.Fatal(err)
			}
		}
	}
}

// Another process has followed the change of a rule already that this one has not heard
// of, and nobody looks again.
func TestAnswerOfARuleWhoseChangeOnlyAnotherProcessHasHeardOf(t *testing.T) {
	for name, former := range map[string]string{"a time": `() => ({scheduledDateTime: '2030-01-01T00:00:00Z'})`, "a failure": `() => { throw new Error('no') }`} {
		t.Run(name, func(t *testing.T) {
			o := openOffice(t, Write, atOnce)
			o.saveRule(reminder(former))
			behind := o.newWorker(o.db.Pool(), atOnce, func(w *WorkerOptions) { w.Catalogue = loadedCatalogue(t, o.db, o.dir) })
			o.look(o.worker, behind)
			o.saveRule(reminder(`() => ({scheduledDateTime: '2031-01-01T00:00:00Z'})`))
			o.worker.RulesChanged(603)
			behind.RulesChanged()
			o.look(o.worker, behind)

			o.arrive(cdc.ProgramEncounter, cdc.Update, 1001)
			exec(t, o.db.Pool(), `update messenger.inbox set by_hand = true`)
			behind.turn(t.Context(), 101)
			o.look(o.worker, behind)
			if rows := o.requests(1001, 603); len(rows) != 0 {
				t.Errorf("what the rule said formerly is written: %+v", rows)
			}
			if n := o.count(`select count(*) from messenger.inbox where by_hand and claimed_by is null and attempts = 0`); n != 1 {
				t.Error("the change is not there as it was for whoever takes it up")
			}
			behind.turn(t.Context(), 101)
			if r := o.request(603, 1001); r.At != "2031-01-01T00:00:00.000Z" {
				t.Errorf("the request is %+v, want it as the rule says now", r)
			}
			o.expectLog(cdc.ProgramEncounter, 1001, logLine(603, "scheduled"))
		})
	}
}

// A rule that cannot be read anew leaves the change to be tried later, rather than at once.
func TestChangedRuleThatCannotBeReadIsWaitedFor(t *testing.T) {
	o := openOffice(t, Write)
	catalogue := loadedCatalogue(t, o.db, o.dir)
	behind := o.newWorker(o.db.Pool(), func(w *WorkerOptions) { w.Catalogue = catalogue })
	catalogue.pool = must[*pgxpool.Pool](t)(pgxpool.New(t.Context(), o.db.URL()))
	catalogue.pool.Close()
	o.saveRule(reminder(`() => ({scheduledDateTime: '2031-01-01T00:00:00Z'})`))
	o.arrive(cdc.ProgramEncounter, cdc.Update, 1001)
	behind.turn(t.Context(), 101)
	if n := o.count(`select count(*) from messenger.inbox where attempts = 1 and claimed_until > now()`); n != 1 {
		t.Error("the change does not wait")
	}
	o.expectNoLog(cdc.ProgramEncounter, 1001)
}

// Rules that are saved while another one runs do not make it run again, however many.
func TestOtherRulesMayChangeWhileARuleRuns(t *testing.T) {
	var o *office
	runs := 0
	o = openOffice(t, Write, withEngine(engineFunc(func(context.Context, int32, string) (Schedule, error) {
		runs++
		o.saveRule(avnitest.RuleFields{ID: 604, Name: "Other", EntityType: "Encounter", EntityTypeID: 502, ScheduleRule: `() => 1`, MessageRule: `x`})
		exec(t, o.db.Pool(), `update messenger.reference_version set version = version + 1`)
		return Schedule{Send: true, At: march}, nil
	})))
	o.saved(cdc.ProgramEncounter, 1001)
	o.expectLog(cdc.ProgramEncounter, 1001, logLine(603, "scheduled"))
	if runs != 1 || o.inbox() != 0 {
		t.Errorf("the rule ran %d times, and %d changes are in the inbox", runs, o.inbox())
	}
}
