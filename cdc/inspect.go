package cdc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Querier is what Inspect needs of a connection, pool or transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Inspection is what a database says about the stream at one moment.
type Inspection struct {
	At               time.Time // when it began, by the server's clock
	BeganLSN         LSN       // how far the WAL had come then; 0 on a standby
	Timeline         int       // counts how often a standby became this server; 0 on a standby
	ServerVersion    int       // as server_version_num: 150004 is 15.4
	Database         string
	SystemIdentifier int64 // of the server, as initdb gave it; 0 if our role may not know
	WALLevel         string
	InRecovery       bool          // a standby: nothing can be set up there
	WALSenderTimeout time.Duration // 0: switched off
	MaxSlotWALKeep   *int64        // max_slot_wal_keep_size in MB, -1: no limit; nil before PostgreSQL 13
	IdleSlotTimeout  time.Duration // idle_replication_slot_timeout; 0: none, as before PostgreSQL 18
	WrittenLSN       LSN           // how far the WAL is on disk; 0 on a standby
	Slot             SlotState
	Publication      PublicationState
	Position         PositionState
}

// SlotState is the row of our slot in pg_replication_slots.
type SlotState struct {
	Exists        bool
	Plugin        string
	Database      string
	Active        bool
	ActivePID     int32
	ActiveName    string // application_name of the session that reads it, "" if hidden
	ConfirmedLSN  LSN
	RestartLSN    LSN       // from where WAL is kept; 0 if none is
	WALStatus     string    // PostgreSQL 13 and later: reserved, extended, unreserved, lost
	SafeBytes     *int64    // that can still be written before the slot is lost; nil if there is no limit
	Conflicting   bool      // PostgreSQL 16 and later, see conflicts
	Invalidation  string    // why it is invalid; PostgreSQL 17 and later
	InactiveSince time.Time // PostgreSQL 17 and later
	SpilledBytes  int64     // that decoding had to put on disk; PostgreSQL 14 and later
}

// PositionState is the row of our slot in messenger.position.
type PositionState struct {
	TableExists bool
	Exists      bool
	Fingerprint int64 // of the publication that it belongs to; 0 if not known yet
	LSN         LSN
	CommittedAt time.Time // of the last change read; zero if there was none
	// SystemIdentifier is the server that LSN is a place on; 0 if not known yet.
	SystemIdentifier int64
	Timeline         int // of that server; 0 if not known yet
	// When the publication was last seen to be the one that the position belongs to, and
	// how far the WAL had come; zero if never. What was written before then is complete.
	CheckedAt  time.Time
	CheckedLSN LSN
	Holder     string    // who has the lease; "" if nobody
	LeaseUntil time.Time // by the server's clock; zero if nobody has it
	Lapsed     bool      // nobody has it, or only by name
}

// columnLists says whether the server knows column lists in publications.
func columnLists(serverVersion int) bool { return serverVersion >= 150000 }

// Inspect looks at everything the stream depends on and changes nothing. It needs no
// privileges; the names of other roles' sessions may be hidden from it.
func Inspect(ctx context.Context, db Querier, names Names) (Inspection, error) {
	var in Inspection
	steps := []struct {
		what string
		run  func() error
	}{
		// The order matters while somebody streams: a slot is never beyond the position, nor
		// that beyond the WAL, so each is read before what may only be larger.
		{"server settings", func() error { return in.readServer(ctx, db) }},
		{"system identifier", func() error { return in.readSystem(ctx, db) }},
		{"slot " + names.Slot, func() error { return in.readSlot(ctx, db, names.Slot) }},
		{"publication " + names.Publication, func() error { return in.readPublication(ctx, db, names.Publication) }},
		{"stored position", func() error { return in.readPosition(ctx, db, names.Slot) }},
		{"fingerprint of publication " + names.Publication, func() error { return in.readFingerprints(ctx, db, names) }},
		{"end of the WAL", func() error { return in.readWritten(ctx, db) }},
	}
	for _, step := range steps {
		if err := step.run(); err != nil {
			return in, fmt.Errorf("read %s: %w", step.what, err)
		}
	}
	return in, nil
}

func (in *Inspection) readServer(ctx context.Context, db Querier) error {
	var senderTimeout, idle int64
	err := db.QueryRow(ctx, `
		select clock_timestamp(),
		       case when pg_is_in_recovery() then '0/0' else pg_current_wal_insert_lsn()::text end,
		       case when pg_is_in_recovery() then 0 else ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int end,
		       current_setting('server_version_num')::int,
		       current_database()::text,
		       current_setting('wal_level'),
		       pg_is_in_recovery(),
		       (select setting::bigint from pg_settings where name = 'wal_sender_timeout'),
		       (select setting::bigint from pg_settings where name = 'max_slot_wal_keep_size'),
		       coalesce((select extract(epoch from setting::float8 * ('1 ' || coalesce(unit, 's'))::interval)::bigint
		                 from pg_settings where name = 'idle_replication_slot_timeout'), 0)`).
		Scan(&in.At, &in.BeganLSN, &in.Timeline, &in.ServerVersion, &in.Database, &in.WALLevel, &in.InRecovery, &senderTimeout, &in.MaxSlotWALKeep, &idle)
	in.IdleSlotTimeout = time.Duration(idle) * time.Second
	in.WALSenderTimeout = time.Duration(senderTimeout) * time.Millisecond
	return err
}

