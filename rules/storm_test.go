package rules

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

const (
	limit = 5
	// over is how many more may get through: as many as are written at the same moment.
	over = parallelWrites - 1
)

func withLimit(w *WorkerOptions) { w.StormLimit = limit }

// imported schedules visits that one source transaction has brought.
func (o *office) imported(transaction string, n int) (ids []int64) {
	o.Helper()
	for range n {
		ids = append(ids, o.visit())
		o.arrive(cdc.ProgramEncounter, cdc.Insert, ids[len(ids)-1])
	}
	exec(o, o.db.Pool(), `update messenger.inbox set commit_lsn = $1::text::pg_lsn where source_table = 'program_encounter' and entity_id = any($2)`, transaction, ids)
	return ids
}

// heldOf returns which entities rule 603 holds in a state.
func (o *office) heldOf(state heldState) []int64 {
	o.Helper()
	return o.ids(`select entity_id from messenger.held where rule_id = 603 and state = $1 order by entity_id`, state)
}

// heldVisit has a storm, and returns one of the visits that are held.
func (o *office) heldVisit() int64 {
	o.Helper()
	o.imported("0/1A2B3C", limit+over+3)
	o.work()
	held := o.heldOf(stateHeld)
	if len(held) == 0 {
		o.Fatal("nothing is held")
	}
	return held[0]
}

// reviewed has what was released or changed evaluated anew.
func (o *office) reviewed() {
	o.Helper()
	o.upkeep()
	o.work()
}

func (o *office) release(which HeldSelection) int64 {
	o.Helper()
	return must[int64](o)(Release(o.Context(), o.db.Pool(), which))
}

func (o *office) cancel(which HeldSelection) int64 {
	o.Helper()
	return must[int64](o)(CancelHeld(o.Context(), o.db.Pool(), which))
}

func TestTooManyOfOneTransactionAreHeld(t *testing.T) {
	var log notebook
	o := openOffice(t, Write, withLimit, withLog(&log))
	const n = 30
	ids := o.imported("0/1A2B3C", n)
	o.work()
	held := o.heldOf(stateHeld)
	made := o.count(`select count(*) from message_request_queue where message_rule_id = 603 and entity_id = any($1)`, ids)
	if made < limit || made > limit+over || made+len(held) != n {
		t.Errorf("%d requests are made and %d are held of %d", made, len(held), n)
	}
	o.expectLog(cdc.ProgramEncounter, held[0], "603 held")
	if lines := log.lines("too many new messages at once"); len(lines) != 1 || !strings.Contains(lines[0], "transaction=0/1A2B3C") || !strings.Contains(lines[0], "changed_by=202") {
		t.Errorf("the log says %q", lines)
	}
	if got := o.outcomes("held"); got != float64(len(held)) {
		t.Errorf("outcomes_total{held} is %v", got)
	}
	o.upkeep()
	if got := testutil.ToFloat64(o.worker.options.Metrics.held); got != float64(len(held)) {
		t.Errorf("held is %v", got)
	}
	list := o.worker.Held()
	if len(list) != 1 {
		t.Fatalf("list %+v", list)
	}
	h := list[0]
	if h.RuleID != 603 || h.Organisation != "asha_gramin" || h.Transaction != "0/1A2B3C" || h.Count != len(held) || h.State != "held" ||
		!h.FirstDue.Equal(march.AddDate(0, 0, -1)) || !h.LastDue.Equal(h.FirstDue) || !slices.Equal(h.ChangedBy, []int64{202}) || len(h.Users) != 1 {
		t.Errorf("held %+v", h)
	}

	// Another transaction, and another rule, have a limit of their own.
	next := o.imported("0/1A2B3D", limit-over)
	o.work()
	for _, id := range next {
		o.expectLog(cdc.ProgramEncounter, id, "603 scheduled")
	}
}

