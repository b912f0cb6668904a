package cdc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// position is a place in the stream at a transaction's end.
type position struct {
	lsn LSN
	at  time.Time // commit time of the last change before it; zero if unknown
}

// createPosition stores where a new slot begins, unless it is stored already.
func createPosition(ctx context.Context, conn *pgx.Conn, names Names, in Inspection, from origin) error {
	err := commit(ctx, conn, durably, `
		insert into messenger.position (slot, lsn, fingerprint, system_identifier, timeline, checked_at, checked_lsn)
		values ($1, $2::text::pg_lsn, $3, nullif($4::bigint, 0), nullif($5::int, 0), clock_timestamp(), $2::text::pg_lsn)
		on conflict (slot) do nothing returning true`, []any{names.Slot, from.lsn.String(), from.fingerprint, in.SystemIdentifier, in.Timeline}, nil)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("store first position of slot %q: %w", names.Slot, err)
	}
	return nil
}

// store writes the inbox and the position under one fencing token.
type store struct {
	pool    *pgxpool.Pool
	slot    string
	holder  string        // names this process in the lease
	lease   time.Duration // for which each write holds it
	token   int64
	timeout time.Duration // of one statement
	system  int64         // identifier of the server; 0 if not known
	history int           // its timeline
	version int64         // of the rules and all that is kept with them, as of the last write
}

// errFenced says that another reader has taken the position over.
var errFenced = &trouble{state: Standby, reason: reasonFenced,
	err: errors.New("another avni-messenger has taken the stream over; waiting to take over again")}

// takeOver makes the caller the only one who can move the position from now on, and
// returns it together with the slot's confirmed position. The caller must hold the
// slot: that counts for more than a lease that has not lapsed. All other processes
// hear of it, and keep nothing that they know from before.
func (s *store) takeOver(ctx context.Context) (PositionState, LSN, error) {
	p := PositionState{TableExists: true, Exists: true}
	var confirmed LSN
	var committedAt *time.Time
	err := commit(ctx, s.pool, durably, `
		with mine as (
			update messenger.position p
			set fencing_token = p.fencing_token + 1, holder = $2, lease_until = clock_timestamp() + make_interval(secs => $3),
			    updated_at = clock_timestamp(), system_identifier = coalesce(p.system_identifier, nullif($5::bigint, 0)),
			    timeline = nullif(greatest(p.timeline, $6::int), 0)
			from pg_replication_slots s
			where p.slot = $1 and s.slot_name = $1
			returning p.fencing_token, p.lsn::text, p.committed_at, s.confirmed_flush_lsn::text
		), versioned as (
			update messenger.reference_version set version = version + 1 from mine returning version
		)
		select mine.*, coalesce((select version from versioned), 0), pg_notify('`+channel+`', $4) from mine`,
		[]any{s.slot, s.holder, s.lease.Seconds(), noticeText(s.holder, noticeStream), s.system, s.history},
		&s.token, &p.LSN, &committedAt, &confirmed, &s.version, nil)
	if err != nil {
		return p, 0, fmt.Errorf("take over position of slot %q: %w", s.slot, err)
	}
	if committedAt != nil {
		p.CommittedAt = *committedAt
	}
	return p, confirmed, nil
}
