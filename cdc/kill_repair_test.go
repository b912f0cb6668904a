package cdc

import (
	"fmt"
	"testing"
	"time"
)

// The steps of a repair and of the search that follows it.
var repairSteps = []string{
	"before lease", "after lease", "before gap", "after gap", "before drop", "after drop", "before slot", "after slot", "before position", "after position",
	"before bound", "after bound", "before chunk", "amid chunk", "after chunk", "before close", "after close",
}

// Killed at any step of a repair, a process leaves something that the next one goes on
// from. (A search chunk by chunk is TestScanResumes.)
func TestKilledAtEveryStepOfARepair(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settleBefore()
	f.setup()
	want := 0
	for _, step := range repairSteps {
		f.register(f.avni)
		f.exec(f.db.URL(), `update messenger.position set holder = null, lease_until = null`) // whoever was killed has it still
		f.exec(f.db.URL(), `update messenger.gap set opened_at = opened_at - interval '1 hour'`)
		causesOfGaps[causePublicationChanged].happen(f)
		f.register(f.avni)
		f.runUntilKilled(step, 1)
		want += 2
	}
	f.exec(f.db.URL(), `update messenger.gap set opened_at = opened_at - interval '1 hour'`)
	r := f.startStreaming()
	eventually(t, "all changes and the end of all searches", func() (bool, string) {
		n, open := f.inboxRows(), f.queryInt(`select count(*) from messenger.gap where finished_at is null`)
		return n == want && open == 0, fmt.Sprint(n, " of ", want, ", open: ", open, " ", r.Status().Detail)
	})
	f.take(subject(f.register(f.avni)))
}

// A catch-up by hand that is killed at any step can be run again, and nobody else
// stumbles over what it has left.
func TestKilledAtEveryStepOfACatchUp(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.settleBefore()
	f.setup()
	f.dropSlot() // the stream shall bring nothing
	const subjects = 5
	for range subjects {
		f.register(f.avni)
	}
	for _, step := range []string{"before gap", "after gap", "before chunk", "amid chunk", "after chunk", "before close", "after close"} {
		f.runUntilKilled(step, 1, "KILLED_CATCHING_UP=yes")
	}
	f.exec(f.db.URL(), `delete from messenger.inbox`)
	if n := f.catchUp(time.Hour); n != subjects || f.inboxRows() != subjects {
		t.Errorf("%d entered, %d are in the inbox, want %d", n, f.inboxRows(), subjects)
	}
	f.startStreaming()
	f.take(subject(f.register(f.avni)))
	if n := f.queryInt(`select count(*) from messenger.gap where not by_hand`); n != 1 {
		t.Errorf("%d repairs, want that of the slot only", n)
	}
}
