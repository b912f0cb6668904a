package rules

import (
	"context"
	"sync"
	"testing"
	"time"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// repaired is the sample's broken rule once it is mended.
var repaired = avnitest.RuleFields{ID: 607, Name: "Mended", EntityType: "Encounter", EntityTypeID: 502, ReceiverType: "User",
	ScheduleRule: `() => ({scheduledDateTime: '2030-03-10T04:30:00Z'})`, MessageRule: `() => ({parameters: []})`}

// again lets the worker look at what failed, and deals with what that puts into the
// inbox. It returns how many changes those are.
func (o *office) again() int {
	o.Helper()
	if err := o.worker.repeatFailed(o.Context()); err != nil {
		o.Fatal(err)
	}
	n := o.inbox()
	o.work()
	return n
}

func TestChangedRuleIsRunAgainForWhatFailed(t *testing.T) {
	o := openOffice(t, Write)
	for range 2 {
		o.saved(cdc.Encounter, 1001)
	}
	o.saved(cdc.Encounter, 1002)
	if n := o.count(`select count(*) from rule_failure_log`); n != 1 {
		t.Fatalf("%d rows in rule_failure_log, want one for one error", n)
	}
	if n := o.again(); n != 0 {
		t.Errorf("%d changes are evaluated again although no rule was changed", n)
	}
	o.saveRule(repaired)
	if n := o.again(); n != 2 {
		t.Errorf("%d changes are evaluated again, want the two entities", n)
	}
	for _, id := range []int64{1001, 1002} {
		if r := o.request(607, id); r.At != "2030-03-10T04:30:00.000Z" || r.Voided {
			t.Errorf("encounter %d: %+v", id, r)
		}
	}
	o.expectLog(cdc.Encounter, 1002, "604 scheduled", "607 failed", "604 unchanged", "607 scheduled")
	if n := o.count(`select count(distinct (committed_at, commit_lsn)) from messenger.trigger_log where entity_id = 1002`); n != 1 {
		t.Error("the change does not count as the one that it was")
	}
	if n := o.again(); n != 0 {
		t.Errorf("%d changes are evaluated a third time", n)
	}
}

func TestRuleThatStillFailsIsRunOnceForEachChangeOfIt(t *testing.T) {
	o := openOffice(t, Compare)
	o.saved(cdc.Encounter, 1002)
	worse := repaired
	worse.ScheduleRule = `() => nothing`
	for round := 1; round <= 2; round++ {
		o.saveRule(worse)
		if n := o.again(); n != 1 {
			t.Errorf("round %d: %d changes are evaluated again", round, n)
		}
		if n := o.again(); n != 0 {
			t.Errorf("round %d: and %d once more", round, n)
		}
	}
	o.saveRule(repaired)
	o.again()
	o.expectLog(cdc.Encounter, 1002, "604 would_schedule", "607 would_fail", "604 would_schedule", "607 would_fail",
		"604 would_schedule", "607 would_fail", "604 would_schedule", "607 would_schedule")
	if rows := o.requests(1002, 607, 604); len(rows) != 0 {
		t.Errorf("shadow wrote %+v", rows)
	}
}

// The creation of a user is the only trigger of its rules, and counts still.
func TestChangedUserRuleIsRunAgain(t *testing.T) {
	o := openOffice(t, Write)
	rule := avnitest.RuleFields{Name: "Greet", EntityType: "User", ReceiverType: "User", ScheduleRule: `nothing`, MessageRule: `x`}
	rule.ID = o.saveRule(rule)
	user := must[int64](t)(o.avni.CreateUser(t.Context(), avnitest.UserFields{Name: "New Worker"}))
	o.created(cdc.Users, user)
	rule.ScheduleRule = repaired.ScheduleRule
	o.saveRule(rule)
	if n := o.again(); n != 1 {
		t.Errorf("%d changes are evaluated again", n)
	}
	o.expectLog(cdc.Users, user, "605 scheduled", logLine(rule.ID, "failed"), "605 unchanged", logLine(rule.ID, "scheduled"))
}

func TestWhatIsNotRunAgain(t *testing.T) {
	for _, test := range []struct {
		name, sql string
		treatment Treatment
	}{
		{"what failed long ago", `update messenger.trigger_log set at = now() - interval '5 days'`, Write},
		{"what the rule answered since", `insert into messenger.trigger_log (source_table, entity_id, organisation_id, rule_id, outcome, committed_at, commit_lsn)
			values ('encounter', 1002, 101, 607, 'skipped', now(), '0/1')`, Write},
		{"what was withdrawn since", `insert into messenger.trigger_log (source_table, entity_id, organisation_id, outcome, committed_at, commit_lsn)
			values ('encounter', 1002, 101, 'skipped', now(), '0/1')`, Write},
		{"what a voided rule failed at", `update message_rule set is_voided = true where id = 607`, Write},
		{"what failed in shadow mode", `update messenger.trigger_log set outcome = 'would_fail' where outcome = 'failed'`, Write},
		{"what failed before shadow mode", ``, Compare},
		{"what is not ours any more", ``, Ignore},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := openOffice(t, Write)
			o.saved(cdc.Encounter, 1002)
			o.saveRule(repaired)
			o.dir.treat(101, test.treatment)
			if test.sql != "" {
				exec(t, o.db.Pool(), test.sql)
			}
			o.worker.RulesChanged(607)
			if n := o.again(); n != 0 {
				t.Error("it is evaluated again")
			}
		})
	}
}

