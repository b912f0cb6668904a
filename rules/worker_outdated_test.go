package rules

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
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
			for _, follow := range []func(context.Context) error{o.worker.followChanged, o.worker.repeatFailed} {
				if err := follow(ctx); err != nil {
					t.Fatal(err)
				}
			}
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
