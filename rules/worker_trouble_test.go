package rules

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

func TestEngineThatFailsIsTriedAgain(t *testing.T) {
	var broken atomic.Bool
	broken.Store(true)
	o := openOffice(t, Write, withEngine(engineFunc(func(context.Context, int32, string) (Schedule, error) {
		if broken.Load() {
			return Schedule{}, errors.New("no runtime")
		}
		return Schedule{Send: true, At: march}, nil
	})))
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1001)
	for attempt := 1; attempt <= 3; attempt++ {
		o.work()
		if n := o.count(`select count(*) from messenger.inbox where attempts = $1 and last_error = 'no runtime' and claimed_by is null and claimed_until > now()`, attempt); n != 1 {
			t.Fatalf("attempt %d is not recorded", attempt)
		}
		exec(t, o.db.Pool(), `update messenger.inbox set claimed_until = null`) // its time has come
	}
	broken.Store(false)
	o.work()
	o.expectLog(cdc.ProgramEncounter, 1001, "603 scheduled")
}

// TestRowThatCannotBeWrittenHoldsUpNobody has the database refuse one entity's requests.
func TestRowThatCannotBeWrittenHoldsUpNobody(t *testing.T) {
	o := openOffice(t, Write)
	exec(t, o.avni.Pool(), `create function refuse() returns trigger language plpgsql as $$ begin raise exception 'not this one'; end $$;
		create trigger refuse before insert on message_request_queue for each row when (new.entity_id = 1002) execute function refuse()`)
	for _, id := range []int64{1001, 1002} {
		o.arrive(cdc.ProgramEnrolment, cdc.Update, id)
	}
	o.work()
	o.request(602, 1001)
	if n := o.count(`select count(*) from messenger.inbox where entity_id = 1002 and attempts = 1 and last_error like '%not this one%'`); n != 1 || o.inbox() != 1 {
		t.Error("the refused change is not in the inbox with its error")
	}
	if log := o.logged(cdc.ProgramEnrolment, 1002); len(log) != 0 {
		t.Errorf("the refused change left %v behind", log)
	}
	exec(t, o.avni.Pool(), `drop trigger refuse on message_request_queue`)
	exec(t, o.db.Pool(), `update messenger.inbox set claimed_until = null`)
	o.work()
	o.request(602, 1002)
}

// TestRowThatCannotBeReadFailsAlone puts a date into a row that Go has no time for.
func TestRowThatCannotBeReadFailsAlone(t *testing.T) {
	o := openOffice(t, Write)
	subject := must[int64](t)(o.avni.RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: "Eternal"}))
	exec(t, o.avni.Pool(), `update individual set registration_date = 'infinity' where id = $1`, subject)
	o.arrive(cdc.Individual, cdc.Update, 1001)
	o.arrive(cdc.Individual, cdc.Update, subject)
	o.work()
	exec(t, o.db.Pool(), `update messenger.inbox set claimed_until = null`)
	o.work()
	o.request(601, 1001)
	if n := o.count(`select count(*) from messenger.inbox where entity_id = $1 and attempts = 2`, subject); n != 1 || o.inbox() != 1 {
		t.Error("the unreadable row is not what is left in the inbox")
	}
}

// TestSlowRulesKeepTheirClaims evaluates for longer than a claim lasts.
func TestSlowRulesKeepTheirClaims(t *testing.T) {
	var late atomic.Int64
	o := openOffice(t, Write, func(w *WorkerOptions) {
		w.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	})
	o.worker.options.Engine = engineFunc(func(context.Context, int32, string) (Schedule, error) {
		late.Add(int64(o.worker.options.ClaimFor)) // it took so long
		return Schedule{Send: true, At: march}, nil
	})
	exec(t, o.db.Pool(), `create table messenger.seen (until timestamptz);
		create function messenger.see() returns trigger language plpgsql as $$ begin insert into messenger.seen values (new.claimed_until); return new; end $$;
		create trigger see after update of claimed_until on messenger.inbox for each row execute function messenger.see()`)
	for range 3 {
		id := must[int64](t)(o.avni.ScheduleVisit(t.Context(), 1001, 501, "ANC", march, march))
		o.arrive(cdc.ProgramEncounter, cdc.Insert, id)
	}
	o.work()
	// Three claims, then renewals before the second and the third evaluation of what is left.
	if n := o.count(`select count(distinct until) from messenger.seen where until is not null`); n != 3 {
		t.Errorf("claims were made or renewed %d times, want 3", n)
	}
}

func TestPrune(t *testing.T) {
	o := openOffice(t, Write)
	exec(t, o.db.Pool(), `insert into messenger.trigger_log (at, source_table, entity_id, organisation_id, outcome, committed_at, commit_lsn)
		select now() - days * interval '1 day', 'users', days, 101, 'skipped', now(), '0/1' from generate_series(1, 60) days`)
	o.worker.prune(t.Context())
	if n := o.count(`select max(entity_id) from messenger.trigger_log`); n != 29 && n != 30 {
		t.Errorf("the oldest entry is %d days old", n)
	}
}

// TestWorkerSurvivesLostConnections cuts the worker off again and again.
func TestWorkerSurvivesLostConnections(t *testing.T) {
	o := openOffice(t, Write)
	config := must[*pgxpool.Config](t)(pgxpool.ParseConfig(o.db.URL()))
	config.ConnConfig.RuntimeParams["application_name"] = "cut off"
	pool := must[*pgxpool.Pool](t)(pgxpool.NewWithConfig(t.Context(), config))
	defer pool.Close()
	stop := o.run(o.newWorker(pool, func(w *WorkerOptions) { w.PollInterval = 20 * time.Millisecond }))
	defer stop()
	for range 10 {
		o.arrive(cdc.ProgramEncounter, cdc.Update, 1001)
		exec(t, o.db.Pool(), `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'cut off' and datname = current_database()`)
		// A change that was put off is due at once here.
		o.eventually("the change is dealt with", func() bool {
			exec(t, o.db.Pool(), `update messenger.inbox set claimed_until = null where claimed_by is null`)
			return o.inbox() == 0
		})
	}
	o.request(603, 1001)
}
