package cdc

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// The slot itself lets one session read it at a time. The lease is for when that
// session is dead or frozen and PostgreSQL does not know it yet: as long as the reader
// renews it nobody disturbs it. All its times are the server's.

// defaultLease is how long a reader that does not move keeps the slot to itself.
const defaultLease = 10 * time.Second

// newHolder names one reader of one process.
func newHolder() string {
	host, _ := os.Hostname()
	return fmt.Sprintf("%s:%d:%s", host, os.Getpid(), rand.Text()[:8])
}

// acquire takes the lease, with a new fencing token, if it has lapsed or is the
// caller's already, and says whether it did. From then on the former holder commits
// nothing.
func (s *store) acquire(ctx context.Context) (bool, error) {
	err := commit(ctx, s.pool, durably, `
		update messenger.position
		set fencing_token = fencing_token + 1, holder = $2, lease_until = clock_timestamp() + make_interval(secs => $3),
		    updated_at = clock_timestamp()
		where slot = $1 and (lease_until is null or lease_until < clock_timestamp() or holder = $2)
		returning fencing_token`, []any{s.slot, s.holder, s.lease.Seconds()}, &s.token)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("take the lease of slot %q: %w", s.slot, err)
	}
	return true, nil
}

// renew keeps the lease. It need not survive a crash of the server, so it does not
// wait for the disk.
func (s *store) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	err := commit(ctx, s.pool, quickly, `
		update messenger.position set lease_until = clock_timestamp() + make_interval(secs => $3)
		where slot = $1 and fencing_token = $2
		returning true`, []any{s.slot, s.token, s.lease.Seconds()}, nil)
	if errors.Is(err, pgx.ErrNoRows) {
		return errFenced
	}
	if err != nil {
		return fmt.Errorf("renew the lease of slot %q: %w", s.slot, err)
	}
	return nil
}

// release gives the lease up, so that nobody has to wait for it to lapse.
func (s *store) release(ctx context.Context) error {
	_, err := s.pool.Exec(ctx, `update messenger.position set holder = null, lease_until = null where slot = $1 and fencing_token = $2`, s.slot, s.token)
	return err
}

// renew keeps the lease while nothing is written that would do so. It is called each
// time that the loop comes round.
func (s *session) renew(ctx context.Context) error {
	now := time.Now()
	s.monitor.turn(now)
	if now.Sub(s.leasedAt) < s.store.lease/3 {
		return nil
	}
	ctx, release := outlast(ctx, s.pace.finish)
	defer release()
	if err := s.store.renew(ctx); err != nil {
		return err
	}
	s.leasedAt = now
	return nil
}

func (s *session) release(ctx context.Context) {
	ctx, release := outlast(ctx, s.pace.finish)
	defer release()
	if err := s.store.release(ctx); err != nil {
		s.log.Debug("lease was not given up; it lapses", "err", err)
	}
}

// claim makes sure that nobody reads the slot. A reader of ours whose lease has lapsed
// is disconnected, and so is what a broken connection of this process has left behind.
// Whoever else reads it is left alone.
func (r *Reader) claim(ctx context.Context, conn *pgx.Conn, in Inspection) error {
	slot := in.Slot
	if !slot.Active {
		return nil
	}
	if slot.made(r.names) {
		return r.busy("slot %q is being made by another avni-messenger (pid %d); waiting to take over", r.names.Slot, slot.ActivePID)
	}
	if !slot.ours(r.names) {
		return r.busy("slot %q is read by pid %d (application_name %q), which is not avni-messenger and is left alone: stop it, or choose another name with MESSENGER_SLOT",
			r.names.Slot, slot.ActivePID, slot.ActiveName)
	}
	acquired, err := r.store(in).acquire(ctx)
	if err != nil {
		return err
	}
	if !acquired {
		return r.busy("slot %q is read by pid %d (%s); waiting to take over", r.names.Slot, slot.ActivePID, slot.ActiveName)
	}
	r.log.Warn("disconnecting a reader that has stopped renewing its lease", "slot", r.names.Slot, "reader", slot.ActiveName, "holder", in.Position.Holder)
	return r.free(ctx, conn, slot)
}

// standBy waits for as long as one session of ours reads the slot and its lease is kept:
// until then there is no need to look at anything else.
func (r *Reader) standBy(ctx context.Context) {
	reader, err := r.keeper(ctx)
	for now := reader; err == nil && now != 0 && now == reader; now, err = r.keeper(ctx) {
		if !rest(ctx, r.wait(&trouble{state: Standby}, 0)) {
			return
		}
	}
}

// keeper returns the session that reads the slot if it keeps its lease, or 0.
func (r *Reader) keeper(ctx context.Context) (pid int32, err error) {
	ctx, cancel := context.WithTimeout(ctx, r.pace.survey)
	defer cancel()
	err = r.options.Pool.QueryRow(ctx, `
		select coalesce(max(s.active_pid), 0)
		from pg_replication_slots s join messenger.position p on p.slot = s.slot_name
		where s.slot_name = $1 and p.lease_until > clock_timestamp()`, r.names.Slot).Scan(&pid)
	return pid, err
}

// free disconnects the session that reads the slot and waits until it has gone.
func (r *Reader) free(ctx context.Context, conn *pgx.Conn, slot SlotState) error {
	if err := endReader(ctx, conn, r.names, slot); err != nil {
		return err
	}
	deadline := time.Now().Add(r.pace.free)
	for {
		var active bool
		err := conn.QueryRow(ctx, `select exists (select from pg_replication_slots where slot_name = $1 and active_pid = $2)`, r.names.Slot, slot.ActivePID).
			Scan(&active)
		if err != nil {
			return fmt.Errorf("wait for slot %q: %w", r.names.Slot, err)
		}
		if !active {
			return nil
		}
		if time.Now().After(deadline) {
			return r.busy("slot %q is read by pid %d (%s), which does not end although it was told to; waiting to take over",
				r.names.Slot, slot.ActivePID, slot.ActiveName)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// ours says whether an avni-messenger of this slot reads it. A name that is hidden
// from our role is nobody's.
func (s SlotState) ours(names Names) bool {
	return strings.HasPrefix(s.ActiveName, applicationPrefix(names.Slot))
}

// made says whether an avni-messenger is about to make it, which nobody may disturb.
func (s SlotState) made(names Names) bool { return s.ActiveName == makerName(names.Slot) }

func (r *Reader) busy(format string, args ...any) error {
	return &trouble{state: Standby, reason: reasonBusy, err: fmt.Errorf(format, args...)}
}

// store returns the writer of the position, for which a token is yet to be taken.
func (r *Reader) store(in Inspection) *store {
	return &store{pool: r.options.Pool, slot: r.names.Slot, holder: r.holder, lease: r.lease, timeout: statementTimeout(in.WALSenderTimeout),
		system: in.SystemIdentifier, history: in.Timeline}
}
