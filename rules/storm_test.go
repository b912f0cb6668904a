package rules

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/cdc"
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
	if lines := log.lines("too many new messages at once"); len(lines) != 1 || !strings.Contains(lines[0], "transaction=0/1A2B3C") || !strings.Contains(lines[0], "changed_by=202") ||
		!strings.Contains(lines[0], "the rule has made at least 5 new requests of transaction 0/1A2B3C") {
		t.Errorf("the log says %q", lines)
	}
	if got := o.outcomes("held"); got != float64(len(held)) {
		t.Errorf("outcomes_total{held} is %v", got)
	}
	o.upkeep()
	if got := testutil.ToFloat64(o.worker.options.Metrics.held); got != float64(len(held)) {
		t.Errorf("held is %v", got)
	}
	if counted := o.worker.Held(); len(counted) != 1 || counted[0].RuleID != 603 || counted[0].Organisation != "asha_gramin" || counted[0].Count != len(held) ||
		counted[0].Transaction != "0/1A2B3C" || counted[0].CatchUp {
		t.Errorf("counted %+v", counted)
	}
	list := must[HeldList](t)(ListHeld(t.Context(), o.db.Pool()))
	if len(list.Groups) != 1 || list.More != 0 || list.MoreMessages != 0 {
		t.Fatalf("list %+v", list)
	}
	h := list.Groups[0]
	if h.CatchUp || h.RuleID != 603 || h.Organisation != "asha_gramin" || h.Transaction != "0/1A2B3C" || h.Count != len(held) || h.State != "held" ||
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
