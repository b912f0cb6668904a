package rules

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// thrice is a budget of three failures.
func thrice(o *office) {
	o.worker.options.Failures.options.Budget = Budget{Failures: 3, Timeouts: 2, Within: time.Hour}
}

// visits schedules encounters of the type that rules 604 and 607 are about.
func (o *office) visits(n int) (ids []int64) {
	o.Helper()
	for range n {
		ids = append(ids, must[int64](o)(o.avni.ScheduleEncounter(o.Context(), 1001, 502, "Home", march, march)))
	}
	return ids
}

// paused returns the scripts that are paused according to the database.
func (o *office) paused() int {
	o.Helper()
	return o.count(`select count(*) from messenger.rule_pause`)
}

func (o *office) upkeep() {
	o.Helper()
	for _, step := range []func(context.Context) error{o.worker.activate, o.worker.resume, o.worker.followChanged, o.worker.bringBack,
		o.worker.reviewHeld, o.worker.countHeld, o.worker.repeatFailed} {
		if err := step(o.Context()); err != nil {
			o.Fatal(err)
		}
	}
}

// TestRuleThatFailsTooOftenIsPausedAlone has the sample's broken rule 607 beside the
// good one, 604.
func TestRuleThatFailsTooOftenIsPausedAlone(t *testing.T) {
	var log notebook
	o := openOffice(t, Write, withLog(&log))
	thrice(o)
	ids := o.visits(5)
	for _, id := range ids {
		o.saved(cdc.Encounter, id)
	}
	o.saved(cdc.Encounter, ids[4])
	o.expectLog(cdc.Encounter, ids[2], "604 skipped", "607 failed")
	o.expectLog(cdc.Encounter, ids[3], "604 skipped", "607 paused")
	if n := o.count(`select count(*) from messenger.rule_waiting where rule_id = 607 and entity_id = any($1) and not compared`, ids[3:]); n != 2 || o.inbox() != 0 {
		t.Errorf("%d entities wait for the rule, want 2; %d changes are in the inbox", n, o.inbox())
	}
	if n := o.count(`select count(*) from messenger.rule_waiting w where (committed_at, commit_lsn) = (
		select committed_at, commit_lsn from messenger.trigger_log where entity_id = w.entity_id order by id desc limit 1) and entity_id = $1`, ids[4]); n != 1 {
		t.Error("it is not the newest change that waits")
	}
	want := `rule=607 name="Broken schedule rule" phase=schedule reason=throw failures=3 err="TypeError: Cannot read property 'here' of undefined (line 1, column 76)"`
	if got := log.lines("rule paused"); len(got) != 1 || !strings.Contains(got[0], want) || !strings.Contains(got[0], "avni-messenger rule resume --rule 607") {
		t.Errorf("the log tells %q", got)
	}
	if got := o.outcomes("paused"); got != 3 {
		t.Errorf("outcomes_total{paused} is %v, want 3", got)
	}

	// Every other process sees it, also one that has just begun.
	fresh := NewFailures(FailuresOptions{Pool: o.db.Pool(), Catalogue: o.catalogue, Directory: o.dir})
	if _, on, err := fresh.paused(t.Context(), 607, schedulePhase); !on || err != nil {
		t.Errorf("another process has it paused: %v, %v", on, err)
	}
	if _, on, err := fresh.paused(t.Context(), 607, messagePhase); on || err != nil {
		t.Errorf("the message rule is paused too: %v, %v", on, err)
	}
	paused := broken(3)
	paused.Paused, paused.Waiting = true, 2
	o.expectTroubles(fresh, paused)
	if fix := fresh.Current()[0].Fix; !strings.Contains(fix, "avni-messenger rule resume --rule 607") {
		t.Errorf("the fix is %q", fix)
	}
	m := fresh.options.Metrics
	if got := testutil.ToFloat64(m.paused.WithLabelValues("schedule")); got != 1 {
		t.Errorf("messenger_rules_paused is %v", got)
	}
	if got := testutil.ToFloat64(m.waiting.WithLabelValues("schedule")); got != 2 {
		t.Errorf("messenger_rules_paused_waiting is %v", got)
	}
}

// What comes to wait after the pause was over, by a process that had not heard, is not stuck.
func TestLatecomersOfAPauseAreNotStuck(t *testing.T) {
	o := openOffice(t, Write)
	exec(t, o.db.Pool(), `insert into messenger.rule_waiting (rule_id, source_table, entity_id, organisation_id, compared, committed_at, commit_lsn)
		values (604, 'encounter', 1002, 101, false, now(), '0/1'), (607, 'encounter', 1002, 101, false, now(), '0/2')`)
	o.upkeep()
	if o.inbox() != 1 {
		t.Errorf("%d changes are back, want one of one entity", o.inbox())
	}
	o.work()
	o.request(604, 1002)
}

