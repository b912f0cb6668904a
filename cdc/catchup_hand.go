package cdc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// CatchUpOptions are what a catch-up by hand needs. Names.Slot, Pool and Since are
// required.
type CatchUpOptions struct {
	Names Names
	Pool  *pgxpool.Pool
	// Since is the time from which on rows that were modified (last_modified_date_time)
	// are put into the inbox; users, if they were created or voided.
	Since time.Time
	// Keep is Reader's.
	Keep func(Change) bool
	// Told is called after each chunk, and once before the first. May be nil.
	Told func(CatchUp)
	Log  *slog.Logger // nil: discarded
}

// CatchUpByHand puts what has changed since a time into the inbox, as the reader does
// after a gap, whether or not it was read before: what was evaluated and delivered
// before changes nothing. It needs no lease and may run beside a reader. It returns how
// many changes entered. One that is broken off can be run again.
func CatchUpByHand(ctx context.Context, options CatchUpOptions) (int64, error) {
	s, err := options.scan()
	if err != nil {
		return 0, err
	}
	if err := s.record(ctx, options.Names.Slot); err != nil {
		return 0, err
	}
	if err = s.run(ctx); err != nil {
		s.abandon(ctx)
	}
	return s.gap.rows, err
}

// scan is the search that the options ask for.
func (o CatchUpOptions) scan() (*scan, error) {
	if err := o.Names.Validate(); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &scan{pool: o.Pool, gap: gap{reason: "by_hand", since: o.Since, mode: byTime}, pace: defaultScanPace(), keep: o.Keep,
		holder: newHolder(), log: o.Log.With("component", "cdc"), timeout: scanTimeout}
	s.progressed = func(int) {
		if o.Told != nil {
			o.Told(s.status())
		}
	}
	return s, nil
}

// record notes that a search by hand begins.
func (s *scan) record(ctx context.Context, slot string) error {
	ctx, cancel := s.answered(ctx)
	defer cancel()
	// Whoever was killed has left a record that nobody goes on with.
	_, err := s.pool.Exec(ctx, `delete from messenger.gap where slot = $1 and by_hand and finished_at is null and opened_at < clock_timestamp() - interval '7 days'`, slot)
	if err != nil && !isCode(err, "42P01") {
		return fmt.Errorf("delete the record of an earlier search: %w", err)
	}
	// The WAL's end stands for all that the scan will see: what the stream brings later is
	// newer. What has been written before it, but is not visible yet, is waited for.
	g := &s.gap
	err = s.pool.QueryRow(ctx, `
		insert into messenger.gap (slot, reason, since, mode, from_lsn, to_lsn, by_hand, xid_ceiling)
		select $1, $2, $3, $4, e.lsn, e.lsn, true, txid_current() from pg_current_wal_insert_lsn() as e (lsn)
		returning id, xid_ceiling`, slot, g.reason, g.since, string(g.mode)).Scan(&g.id, &g.ceiling)
	if isCode(err, "42P01") {
		return errors.New("table messenger.gap does not exist: " + runSetup)
	}
	if err != nil {
		return fmt.Errorf("record the search: %w", err)
	}
	return nil
}

// abandon forgets a search that was broken off, as far as that can be done now.
func (s *scan) abandon(ctx context.Context) {
	ctx, cancel := parting(ctx)
	defer cancel()
	if _, err := s.pool.Exec(ctx, `delete from messenger.gap where id = $1 and finished_at is null`, s.gap.id); err != nil {
		s.log.Debug("the record of a search that was broken off stays", "err", err)
	}
}
