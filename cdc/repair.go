package cdc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// repairTime bounds one attempt. Most of it is for the transactions that a new slot
// has to wait for.
const repairTime = 2 * time.Minute

// repaired repairs what can be, and returns what keeps a stream from beginning now, or
// nil.
func (r *Reader) repaired(ctx context.Context, t *trouble) *trouble {
	mended, err := r.repair(ctx, t)
	switch {
	case ctx.Err() != nil || mended && err == nil:
		return nil
	case isCode(err, "23505", "42710"): // somebody else has made it at the same moment
		return nil
	case err != nil:
		return r.classify(err)
	}
	return &trouble{state: Connecting, reason: t.reason, err: fmt.Errorf("%w; it is all right by now, trying again", t.err)}
}

// repair makes a stream possible again that cannot go on where it stopped: it records
// what will be missing, makes the slot anew or accepts where it stands, and moves the
// position there. The catch-up beside the next stream looks the missing changes up. A
// crash at any point leaves something that the next attempt goes on from. It does so
// only once an hour: what destroys slots again and again is for a human to find. It
// says whether there was anything to repair.
func (r *Reader) repair(ctx context.Context, t *trouble) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, repairTime)
	defer cancel()
	pooled, err := r.options.Pool.Acquire(ctx)
	if err != nil {
		return false, err
	}
	defer pooled.Release()
	conn := pooled.Conn()
	unlock, err := lockSetup(ctx, conn, r.names)
	if err != nil {
		return false, err
	}
	defer unlock()
	in, err := Inspect(ctx, conn, r.names)
	if err != nil {
		return false, err
	}
	found, err := r.diagnose(ctx, conn, in, t)
	if err != nil || found == nil {
		return false, err
	}
	return true, r.mend(ctx, conn, in, found)
}

// diagnose looks whether the trouble is still there: another process may have repaired
// it meanwhile. Only the stream itself can tell some of it; then what it said counts,
// unless that was before a repair. It returns nil if there is nothing to repair.
func (r *Reader) diagnose(ctx context.Context, conn *pgx.Conn, in Inspection, t *trouble) (*trouble, error) {
	if err := columnsBack(ctx, conn, t); err != nil {
		return nil, err
	}
	if err := r.possible(in); err != nil {
		return nil, err
	}
	err := in.gap(r.names)
	var found *trouble
	switch {
	case errors.As(err, &found) && found.cause != "":
		return found, nil
	case err != nil:
		return nil, err
	case !t.streamed:
		return nil, nil
	}
	var since bool
	err = conn.QueryRow(ctx, `
		select exists (select from messenger.gap
		               where slot = $1 and not by_hand and opened_at > clock_timestamp() - interval '1 minute')`, r.names.Slot).Scan(&since)
	if err != nil {
		return nil, fmt.Errorf("look for earlier repairs of slot %q: %w", r.names.Slot, err)
	}
	if since {
		return nil, nil
	}
	return t, nil
}

// columnsBack reports a column that the stream lacks as long as the table does, too.
func columnsBack(ctx context.Context, conn *pgx.Conn, t *trouble) error {
	var away *columnAway
	if !errors.As(t, &away) {
		return nil
	}
	missing := missingColumns(ctx, conn)
	if missing == nil {
		return nil
	}
	return &trouble{state: Stuck, reason: t.reason, err: fmt.Errorf("%w. As soon as Avni's tables have what is missing, the slot is made anew by itself, "+
		"and changes that were not read are looked up. Now %w", t.err, missing)}
}

// possible reports what has to be mended by somebody before a new slot makes sense.
func (r *Reader) possible(in Inspection) error {
	if problems := in.serverProblems(); len(problems) > 0 {
		return misconfigured(errors.Join(problems...))
	}
	if !in.Position.Exists {
		return r.positionDeleted()
	}
	if in.Publication.Exists && describe(in.Publication.Differences, true) != "" {
		return in.wrongShape(r.names, true)
	}
	return nil
}