func TestMovesAreNotCounted(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	var ids []int64
	for range 2 * limit {
		id := o.visit()
		o.created(cdc.ProgramEncounter, id)
		if err := o.avni.RescheduleVisit(t.Context(), id, march.AddDate(0, 0, 5), march.AddDate(0, 0, 9)); err != nil {
			t.Fatal(err)
		}
		o.arrive(cdc.ProgramEncounter, cdc.Update, id)
		ids = append(ids, id)
	}
	exec(t, o.db.Pool(), `update messenger.inbox set commit_lsn = '0/1A2B3C'`)
	o.work()
	for _, id := range ids {
		o.expectLog(cdc.ProgramEncounter, id, "603 scheduled", "603 moved")
	}
}

// However many transactions they come from, too many of an hour are held; of what they
// were saved in, not of when they are evaluated.
func TestTooManyOfAnHourAreHeld(t *testing.T) {
	for name, test := range map[string]struct {
		hours bool
		held  bool
	}{"one hour": {false, true}, "many hours": {true, false}} {
		t.Run(name, func(t *testing.T) {
			var log notebook
			o := openOffice(t, Write, withLog(&log), func(w *WorkerOptions) { w.StormLimit = 1 })
			for i := range stormHour + 4 {
				id := o.visit()
				o.arrive(cdc.ProgramEncounter, cdc.Insert, id)
				exec(t, o.db.Pool(), `update messenger.inbox set commit_lsn = ('0/' || (100 + $1::int))::pg_lsn, committed_at = now() - case when $2 then $1 * interval '6 minutes' else '0' end`, i, test.hours)
				o.work()
			}
			want, lines := 0, 0
			if test.held {
				want, lines = 4, 1
			}
			if held := o.heldOf(stateHeld); len(held) != want {
				t.Errorf("%d are held, want %d", len(held), want)
			}
			if told := log.lines("within an hour"); len(told) != lines {
				t.Errorf("the log says %q", told)
			}
		})
	}
}

// What is evaluated for something else than a transaction has no limit of one.
func TestNoTransactionHasNoLimit(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	ids := o.imported("0/0", 4*limit)
	o.work()
	for _, id := range ids {
		o.expectLog(cdc.ProgramEncounter, id, "603 scheduled")
	}
}

// What somebody asks for is not held, and not counted.
func TestCatchUpByHandIsNotHeld(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	o.imported("0/1A2B3C", 3*limit)
	exec(t, o.db.Pool(), `update messenger.inbox set by_hand = true`)
	o.work()
	if held := o.heldOf(stateHeld); len(held) != 0 {
		t.Errorf("%d are held", len(held))
	}
	for _, id := range o.imported("0/1A2B3C", limit-over) {
		o.work()
		o.expectLog(cdc.ProgramEncounter, id, "603 scheduled")
	}
}

func TestReleased(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	first := o.imported("0/1A2B3C", 4*limit)
	o.work()
	second := o.imported("0/1A2B3D", 4*limit)
	o.work()
	all := len(o.heldOf(stateHeld))
	which := HeldSelection{RuleID: 603, Transaction: "0/1a2b3c"}
	n := o.release(which)
	if again := o.release(which); again != 0 || n < limit {
		t.Errorf("%d are released, then %d", n, again)
	}
	if other := o.release(HeldSelection{RuleID: 604}); other != 0 {
		t.Errorf("%d of another rule are released", other)
	}
	o.reviewed()
	if held := o.heldOf(stateHeld); len(held) != all-int(n) || len(o.heldOf(stateReleased)) != 0 {
		t.Errorf("%d are held, and %d released", len(held), len(o.heldOf(stateReleased)))
	}
	for _, id := range first {
		if r := o.request(603, id); r.Voided {
			t.Errorf("request %+v", r)
		}
	}
	o.expectLog(cdc.ProgramEncounter, first[len(first)-1], "603 held", "603 scheduled")

	// What was released is not counted: neither of its transaction nor of the hour.
	o.worker.options.StormLimit = 1
	exec(t, o.db.Pool(), `update messenger.trigger_log set by_hand = true where outcome = 'scheduled'`)
	later := o.imported("0/1A2B3E", 1)
	o.work()
	o.expectLog(cdc.ProgramEncounter, later[0], "603 scheduled")
	o.release(HeldSelection{RuleID: 603})
	o.reviewed()
	if n := o.count(`select count(*) from message_request_queue where message_rule_id = 603 and entity_id = any($1)`, second); n != len(second) {
		t.Errorf("%d requests of %d", n, len(second))
	}
	if n := o.count(`select count(*) from messenger.trigger_log where reason = 'was held, and released by hand' and not by_hand`); n != 0 {
		t.Errorf("%d of those that were released count", n)
	}
}