// A newer change that waits, or comes, is the one that counts.
func TestRepeatedChangeGivesWayToNewerOnes(t *testing.T) {
	o := openOffice(t, Write)
	o.saved(cdc.Encounter, 1001)
	o.saved(cdc.Encounter, 1002)
	o.arrive(cdc.Encounter, cdc.Update, 1001)
	before := o.count(`select change_number from messenger.inbox where entity_id = 1001`)
	o.saveRule(repaired)
	if err := o.worker.repeatFailed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if after := o.count(`select change_number from messenger.inbox where entity_id = 1001`); after != before || o.inbox() != 2 {
		t.Errorf("change number %d became %d, %d changes wait", before, after, o.inbox())
	}
	if n := o.count(`select count(*) from messenger.inbox where entity_id = 1002 and not is_voided and type_id = 502 and commit_lsn < pg_current_wal_lsn()`); n != 1 {
		t.Error("the repeated change is not as it was")
	}
}

// A rule is repaired while it runs: what it says then is not the last word.
func TestRuleThatIsChangedWhileItRuns(t *testing.T) {
	running, goOn := make(chan struct{}), make(chan struct{})
	first := sync.OnceFunc(func() {
		close(running)
		<-goOn
	})
	o := openOffice(t, Write, withEngine(engineFunc(func(_ context.Context, _ int32, script string) (Schedule, error) {
		if script == repaired.ScheduleRule {
			return Schedule{Send: true, At: march}, nil
		}
		first()
		return Schedule{}, &Failure{Kind: FailedTimeout, Message: "the rule ran for more than 2s"}
	})))
	if err := o.avni.VoidRule(t.Context(), 604); err != nil {
		t.Fatal(err)
	}
	if err := o.catalogue.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.arrive(cdc.Encounter, cdc.Update, 1002)
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.worker.turn(t.Context(), avnitest.AshaGramin)
	}()
	<-running
	o.saveRule(repaired)
	if n := o.again(); n != 1 {
		t.Errorf("%d changes wait, want the one whose rule runs", n)
	}
	close(goOn)
	<-done
	o.work()
	o.expectLog(cdc.Encounter, 1002, "607 scheduled")
}

// TestWorkerLooksBack starts a worker on what failed before, then tells it of a rule
// whose row is older than the failure: the stream was behind.
func TestWorkerLooksBack(t *testing.T) {
	o := openOffice(t, Write)
	o.saved(cdc.Encounter, 1001)
	o.saveRule(repaired)
	other := o.newWorker(o.db.Pool(), func(w *WorkerOptions) { w.PollInterval = time.Hour })
	o.run(other)
	o.eventually("what failed before the start is evaluated again", func() bool { return len(o.requests(1001, 607)) == 1 })

	exec(t, o.db.Pool(), `insert into messenger.trigger_log (source_table, entity_id, organisation_id, rule_id, outcome, committed_at, commit_lsn)
		values ('encounter', 1002, 101, 607, 'failed', now(), '0/1')`)
	other.RulesChanged(607)
	o.eventually("what failed under the old text after the change is evaluated again", func() bool { return len(o.requests(1002, 607)) == 1 })
}

// Two processes look back at the same time.
func TestWorkersLookBackTogether(t *testing.T) {
	o := openOffice(t, Write)
	var all []int64
	for range 40 {
		id := must[int64](t)(o.avni.ScheduleEncounter(t.Context(), 1001, 502, "Home", march, march))
		all = append(all, id)
		o.arrive(cdc.Encounter, cdc.Insert, id)
	}
	o.work()
	o.saveRule(repaired)
	o.run(o.newWorker(o.db.Pool()))
	o.run(o.newWorker(o.db.Pool()))
	o.eventually("all are evaluated again", func() bool {
		return o.count(`select count(*) from message_request_queue where message_rule_id = 607`) == len(all) && o.inbox() == 0
	})
	for _, id := range all {
		o.request(607, id)
	}
}

// TestWorkerLooksBackOnceTheDatabaseAnswers has the first attempt fail.
func TestWorkerLooksBackOnceTheDatabaseAnswers(t *testing.T) {
	var log notebook
	o := openOffice(t, Write)
	o.saved(cdc.Encounter, 1001)
	o.saveRule(repaired)
	exec(t, o.db.Pool(), `alter table messenger.trigger_log rename to away`)
	w := o.newWorker(o.db.Pool(), withLog(&log), func(w *WorkerOptions) { w.PollInterval = 10 * time.Millisecond })
	o.run(w)
	o.eventually("it is told", func() bool { return len(log.lines("are not looked at again until the database answers")) == 1 })
	exec(t, o.db.Pool(), `alter table messenger.away rename to trigger_log`)
	o.eventually("it is done", func() bool { return len(o.requests(1001, 607)) == 1 })
	if got := log.lines("are not looked at again until the database answers"); len(got) != 1 {
		t.Errorf("told %d times", len(got))
	}
}
