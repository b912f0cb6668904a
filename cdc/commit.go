package cdc

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// synchrony is a value of synchronous_commit.
type synchrony string

const (
	durably synchrony = "on"  // what a crash of the server must not undo, such as who holds the fencing token
	quickly synchrony = "off" // what it may: it does not wait for disk or standby
)

// batcher is what commit needs of a connection or pool.
type batcher interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// commit runs one statement in a transaction of its own and scans its row. How durable
// that is does not depend on what is set for our role or the server.
func commit(ctx context.Context, db batcher, how synchrony, sql string, args []any, into ...any) error {
	// One round trip and, without a BEGIN, one implicit transaction, which the setting
	// ends with.
	batch := &pgx.Batch{}
	batch.Queue(`select set_config('synchronous_commit', $1, true)`, string(how))
	batch.Queue(sql, args...)
	results := db.SendBatch(ctx, batch)
	_, err := results.Exec()
	if err == nil {
		err = results.QueryRow().Scan(into...)
	}
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	return err
}
