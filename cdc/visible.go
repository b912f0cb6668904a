package cdc

import (
	"context"
	"fmt"
	"time"
)

// visibleSQL tells whether all transactions are visible to a statement that begins now.
// The stream has 32 bits of a transaction's id, snapshots have 64: the nearest to the
// snapshot's end is meant.
const visibleSQL = `
with s as (select txid_current_snapshot() as snapshot),
     x as (select snapshot, txid_snapshot_xmax(snapshot) as xmax,
                  (xid - txid_snapshot_xmax(snapshot)) & 4294967295 as ahead
             from s, unnest($1::bigint[]) as u (xid))
select coalesce(bool_and(txid_visible_in_snapshot(
           xmax + ahead - case when ahead >= 2147483648 then 4294967296 else 0 end, snapshot)), true)
  from x`

// awaitVisible waits until every transaction of the batch can be seen by whoever reads
// the tables. Postgres streams a commit as soon as its WAL is flushed, a moment before
// it becomes visible, or much longer where commits wait for a synchronous standby
// (manual, synchronous_commit): a rule that was run in between would see the old row,
// and nothing would run it again. Server and other readers hear from us meanwhile.
func (s *session) awaitVisible(ctx context.Context) error {
	defer s.conn.resumed()
	for pause := time.Millisecond; len(s.batch.xids) > 0; pause = min(2*pause, 100*time.Millisecond) {
		visible, err := s.store.visible(ctx, s.batch.xids)
		if err != nil {
			return err
		}
		if visible {
			s.batch.xids = s.batch.xids[:0]
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
		if err := s.live(ctx); err != nil {
			return err
		}
	}
	return nil
}

// visible asks for the transactions' visibility. It needs no fencing: it writes nothing.
func (s *store) visible(ctx context.Context, xids []uint32) (visible bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout+2*time.Second)
	defer cancel()
	ids := make([]int64, len(xids))
	for i, xid := range xids {
		ids[i] = int64(xid)
	}
	if err := s.pool.QueryRow(ctx, visibleSQL, ids).Scan(&visible); err != nil {
		return false, fmt.Errorf("ask whether %d transactions are visible: %w", len(xids), err)
	}
	return visible, nil
}
