package cdc

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// takeSamples notes once in a while, when changes have been read since the last time,
// which transactions are open at which place of the WAL. If nothing was read, an older
// sample tells as much, and an idle database stays idle.
func (r *Reader) takeSamples(ctx context.Context, st *store, serverVersion int) {
	var sampled time.Time // commit time of the last change that had been read then
	first, said := true, ""
	for {
		if last := r.monitor.get().LastCommit; first || !last.Equal(sampled) {
			err := st.sample(ctx, serverVersion)
			if err == nil {
				sampled, first, said = last, false, ""
			} else if text := err.Error(); ctx.Err() == nil && text != said {
				r.log.Warn("a gap of this moment could not be filled exactly, but by time; trying again", "err", err)
				said = text
			}
		}
		if !rest(ctx, r.pace.sample) {
			return
		}
	}
}

// sample notes the transactions before the place: whatever is committed after that
// place was open then, or began later. Samples that no gap can need any more are
// deleted: of those at or before the stored position, the newest is enough.
func (s *store) sample(ctx context.Context, serverVersion int) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	return takeSample(ctx, s.pool, s.slot, serverVersion)
}

// executor is what a statement without a result needs of a connection or pool.
type executor interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func takeSample(ctx context.Context, db executor, slot string, serverVersion int) error {
	// A statement takes its snapshot before it looks at the WAL, and a transaction that
	// had ended by then has its commit record before that place, written to disk or not.
	_, err := db.Exec(ctx, `
		with position as (
			select least(lsn, checked_lsn) as lsn from messenger.position where slot = $1
		), needless as (
			delete from messenger.snapshot_sample where slot = $1 and lsn < (
				select n.lsn from messenger.snapshot_sample n, position p where n.slot = $1 and n.lsn <= p.lsn order by n.lsn desc limit 1)
		)
		insert into messenger.snapshot_sample (slot, xmin_floor, lsn, oldest)
		select $1, `+snapshotXmin(serverVersion)+`, pg_current_wal_insert_lsn(), (`+oldestTransactionSQL+`)
		on conflict (slot, lsn) do nothing`, slot)
	if err != nil {
		return fmt.Errorf("sample open transactions: %w", err)
	}
	return nil
}
