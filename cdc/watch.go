package cdc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// watch looks at the slot once in a while until ctx ends, whoever reads it.
func (r *Reader) watch(ctx context.Context) {
	for {
		if err := r.look(ctx); err != nil && ctx.Err() == nil {
			r.log.Debug("look at the slot", "err", err) // the stream itself tells what ails the database
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(r.pace.watch):
		}
	}
}

// look notes what the slot costs, ends a stream that has come to miss changes, and
// guards the disk.
func (r *Reader) look(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	breakOff, running := r.monitor.current() // of the stream that may be found wanting, not of the one that follows
	reached := r.monitor.reach.steps.Load()
	in, err := r.inspect(ctx)
	if err != nil {
		r.options.Metrics.leader.Set(0) // nobody knows
		return err
	}
	holding := ""
	if in.heldOpen(r.guard.limit) {
		holding = blockers(ctx, r.options.Pool)
	}
	concerns := in.concerns(r.names, r.guard.limit, holding)
	r.raise(concerns)
	r.monitor.watched(in.watch(r.holder, concerns))
	leader := in.Position.Holder == r.holder
	r.options.Metrics.leader.Set(truth(leader))
	if running {
		r.oversee(in, breakOff)
	}
	if leader {
		if err := r.check(ctx, in, breakOff); err != nil {
			return err
		}
	}
	if r.guard.exceeded(in, leader, reached) {
		return r.protect(ctx, in, reached, breakOff)
	}
	return nil
}

// inspect does not wait for longer than it takes, on a connection that the network has
// lost: the next look takes another one.
func (r *Reader) inspect(ctx context.Context) (Inspection, error) {
	ctx, cancel := context.WithTimeout(ctx, r.pace.survey)
	defer cancel()
	return Inspect(ctx, r.options.Pool, r.names)
}

// oversee ends a stream that goes on in this process although another one has taken it
// over, or that hangs. It says so, too: whatever hangs may not come to that.
func (r *Reader) oversee(in Inspection, breakOff context.CancelCauseFunc) {
	var t *trouble
	switch still := r.monitor.still(time.Now()); {
	case in.Position.Exists && in.Position.Holder != r.holder:
		t = errFenced
	case still > 2*r.lease+r.pace.hang:
		t = &trouble{state: Connecting, reason: reasonHung, err: fmt.Errorf("the stream has stood still in this process for %s and is begun anew. "+
			"If this stays, restart avni-messenger", still.Round(time.Second))}
	default:
		return
	}
	breakOff(t)
	r.tell(t)
}

// check sees whether the stream still gets everything. If so, it notes how far that is
// known: when the publication is altered or replaced later, nothing before is in doubt.
func (r *Reader) check(ctx context.Context, in Inspection, breakOff context.CancelCauseFunc) error {
	err := in.gap(r.names)
	if err == nil && describe(in.Publication.Differences, true) != "" {
		err = in.wrongShape(r.names, true)
	}
	if err != nil {
		breakOff(r.classify(err))
		return nil
	}
	if !in.Publication.Exists || in.BeganLSN == 0 || in.At.Sub(in.Position.CheckedAt) < r.pace.sample {
		return nil // where a gap begins is not known any closer than samples are taken
	}
	// Renewals of the lease would have to wait with a commit that waits for a standby.
	err = commit(ctx, r.options.Pool, quickly, `
		update messenger.position set checked_at = $3, checked_lsn = $4::text::pg_lsn
		where slot = $1 and holder = $2 and fingerprint = $5
		returning true`, []any{r.names.Slot, r.holder, in.At, in.BeganLSN.String(), in.Publication.Fingerprint}, nil)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("note that the publication is whole: %w", err)
	}
	return nil
}

// watch is the inspection for everybody to see.
func (in Inspection) watch(holder string, concerns []concern) Watch {
	s, p := in.Slot, in.Position
	w := Watch{At: in.At, Exists: s.Exists, Active: s.Active, ActivePID: s.ActivePID, Holder: p.Holder, LeaseUntil: p.LeaseUntil,
		Leader: p.Holder == holder, Retained: int64(in.retained()), Unconfirmed: int64(in.unconfirmed()),
		Safe: s.SafeBytes, WALStatus: s.WALStatus, Spilled: s.SpilledBytes}
	for _, c := range concerns {
		if !c.setting {
			w.Concerns = append(w.Concerns, c.Error())
		}
	}
	return w
}

// retained is how much WAL is kept for the slot, at least.
func (in Inspection) retained() LSN { return distance(in.Slot.RestartLSN, in.WrittenLSN) }

// unconfirmed is how much WAL has not been acknowledged.
func (in Inspection) unconfirmed() LSN { return distance(in.Slot.ConfirmedLSN, in.WrittenLSN) }

func distance(from, to LSN) LSN {
	if from == 0 || from >= to {
		return 0
	}
	return to - from
}

// concern is something that somebody should look at.
type concern struct {
	kind string // what it is about, without figures
	Problem
	setting bool // how the server is, and nothing that has to be mended: logged, and no more
}