// readSystem tells servers apart. It is asked by itself: a function that our role may
// not call would fail the whole query.
func (in *Inspection) readSystem(ctx context.Context, db Querier) error {
	var allowed bool
	err := db.QueryRow(ctx, `select has_function_privilege('pg_control_system()', 'execute')`).Scan(&allowed)
	if err != nil || !allowed {
		return err
	}
	return db.QueryRow(ctx, `select system_identifier from pg_control_system()`).Scan(&in.SystemIdentifier)
}

// sameServer says whether the position was surely stored on this server.
func (in Inspection) sameServer() bool {
	return in.SystemIdentifier != 0 && in.SystemIdentifier == in.Position.SystemIdentifier
}

func (in *Inspection) readWritten(ctx context.Context, db Querier) error {
	if in.InRecovery {
		return nil
	}
	return db.QueryRow(ctx, `select pg_current_wal_flush_lsn()::text`).Scan(&in.WrittenLSN)
}

func (in *Inspection) readSlot(ctx context.Context, db Querier, slot string) error {
	// Columns that older versions lack are read through to_jsonb; the view itself has to
	// be there.
	spilled := `0`
	if in.ServerVersion >= 140000 {
		spilled = `coalesce((select st.spill_bytes from pg_stat_replication_slots st where st.slot_name = s.slot_name), 0)`
	}
	s := &in.Slot
	var inactive *time.Time
	err := db.QueryRow(ctx, `
		select coalesce(s.plugin, ''), coalesce(s.database, ''), s.active, coalesce(s.active_pid, 0),
		       coalesce(a.application_name, ''), coalesce(s.confirmed_flush_lsn, '0/0')::text,
		       coalesce(s.restart_lsn, '0/0')::text, coalesce(more ->> 'wal_status', ''), (more ->> 'safe_wal_size')::bigint,
		       coalesce((more ->> 'conflicting')::bool, false), coalesce(more ->> 'invalidation_reason', ''),
		       (more ->> 'inactive_since')::timestamptz, `+spilled+`
		from pg_replication_slots s
		cross join lateral (select to_jsonb(s) as more) m
		left join pg_stat_activity a on a.pid = s.active_pid
		where s.slot_name = $1`, slot).
		Scan(&s.Plugin, &s.Database, &s.Active, &s.ActivePID, &s.ActiveName, &s.ConfirmedLSN,
			&s.RestartLSN, &s.WALStatus, &s.SafeBytes, &s.Conflicting, &s.Invalidation, &inactive, &s.SpilledBytes)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if inactive != nil {
		s.InactiveSince = *inactive
	}
	s.Exists = err == nil
	return err
}

func (in *Inspection) readPosition(ctx context.Context, db Querier, slot string) error {
	p := &in.Position
	err := db.QueryRow(ctx, `select to_regclass('messenger.position') is not null`).Scan(&p.TableExists)
	if err != nil || !p.TableExists {
		return err
	}
	var committedAt, checkedAt, leaseUntil *time.Time
	// Before avni-messenger has migrated its tables some columns are not there yet.
	err = db.QueryRow(ctx, `
		select lsn::text, committed_at,
		       coalesce((more ->> 'system_identifier')::bigint, 0), coalesce((more ->> 'timeline')::int, 0),
		       (more ->> 'checked_at')::timestamptz, coalesce(more ->> 'checked_lsn', '0/0'),
		       coalesce(more ->> 'holder', ''), (more ->> 'lease_until')::timestamptz,
		       coalesce((more ->> 'lease_until')::timestamptz < clock_timestamp(), true)
		from messenger.position p
		cross join lateral (select to_jsonb(p) as more) m
		where slot = $1`, slot).
		Scan(&p.LSN, &committedAt, &p.SystemIdentifier, &p.Timeline, &checkedAt, &p.CheckedLSN, &p.Holder, &leaseUntil, &p.Lapsed)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	for to, at := range map[*time.Time]*time.Time{&p.CommittedAt: committedAt, &p.CheckedAt: checkedAt, &p.LeaseUntil: leaseUntil} {
		if at != nil {
			*to = *at
		}
	}
	p.Exists = err == nil
	return err
}
