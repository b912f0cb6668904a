package cdc

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// guard decides when the slot has to go because it would fill the disk of Avni's
// database. Only watch uses it.
type guard struct {
	limit     LSN      // 0: none
	confirmed LSN      // at the last look
	reached   int64    // how far this process had read
	stalled   int      // looks in a row that saw too much WAL and no progress
	beyond    int      // looks in a row that saw more than there may be whatever the progress
	raised    []string // kinds of concerns that were logged
}

const (
	// guardPatience is how many looks in a row have to see the same.
	guardPatience = 2
	// guardCeiling is how many times the limit may be kept while there is progress, or
	// while somebody's open transaction keeps the WAL.
	guardCeiling = 2
)

// exceeded says whether too much WAL is kept and nobody gets any further, or far too
// much. A reader that streams is the judge of its progress: it may be in the middle of a
// transaction that confirms nothing for long. Of another's slot nothing is said as long
// as that one renews its lease.
func (g *guard) exceeded(in Inspection, leader bool, reached int64) bool {
	progress := in.Slot.ConfirmedLSN != g.confirmed || leader && reached != g.reached
	g.confirmed, g.reached = in.Slot.ConfirmedLSN, reached
	if !g.concerned(in, leader) {
		g.stalled, g.beyond = 0, 0
		return false
	}
	g.stalled = inARow(g.stalled, g.behind(in) && !progress)
	g.beyond = inARow(g.beyond, in.retained() > guardCeiling*g.limit)
	return max(g.stalled, g.beyond) >= guardPatience
}

func inARow(n int, again bool) int {
	if !again {
		return 0
	}
	return n + 1
}

// concerned says whether the slot keeps too much and is this reader's to judge.
func (g *guard) concerned(in Inspection, leader bool) bool {
	return g.limit > 0 && in.Slot.Exists && in.retained() > g.limit && (leader || in.Position.Lapsed)
}

// behind says whether it is for want of reading that WAL is kept, and not for
// somebody's open transaction.
func (g *guard) behind(in Inspection) bool { return in.unconfirmed() > min(64<<20, g.limit/4) }

// stands says whether what exceeded has said holds still, a moment later: another
// reader may have taken the slot over.
func (g *guard) stands(before, now Inspection, leader, progress bool) bool {
	if !g.concerned(now, leader) || now.Position.Holder != before.Position.Holder {
		return false
	}
	return now.retained() > guardCeiling*g.limit || now.Slot.ConfirmedLSN == before.Slot.ConfirmedLSN && !progress
}

// protect drops the slot, unless somebody sets it up or repairs it, or it has got on.
// What it would have brought is looked up in the tables later; a full disk would stop
// Avni.
func (r *Reader) protect(ctx context.Context, in Inspection, reached int64, breakOff context.CancelCauseFunc) error {
	pooled, err := r.options.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer pooled.Release()
	unlock, err := lockSetup(ctx, pooled.Conn(), r.names)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := Inspect(ctx, pooled.Conn(), r.names)
	if err != nil || !r.guard.stands(in, now, now.Position.Holder == r.holder, reached != r.monitor.reach.steps.Load()) {
		return err
	}
	why := &trouble{state: SlotDropped, reason: reasonGuard, err: r.guard.why(ctx, pooled.Conn(), now, r.names)}
	breakOff(why)
	if err := dropSlot(ctx, pooled.Conn(), r.names); err != nil {
		r.log.Error("slot keeps too much WAL and cannot be dropped", "slot", r.names.Slot, "retained", Bytes(now.retained()).String(), "err", err)
		return err
	}
	r.guard.stalled, r.guard.beyond = 0, 0
	r.options.Metrics.slotDrops.Inc()
	r.tell(why)
	return nil
}

// why says what the slot was dropped for, and who can be asked about it.
func (g *guard) why(ctx context.Context, conn *pgx.Conn, in Inspection, names Names) error {
	text := fmt.Sprintf("slot %q was dropped to protect the disk of Avni's database: PostgreSQL kept %s of WAL for it, more than MESSENGER_MAX_SLOT_WAL (%s), ",
		names.Slot, Bytes(in.retained()), Bytes(g.limit))
	if in.unconfirmed() > in.retained()/2 {
		text += "and it was not read fast enough"
	} else {
		text += "for the sake of transactions that are open: " + blockers(ctx, conn) + ". A new slot has to wait for them"
	}
	return fmt.Errorf("%s. Changes after %s are looked up in Avni's tables as soon as there is a new slot", text, in.Position.LSN)
}

// Bytes is an amount of data that prints with a unit.
type Bytes int64

func (b Bytes) String() string {
	switch {
	case b >= 1<<30:
		return fmt.Sprintf("%.1f GB", float64(b)/(1<<30))
	case b >= 1<<20:
		return fmt.Sprintf("%.1f MB", float64(b)/(1<<20))
	}
	return fmt.Sprintf("%d kB", b/(1<<10))
}

// reach is how far anything was ever received: a stream that breaks off at the same
// place again and again does not move it. Only steps may be read by others.
type reach struct {
	tx     LSN   // commit of the furthest transaction
	rows   int64 // of it
	nowTx  LSN   // likewise of the one that is being received
	nowRow int64
	walEnd LSN
	steps  atomic.Int64 // grows whenever something new comes
}

func (p *reach) begin(commit LSN) { p.nowTx, p.nowRow = commit, 0 }

func (p *reach) row() {
	p.nowRow++
	if p.nowTx > p.tx || p.nowTx == p.tx && p.nowRow > p.rows {
		p.tx, p.rows = p.nowTx, p.nowRow
		p.steps.Add(1)
	}
}

func (p *reach) keepalive(walEnd LSN) {
	if walEnd > p.walEnd {
		p.walEnd = walEnd
		p.steps.Add(1)
	}
}
