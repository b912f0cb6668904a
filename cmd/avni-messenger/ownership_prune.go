package main

import (
	"context"
	"fmt"
	"time"
)

const (
	pruneHoldsEvery = time.Hour
	pruneHoldsSize  = 1000 // rows in one statement
)

// keepHolds is for how long a hold is kept after its release.
const keepHolds = `interval '30 days'`

const (
	pruneForeignSQL = `
		delete from messenger.foreign_write
		 where ctid in (select f.ctid from messenger.foreign_write f join messenger.hold h on h.id = f.hold_id
		                 where h.released_at < now() - ` + keepHolds + ` limit $1 for update of f skip locked)`

	pruneHoldsSQL = `
		delete from messenger.hold
		 where id in (select h.id from messenger.hold h
		               where h.released_at < now() - ` + keepHolds + ` and not exists (select from messenger.foreign_write f where f.hold_id = h.id)
		               limit $1 for update skip locked)`
)

// prune deletes a part of what was released long ago and, unless there is more, rests for a while.
func (w *watcher) prune(ctx context.Context) error {
	if time.Since(w.pruned) < pruneHoldsEvery {
		return nil
	}
	more := false
	for _, sql := range []string{pruneForeignSQL, pruneHoldsSQL} {
		tag, err := w.pool.Exec(ctx, sql, pruneHoldsSize)
		if err != nil {
			return fmt.Errorf("delete old holds: %w", err)
		}
		more = more || tag.RowsAffected() == pruneHoldsSize
	}
	if !more {
		w.pruned = time.Now()
	}
	return nil
}