// Those that are released enter the inbox only as fast as it is dealt with.
func TestManyAreReleased(t *testing.T) {
	const many = followBacklog + followSize + 10
	o := openOffice(t, Write, withLimit, withEngine(always(march)))
	exec(t, o.avni.Pool(), `insert into program_encounter (uuid, individual_id, program_enrolment_id, encounter_type_id, observations, version, organisation_id,
			is_voided, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time, cancel_observations)
		select 'many-' || n, 1001, 1001, 501, '{}', 0, 101, false, 202, 202, now(), now(), '{}' from generate_series(1, $1::int) n`, many)
	exec(t, o.db.Pool(), `insert into messenger.held (rule_id, source_table, entity_id, organisation_id, commit_lsn, committed_at, scheduled_for)
		select 603, 'program_encounter', id, 101, '0/1A2B3C', now(), $1 from program_encounter where uuid like 'many-%'`, march)
	if n := o.release(HeldSelection{RuleID: 603}); n != many {
		t.Errorf("%d are released, want %d", n, many)
	}
	o.upkeep()
	if n := o.inbox(); n != followBacklog {
		t.Errorf("%d are in the inbox, want %d", n, followBacklog)
	}
	o.work()
	o.reviewed()
	if n := o.count(`select count(*) from message_request_queue q join program_encounter v on v.id = q.entity_id and v.uuid like 'many-%' where message_rule_id = 603`); n != many {
		t.Errorf("%d requests of %d", n, many)
	}
	if n := o.count(`select count(*) from messenger.held`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestCancelledStaysSo(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	id := o.heldVisit()
	all := len(o.heldOf(stateHeld))
	o.release(HeldSelection{RuleID: 603}) // cancel is the last word
	if n, again := o.cancel(HeldSelection{RuleID: 603, Transaction: "0/1A2B3C"}), o.cancel(HeldSelection{RuleID: 603}); n != int64(all) || again != 0 {
		t.Errorf("%d are cancelled, then %d, want %d", n, again, all)
	}
	if err := o.avni.RescheduleVisit(t.Context(), id, march.AddDate(0, 0, 5), march.AddDate(0, 0, 9)); err != nil {
		t.Fatal(err)
	}
	o.reviewed()
	o.saved(cdc.ProgramEncounter, id)
	if err := o.avni.VoidVisit(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.ProgramEncounter, id)
	exec(t, o.avni.Pool(), `update program_encounter set is_voided = false where id = $1`, id)
	o.saved(cdc.ProgramEncounter, id)
	if n := o.release(HeldSelection{RuleID: 603}); n != 0 {
		t.Errorf("%d of those that are cancelled are released in passing", n)
	}
	o.reviewed()
	if rows := o.requests(id, 603); len(rows) != 0 {
		t.Errorf("requests %+v", rows)
	}
	o.expectLog(cdc.ProgramEncounter, id, "603 held", "603 cancelled", "0 skipped", "603 cancelled")
	o.worker.pruneHeld(t.Context())
	if n := o.release(HeldSelection{RuleID: 603, Cancelled: true}); n != int64(all) {
		t.Errorf("%d are released, want %d", n, all)
	}
	o.reviewed()
	if r := o.request(603, id); r.At != "2030-03-14T04:30:00.000Z" {
		t.Errorf("request %+v", r)
	}
}

// heldAt is when what is held would be due, in UTC; "" if it is not held.
func (o *office) heldAt(id int64) string {
	o.Helper()
	at := ""
	err := o.db.Pool().QueryRow(o.Context(), `select coalesce((select to_char(scheduled_for at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' ' || state
		from messenger.held where rule_id = 603 and entity_id = $1), '')`, id).Scan(&at)
	if err != nil {
		o.Fatal(err)
	}
	return at
}

func TestHeldFollowsItsEntity(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	id := o.heldVisit()
	step := func(want string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		o.saved(cdc.ProgramEncounter, id)
		if got := o.heldAt(id); got != want {
			t.Errorf("held %q, want %q", got, want)
		}
		if rows := o.requests(id, 603); len(rows) != 0 {
			t.Errorf("requests %+v", rows)
		}
	}
	if got := o.heldAt(id); got != "2030-03-09 04:30 held" {
		t.Errorf("at first %q", got)
	}
	step("2030-03-11 04:30 held", o.avni.RescheduleVisit(t.Context(), id, march.AddDate(0, 0, 2), march.AddDate(0, 0, 9)))
	if n := o.count(`select count(*) from messenger.held where entity_id = $1 and commit_lsn = '0/1A2B3C'`, id); n != 1 {
		t.Error("it is of another transaction now")
	}
	step("", o.avni.CompleteVisit(t.Context(), id, march, nil))
	o.expectLog(cdc.ProgramEncounter, id, "603 held", "603 held", "603 voided")
}

func TestHeldAndVoided(t *testing.T) {
	for name, above := range map[string]bool{"itself": false, "its subject": true} {
		t.Run(name, func(t *testing.T) {
			o := openOffice(t, Write, withLimit)
			id := o.heldVisit()
			all := len(o.heldOf(stateHeld))
			if above {
				if err := o.avni.VoidSubject(t.Context(), 1001); err != nil {
					t.Fatal(err)
				}
				o.saved(cdc.Individual, 1001)
				if n := len(o.heldOf(stateHeld)); n != 0 {
					t.Errorf("%d are held", n)
				}
			} else {
				if err := o.avni.VoidVisit(t.Context(), id); err != nil {
					t.Fatal(err)
				}
				o.saved(cdc.ProgramEncounter, id)
				if n := len(o.heldOf(stateHeld)); n != all-1 {
					t.Errorf("%d of %d are held", n, all)
				}
			}
			o.expectLog(cdc.ProgramEncounter, id, "603 held", "603 voided")
			if above {
				if err := o.avni.UnvoidSubject(t.Context(), 1001); err != nil {
					t.Fatal(err)
				}
				o.reviewed()
			} else {
				exec(t, o.avni.Pool(), `update program_encounter set is_voided = false where id = $1`, id)
				o.saved(cdc.ProgramEncounter, id)
			}
			if r := o.request(603, id); r.Voided {
				t.Errorf("request %+v", r)
			}
		})
	}
}

func TestHeldWhoseRuleIsChanged(t *testing.T) {
	o := openOffice(t, Write, withLimit, atOnce)
	o.followed()
	id := o.heldVisit()
	all := len(o.heldOf(stateHeld))
	o.saveRule(reminder(reminderText(2)))
	o.reviewed()
	if got := o.heldAt(id); got != "2030-03-12 04:30 held" || len(o.heldOf(stateHeld)) != all {
		t.Errorf("edited: held %q, %d of %d", got, len(o.heldOf(stateHeld)), all)
	}
	if n := o.count(`select count(*) from messenger.held where review`); n != 0 || o.inbox() != 0 {
		t.Errorf("%d are to be reviewed still, %d changes are in the inbox", n, o.inbox())
	}
	if err := o.avni.VoidRule(t.Context(), 603); err != nil {
		t.Fatal(err)
	}
	o.reload()
	o.reviewed()
	if n := o.count(`select count(*) from messenger.held`); n != 0 {
		t.Errorf("%d are held by a voided rule", n)
	}
	log := o.logged(cdc.ProgramEncounter, id)
	if !slices.Contains(log, "603 voided") {
		t.Errorf("log %q", log)
	}
}

func TestHeldWhoseRuleIsPaused(t *testing.T) {
	o := openOffice(t, Write, withLimit, withEngine(always(march)))
	thrice(o)
	id := o.heldVisit()
	rule, _ := o.catalogue.active(101, 603)
	for range 3 {
		o.worker.options.Failures.charge(t.Context(), o.dir.the(101), rule, schedulePhase, &Failure{Kind: FailedThrow, Message: "x"})
	}
	o.saved(cdc.ProgramEncounter, id)
	o.release(HeldSelection{RuleID: 603})
	o.reviewed()
	if rows := o.requests(id, 603); len(rows) != 0 || !strings.HasSuffix(o.heldAt(id), " released") {
		t.Errorf("paused: requests %+v, held %q", rows, o.heldAt(id))
	}
	must[[]PausedScript](t)(Resume(t.Context(), o.db.Pool(), 603))
	o.reviewed()
	if r := o.request(603, id); r.Voided || len(o.heldOf(stateReleased)) != 0 {
		t.Errorf("resumed: %+v, %d are released still", r, len(o.heldOf(stateReleased)))
	}
}

// What was held for too long is given up, and what became of it is told.
func TestHeldUntilTooLate(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	id := o.heldVisit()
	all := len(o.heldOf(stateHeld))
	o.worker.pruneHeld(t.Context())
	if n := len(o.heldOf(stateHeld)); n != all {
		t.Errorf("%d of %d are held", n, all)
	}
	exec(t, o.db.Pool(), `update messenger.held set scheduled_for = now() - $1::interval - interval '1 minute' where entity_id = $2`, o.worker.options.RepairWindow, id)
	o.worker.pruneHeld(t.Context())
	o.expectLog(cdc.ProgramEncounter, id, "603 held", "603 expired")
	if n := len(o.heldOf(stateHeld)); n != all-1 || o.outcomes("expired") != 1 {
		t.Errorf("%d of %d are held, %v expired", n, all, o.outcomes("expired"))
	}
}

// Two processes count together, and a release meets what they settle.
func TestStormOverTwoWorkers(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	const n = 120
	ids := o.imported("0/1A2B3C", n)
	workers := []*Worker{o.worker, o.newWorker(o.db.Pool(), withLimit, func(w *WorkerOptions) { w.PollInterval = 50 * time.Millisecond })}
	for _, w := range workers {
		o.run(w)
	}
	o.eventually("all are evaluated", func() bool { return o.inbox() == 0 })
	made := o.count(`select count(*) from message_request_queue where message_rule_id = 603 and entity_id = any($1)`, ids)
	if held := len(o.heldOf(stateHeld)); made < limit || made > limit+2*parallelWrites-1 || made+held != n {
		t.Errorf("%d requests are made and %d are held of %d", made, held, n)
	}
	done := make(chan error, 1)
	ctx := context.WithoutCancel(t.Context())
	go func() {
		_, err := Release(ctx, o.db.Pool(), HeldSelection{RuleID: 603})
		done <- err
	}()
	for _, id := range ids { // each is saved while it is released
		if err := o.avni.RescheduleVisit(t.Context(), id, march, march); err != nil {
			t.Fatal(err)
		}
		o.arrive(cdc.ProgramEncounter, cdc.Update, id)
		workers[0].Wake()
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	o.eventually("all are made", func() bool {
		return o.inbox() == 0 && o.count(`select count(*) from messenger.held`) == 0 &&
			o.count(`select count(*) from message_request_queue where message_rule_id = 603 and entity_id = any($1)`, ids) == n
	})
}

// A request that somebody else has made takes the place of what is held.
func TestHeldThatSomebodyElseMade(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	id := o.heldVisit()
	must[int64](t)(o.avni.QueueRule(t.Context(), 603, id, avnitest.Receiver{Type: "Subject", ID: 1001}, march))
	o.saved(cdc.ProgramEncounter, id)
	o.expectLog(cdc.ProgramEncounter, id, "603 held", "603 moved")
	if got := o.heldAt(id); got != "" {
		t.Errorf("held %q", got)
	}
}
