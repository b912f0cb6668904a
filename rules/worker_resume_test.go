package rules

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/cdc"
)

func TestCorrectedRuleGoesOnWithWhatWaited(t *testing.T) {
	o := openOffice(t, Write)
	thrice(o)
	ids := o.visits(5)
	for _, id := range ids {
		o.saved(cdc.Encounter, id)
	}
	o.upkeep()
	if o.paused() != 1 || o.inbox() != 0 {
		t.Fatalf("%d scripts are paused and %d changes waiting although nothing was corrected", o.paused(), o.inbox())
	}
	if err := o.avni.VoidRule(t.Context(), 607); err != nil {
		t.Fatal(err)
	}
	if err := o.catalogue.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.upkeep()
	if o.paused() != 1 {
		t.Error("voiding the rule ends its pause")
	}
	if got := testutil.ToFloat64(o.worker.options.Failures.options.Metrics.paused.WithLabelValues("schedule")); got != 0 {
		t.Errorf("messenger_rules_paused is %v for a voided rule", got)
	}
	exec(t, o.db.Pool(), `update message_rule set is_voided = false where id = 607`)
	o.saveRule(repaired)
	o.upkeep()
	if o.inbox() != 5 {
		t.Errorf("%d changes are back, want the three that failed and the two that waited", o.inbox())
	}
	o.work()
	for _, id := range ids {
		if r := o.request(607, id); r.At != "2030-03-10T04:30:00.000Z" || r.Voided {
			t.Errorf("encounter %d: %+v", id, r)
		}
	}
	o.expectTroubles(o.worker.options.Failures)
	if n := o.count(`select count(*) from messenger.rule_waiting`) + o.paused(); n != 0 {
		t.Errorf("%d rows are left of the pause", n)
	}
}

// The rule is corrected while nobody runs.
func TestRuleCorrectedWhileNobodyRan(t *testing.T) {
	o := openOffice(t, Write)
	thrice(o)
	ids := o.visits(4)
	for _, id := range ids {
		o.saved(cdc.Encounter, id)
	}
	o.saveRule(repaired)
	o.run(o.newWorker(o.db.Pool(), func(w *WorkerOptions) { w.PollInterval = time.Hour }))
	o.eventually("what waited is evaluated", func() bool { return len(o.requests(ids[3], 607)) == 1 })
	o.eventually("what failed is evaluated", func() bool { return len(o.requests(ids[0], 607)) == 1 })
}

// The rule's text is right: it stumbled over something that is mended.
func TestRuleResumedByHand(t *testing.T) {
	var mended atomic.Bool
	var log notebook
	o := openOffice(t, Write, withLog(&log), withEngine(engineFunc(func(context.Context, int32, string) (Schedule, error) {
		if mended.Load() {
			return Schedule{Send: true, At: march}, nil
		}
		return Schedule{}, &Failure{Kind: FailedTimeout, Message: "the rule ran for more than 2s"}
	})))
	thrice(o)
	ids := o.visits(3)
	if err := o.avni.VoidRule(t.Context(), 604); err != nil {
		t.Fatal(err)
	}
	if err := o.catalogue.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		o.saved(cdc.Encounter, id)
	}
	o.expectLog(cdc.Encounter, ids[1], "607 failed") // two timeouts are the budget
	o.expectLog(cdc.Encounter, ids[2], "607 paused")

	if asked, err := Resume(t.Context(), o.db.Pool(), 603); err != nil || len(asked) != 0 {
		t.Errorf("a rule that is not paused: %v, %v", asked, err)
	}
	if _, err := Resume(t.Context(), o.db.Pool(), 9); err == nil || err.Error() != "there is no message rule 9" {
		t.Errorf("a rule that does not exist: %v", err)
	}
	asked, err := Resume(t.Context(), o.db.Pool(), 607)
	if err != nil || len(asked) != 1 || time.Since(asked[0].Since) > time.Minute {
		t.Fatalf("asked to resume %+v: %v", asked, err)
	}
	asked[0].Since = time.Time{}
	if diff := cmp.Diff(PausedScript{Script: "schedule", Kind: FailedTimeout, Text: "the rule ran for more than 2s", Failures: 2}, asked[0]); diff != "" {
		t.Errorf("resumed (-want +got):\n%s", diff)
	}
	mended.Store(true)
	o.upkeep()
	o.work()
	for _, id := range ids {
		o.request(607, id)
	}
	if got := log.lines("rule goes on, with what waited for it"); len(got) != 1 || o.paused() != 0 {
		t.Errorf("%d scripts are paused, the log tells %q", o.paused(), got)
	}

	// It begins with a new budget, and is paused again when that is spent.
	mended.Store(false)
	o.saved(cdc.Encounter, ids[0])
	if o.paused() != 0 {
		t.Error("one failure after the pause pauses it again")
	}
	o.saved(cdc.Encounter, ids[0])
	if o.paused() != 1 {
		t.Error("it is not paused again")
	}
}
