package main

import (
	"context"
	"testing"
)

// What goes on during a hold is counted, and costs no more than that.
func TestHoldThatGoesOn(t *testing.T) {
	n := newNeighbours(t)
	w := newSweeper(t, n, alone...)
	reload, reloads := w.reload, 0
	w.reload = func(ctx context.Context) error {
		reloads++
		return reload(ctx)
	}
	for i, seen := range []int{1, 2, 3} {
		n.saveThere(i)
		n.must(w.look(t.Context(), nil, true, true))
		if got := n.count(`select seen from messenger.hold`); got != seen {
			t.Errorf("%d were seen, want %d", got, seen)
		}
	}
	if reloads != 1 {
		t.Errorf("the organisations were read %d times", reloads)
	}
}

// A hold is kept for a month after its release.
func TestOldHoldsArePruned(t *testing.T) {
	n := newNeighbours(t)
	w := newSweeper(t, n, alone...)
	execAs(t, n.db.URL(), `insert into messenger.hold (id, organisation_id, kind, since, request_id, detail, released_at) overriding system value values
		(71, 101, 'foreign_sent', now() - interval '90 days', 1, 'old', now() - interval '31 days'),
		(72, 101, 'foreign_sent', now() - interval '90 days', 1, 'released lately', now() - interval '29 days'),
		(73, 101, 'foreign_sent', now() - interval '90 days', 1, 'in force', null)`)
	execAs(t, n.db.URL(), `insert into messenger.foreign_write (hold_id, request_id, kind, maybe_twice)
		select h, r, 'foreign_sent', false from generate_series(71, 73) h, generate_series(1, 1001) r`)
	for range 2 {
		w.turn(t.Context(), true)
	}
	if holds, writes := n.count(`select sum(id) from messenger.hold`), n.count(`select count(*) from messenger.foreign_write`); holds != 72+73 || writes != 2*1001 {
		t.Errorf("the sum of the holds is %d, and they have %d requests", holds, writes)
	}
}