// much says whether so much WAL is kept that somebody should know.
func (in Inspection) much(limit LSN) bool { return limit > 0 && in.retained() > limit/2 }

// heldOpen says whether that is for the sake of transactions that are open.
func (in Inspection) heldOpen(limit LSN) bool {
	return in.much(limit) && in.unconfirmed() < in.retained()/2
}

// concerns lists what somebody should look at. The transactions that heldOpen speaks of
// are given as a text.
func (in Inspection) concerns(names Names, limit LSN, holding string) []concern {
	return append(in.slotConcerns(names, limit, holding), in.warnings()...)
}

// slotConcerns are those about the slot, rather than about the server's settings.
func (in Inspection) slotConcerns(names Names, limit LSN, holding string) []concern {
	var found []concern
	s := in.Slot
	if retained := in.retained(); in.much(limit) {
		why := "avni-messenger is behind"
		switch {
		case in.heldOpen(limit) && holding == haveEnded:
			why = "for the sake of transactions that have ended by now, so that it passes by itself"
		case in.heldOpen(limit):
			why = "for the sake of transactions that are open: " + holding + ". It passes by itself once they have ended"
		}
		found = append(found, concern{kind: "retained", Problem: Problem{Text: fmt.Sprintf("PostgreSQL keeps %s of WAL on its disk for slot %q, %.1f times MESSENGER_MAX_SLOT_WAL "+
			"(the slot is dropped at %s, and from %s on if reading gets no further): %s",
			Bytes(retained), names.Slot, float64(retained)/float64(limit), Bytes(guardCeiling*limit), Bytes(limit), why)}})
	}
	if s.WALStatus == "unreserved" {
		found = append(found, concern{kind: "unreserved", Problem: Problem{Text: fmt.Sprintf("PostgreSQL may remove WAL that slot %q still needs at the next checkpoint: max_slot_wal_keep_size is exceeded", names.Slot)}})
	}
	if s.Invalidation != "" || s.Conflicting {
		why := s.Invalidation
		switch {
		case why == "" && s.conflicts():
			why = "it conflicts with recovery"
		case why == "":
			why = "wal_removed"
		}
		found = append(found, concern{kind: "invalid", Problem: Problem{Text: fmt.Sprintf("PostgreSQL has invalidated slot %q (%s)", names.Slot, why)}})
	}
	if s.Active && !s.ours(names) && !s.made(names) {
		found = append(found, concern{kind: "foreign", Problem: Problem{Text: fmt.Sprintf("slot %q is read by pid %d (application_name %q), which is not avni-messenger", names.Slot, s.ActivePID, s.ActiveName)}})
	}
	return found
}

// raise logs concerns that are new, and that WAL is not kept any more.
func (r *Reader) raise(concerns []concern) {
	var kinds []string
	for _, c := range concerns {
		kinds = append(kinds, c.kind)
		if !slices.Contains(r.guard.raised, c.kind) {
			r.log.Warn(c.Error())
		}
	}
	if slices.Contains(r.guard.raised, "retained") && !slices.Contains(kinds, "retained") {
		r.log.Info("PostgreSQL has let go of the WAL that it kept for the slot", "slot", r.names.Slot)
	}
	r.guard.raised = kinds
}

// Warnings lists settings of the server under which its disk may fill or the slot be
// lost, each with what to do about it. None of them keeps the stream from running.
func (in Inspection) Warnings() []string {
	var texts []string
	for _, c := range in.warnings() {
		texts = append(texts, c.Error())
	}
	return texts
}

func (in Inspection) warnings() []concern {
	const set = "Run `alter system set max_slot_wal_keep_size = '16GB';` and `select pg_reload_conf();` (Amazon RDS: set it in the parameter group)"
	var found []concern
	switch keep := in.MaxSlotWALKeep; {
	case keep == nil:
		found = append(found, concern{kind: "no limit", setting: true, Problem: Problem{"this PostgreSQL has no max_slot_wal_keep_size (13 and later have): while no avni-messenger runs, " +
			"WAL piles up for its slot until the disk of Avni's database is full", "To stop using avni-messenger stop it and run `avni-messenger teardown` with its environment"}})
	case *keep < 0:
		found = append(found, concern{kind: "no limit", Problem: Problem{"max_slot_wal_keep_size is -1: while no avni-messenger runs, WAL piles up for its slot " +
			"until the disk of Avni's database is full", set}})
	case *keep == 0:
		found = append(found, concern{kind: "limit 0", Problem: Problem{"max_slot_wal_keep_size is 0: after every short stop the slot is lost at the next checkpoint", set}})
	}
	if in.IdleSlotTimeout > 0 {
		found = append(found, concern{kind: "idle", setting: true, Problem: Problem{Text: fmt.Sprintf("idle_replication_slot_timeout is %s: if avni-messenger is stopped for longer, "+
			"the slot is lost, and what has changed is looked up in Avni's tables", in.IdleSlotTimeout)}})
	}
	return found
}