func TestTextThatWasChangedMeanwhileIsNotPaused(t *testing.T) {
	o := openOffice(t, Write)
	thrice(o)
	f := o.worker.options.Failures
	rule, _ := o.catalogue.active(101, 607)
	exec(t, o.db.Pool(), `update message_rule set schedule_rule = '() => ({})' where id = 607`) // nobody has heard yet
	for range 3 {
		f.charge(t.Context(), o.dir.the(101), rule, schedulePhase, &Failure{Kind: FailedThrow, Message: "x"})
	}
	if o.paused() != 0 {
		t.Error("the new text is paused for what the old one did")
	}
}

// What waits in shadow mode is compared when the rule goes on, but never written.
func TestPauseInShadowMode(t *testing.T) {
	for _, test := range []struct {
		then Treatment
		want int
	}{{Compare, 4}, {Write, 0}, {Ignore, 0}} {
		t.Run(test.then.String(), func(t *testing.T) {
			o := openOffice(t, Compare)
			thrice(o)
			ids := o.visits(4)
			for _, id := range ids {
				o.saved(cdc.Encounter, id)
			}
			o.expectLog(cdc.Encounter, ids[3], "604 would_skip", "607 paused")
			o.dir.treat(101, test.then)
			o.saveRule(repaired)
			o.upkeep()
			if o.inbox() != test.want {
				t.Errorf("%d changes are back, want %d", o.inbox(), test.want)
			}
			o.work()
			if rows := o.requests(ids[3], 607); len(rows) != 0 {
				t.Errorf("requests are %+v", rows)
			}
		})
	}
}

// A database that does not answer is no reason to run what may be paused.
func TestPausesMustBeKnown(t *testing.T) {
	o := openOffice(t, Write)
	exec(t, o.db.Pool(), `alter table messenger.rule_pause rename to away`)
	o.arrive(cdc.Encounter, cdc.Update, 1002)
	o.work()
	if n := o.count(`select count(*) from messenger.inbox where attempts = 1 and last_error like '%rule_pause%'`); n != 1 {
		t.Error("the change does not wait")
	}
	exec(t, o.db.Pool(), `alter table messenger.away rename to rule_pause; update messenger.inbox set claimed_until = null`)
	o.work()
	o.request(604, 1002)
}

func TestPausedMessageRule(t *testing.T) {
	d := openDesk(t)
	d.options.Failures.options.Budget = Budget{Failures: 2, Within: time.Hour}
	d.options.Failures.options.Budget.setDefaults()
	exec(t, d.avni.Pool(), `update message_rule set message_rule = '({params}) => params.nothing.here' where id = 601`)
	for range 2 {
		_, _, err := d.Parameters(t.Context(), Render{101, 601, 1001})
		failureOf(t, err, FailedThrow)
	}
	_, _, err := d.Parameters(t.Context(), Render{101, 601, 1001})
	if paused, ok := err.(*Paused); !ok || paused.RuleID != 601 || time.Since(paused.Since) > time.Minute || !strings.HasPrefix(err.Error(), "message rule 601 is paused since 20") {
		t.Fatalf("the third message gets %v", err)
	}
	if _, _, err := d.Parameters(t.Context(), Render{101, 602, 1001}); err != nil {
		t.Errorf("another rule: %v", err)
	}

	// The dispatcher keeps the request, until the rule is corrected.
	o := &office{T: t, db: d.db, avni: d.avni, dir: d.dir, catalogue: d.options.Catalogue}
	o.worker = o.newWorker(d.db.Pool(), func(w *WorkerOptions) { w.Failures = d.options.Failures })
	request := must[int64](t)(d.avni.QueueRule(t.Context(), 601, 1001, avnitest.Receiver{Type: "Subject", ID: 1001}, time.Now()))
	exec(t, d.db.Pool(), `insert into messenger.delivery (request_id, organisation_id, state, reason, next_attempt_at) values ($1, 101, 'waiting', 'rule_paused', 'infinity')`, request)
	if _, err := d.db.Pool().Exec(t.Context(), `insert into messenger.delivery (request_id, organisation_id, state, reason, next_attempt_at) values (921, 101, 'waiting', 'dry_run', 'infinity')`); err != nil {
		t.Fatal(err)
	}
	free := func() int {
		t.Helper()
		o.upkeep()
		return o.count(`select count(*) from messenger.delivery where next_attempt_at <= now()`)
	}
	if n := free(); n != 0 {
		t.Errorf("%d messages are free although the rule is paused", n)
	}
	if got := d.options.Failures.Current(); len(got) != 1 || !got[0].Paused || got[0].Script != "message" || got[0].Waiting != 1 {
		t.Errorf("paused: %+v", got)
	}
	exec(t, d.avni.Pool(), `update message_rule set message_rule = '() => ({parameters: ["x"]})' where id = 601`)
	if n := free(); n != 1 || len(o.queuedFor()) != 1 {
		t.Errorf("%d messages are free, want the one of the rule; the dispatcher was told of %v", n, o.queuedFor())
	}
	if got, _, err := d.Parameters(t.Context(), Render{101, 601, 1001}); err != nil || len(got) != 1 {
		t.Errorf("the corrected rule says %v, %v", got, err)
	}
}
