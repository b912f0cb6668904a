package cdc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// pool is what a scan needs of a pgxpool.Pool.
type pool interface {
	Querier
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
	BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error)
}

// gap is a row of messenger.gap that is being scanned for.
type gap struct {
	id     int64
	reason string
	since  time.Time
	mode   scanMode
	floor  int64 // xmin of the oldest transaction that counts; only in mode byXmin
	// Transactions from this one on began after the slot; older ones have to have ended
	// before the search begins. 0: none.
	ceiling int64
	rows    int64 // changes that have entered the inbox
	bookmark
	next bookmark // where the next chunk begins: the same, or the beginning of the next table
}

// bookmark is how far a scan has come: up to which id of which table.
type bookmark struct {
	table Table // "" before the first
	id    int64
}

// nextGap returns the oldest gap whose scan is not finished. A floor that has become too
// old to compare with is given up for the time.
func nextGap(ctx context.Context, st *store, serverVersion int) (gap, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, scanTimeout)
	defer cancel()
	var g gap
	var distance int64
	err := st.pool.QueryRow(ctx, `
		select id, reason, since, mode, coalesce(xmin_floor, 0), coalesce(xid_ceiling, 0), rows, coalesce(source_table, ''), cursor,
		       `+snapshotXmin(serverVersion)+` - coalesce(xmin_floor, 0)
		from messenger.gap
		where slot = $1 and not by_hand and finished_at is null and to_lsn is not null
		order by id limit 1`, st.slot).
		Scan(&g.id, &g.reason, &g.since, &g.mode, &g.floor, &g.ceiling, &g.rows, &g.table, &g.bookmark.id, &distance)
	if errors.Is(err, pgx.ErrNoRows) {
		return g, false, nil
	}
	if err != nil {
		return g, false, fmt.Errorf("look for changes that were not read: %w", err)
	}
	if distance < 0 || distance >= oldestFloor {
		g.mode = byTime
	}
	return g, true, nil
}

// settle waits until every transaction is visible that may have committed before the end
// of the gap: neither the stream nor an earlier look at the tables would bring it. Mostly
// that is so at once: a new slot itself had to wait for those that were older.
func (s *scan) settle(ctx context.Context) error {
	if s.gap.ceiling == 0 || s.gap.table != "" { // it has begun already
		return nil
	}
	said := false
	for began, pause := time.Now(), 10*time.Millisecond; ; pause = min(2*pause, time.Second) {
		oldest, err := s.oldest(ctx)
		if err != nil || oldest >= s.gap.ceiling {
			return err
		}
		if !said && time.Since(began) > s.timeout {
			said = true
			s.log.Warn("changes that were not read are looked up when the transactions have ended that were open when the search began", "transactions", s.open(ctx))
		}
		if !rest(ctx, pause) {
			return ctx.Err()
		}
	}
}

// open names the transactions that have not ended.
func (s *scan) open(ctx context.Context) string {
	ctx, cancel := s.answered(ctx)
	defer cancel()
	return blockers(ctx, s.pool)
}

// oldest is the oldest transaction that has not ended.
func (s *scan) oldest(ctx context.Context) (xid int64, err error) {
	ctx, cancel := s.answered(ctx)
	defer cancel()
	if err := s.pool.QueryRow(ctx, `select txid_snapshot_xmin(txid_current_snapshot())`).Scan(&xid); err != nil {
		return 0, fmt.Errorf("look for open transactions: %w", err)
	}
	return xid, nil
}

// close notes that the gap's scan is finished.
func (s *scan) close(ctx context.Context) error {
	ctx, cancel := s.answered(ctx)
	defer cancel()
	tag, err := s.pool.Exec(ctx, `update messenger.gap set finished_at = clock_timestamp() where id = $1 and finished_at is null`, s.gap.id)
	if err != nil {
		return fmt.Errorf("note the end of the search: %w", err)
	}
	if tag.RowsAffected() != 1 {
		return errOvertaken
	}
	return nil
}