// mend repairs what was found, as the only one who may.
func (r *Reader) mend(ctx context.Context, conn *pgx.Conn, in Inspection, t *trouble) error {
	if err := prerequisites(ctx, conn, r.names, in); err != nil {
		return err
	}
	own := r.store(in)
	acquired, err := own.acquire(ctx)
	if err != nil {
		return err
	}
	if !acquired {
		return r.busy("another avni-messenger holds the lease of slot %q and will repair it: %w", r.names.Slot, t)
	}
	g, err := openGap(ctx, conn, in, r.names, t.cause)
	if err != nil {
		return err
	}
	if g.refused {
		return t.later(g)
	}
	if !g.resumed { // otherwise it is told already what keeps the repair from succeeding
		r.enter(SlotLost, t.Error())
		r.options.Metrics.slotLost.WithLabelValues(string(t.cause)).Inc()
		r.log.Error("changes were not read; making the slot anew and looking them up", "reason", string(t.cause),
			"since", g.since, "mode", string(g.mode), "err", t)
	}
	from, err := remake(ctx, conn, r.names, in, t.cause, r.pace.newSlot)
	if err != nil {
		return t.unmended(err)
	}
	if err := own.adopt(ctx, conn, in, g, from, t.cause); err != nil {
		return err
	}
	r.log.Info("slot is usable again", "lsn", from.lsn.String(), "reason", string(t.cause))
	return nil
}

// remake leaves a slot from which the publication can be read, and returns where it
// begins. A slot that was moved is as good as a new one. The publication is made before
// the slot: what was changed without it cannot be decoded.
func remake(ctx context.Context, conn *pgx.Conn, names Names, in Inspection, c cause, timeout time.Duration) (origin, error) {
	if c == causeSlotMoved {
		return origin{in.Slot.ConfirmedLSN, in.Publication.Fingerprint}, nil
	}
	if !in.Publication.Exists {
		if err := createPublication(ctx, conn, names, in.ServerVersion); err != nil {
			return origin{}, err
		}
	}
	if err := dropSlot(ctx, conn, names); err != nil {
		return origin{}, err
	}
	if c == causeOtherServer { // its transactions were numbered differently
		if _, err := conn.Exec(ctx, `delete from messenger.snapshot_sample where slot = $1`, names.Slot); err != nil {
			return origin{}, fmt.Errorf("delete samples of another server: %w", err)
		}
	}
	return newOrigin(ctx, conn, names, in.ServerVersion, timeout)
}

// unmended says that there is no slot yet. What somebody has to mend is said as it is.
func (t *trouble) unmended(err error) error {
	if classify(err, "").reason != reasonConnection {
		return err
	}
	return &trouble{state: t.state, reason: t.reason, err: fmt.Errorf("%w; this did not succeed and is tried again: %w", t.err, err)}
}

// adopt moves the position to where the slot begins, whether that is forward or, on
// another server, back, and lets the catch-up begin.
func (s *store) adopt(ctx context.Context, conn *pgx.Conn, in Inspection, g openedGap, from origin, c cause) error {
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `set local synchronous_commit = on`); err != nil {
			return err
		}
		moved, err := tx.Exec(ctx, `
			update messenger.position
			set lsn = $3::text::pg_lsn, fingerprint = $4, system_identifier = nullif($5::bigint, 0), timeline = nullif($6::int, 0),
			    updated_at = clock_timestamp(), checked_at = clock_timestamp(), checked_lsn = $3::text::pg_lsn
			where slot = $1 and fencing_token = $2`, s.slot, s.token, from.lsn.String(), from.fingerprint, in.SystemIdentifier, in.Timeline)
		if err != nil {
			return err
		}
		if moved.RowsAffected() != 1 {
			return errFenced
		}
		if c == causeOtherServer {
			if err := forgetPlaces(ctx, tx, s.slot, from.lsn); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `update messenger.gap set to_lsn = $2::text::pg_lsn, xid_ceiling = txid_current() where id = $1`,
			g.id, from.lsn.String())
		return err
	})
	if err != nil {
		return fmt.Errorf("move position of slot %q to %s: %w", s.slot, from.lsn, err)
	}
	return nil
}

// forgetPlaces makes what was stored on another server one with this one's WAL, in which
// other places and transactions go by the same numbers: whatever waits in the inbox is
// older than any change to come, and a search that was not finished looks by time.
func forgetPlaces(ctx context.Context, tx pgx.Tx, slot string, from LSN) error {
	_, err := tx.Exec(ctx, `update messenger.inbox set commit_lsn = '0/0', claimed_by = null, claimed_until = null`)
	if err != nil {
		return fmt.Errorf("forget another server's places in the inbox: %w", err)
	}
	_, err = tx.Exec(ctx, `update messenger.gap set mode = $2, xmin_floor = null, xid_ceiling = null, to_lsn = $3::text::pg_lsn
		where slot = $1 and finished_at is null and to_lsn is not null`, slot, string(byTime), from.String())
	if err != nil {
		return fmt.Errorf("forget another server's places in unfinished searches: %w", err)
	}
	return nil
}
