// Package history tells an operator, from what the database holds, what became of a
// change and of a message, and how the whole does. It reads Avni's tables and schema
// messenger, in read-only transactions, and writes nothing.
//
// Its sentences are for people. They hold names, but no phone number beyond its last four
// digits: a whole number is in a field of its own, so that who shows it decides about it.
// Nothing of what is read here may be logged.
package history

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/cdc"
	"avni-messenger/dispatch"
)

// Options are what a Reader needs to know of the settings. Pool is required.
type Options struct {
	Pool       *pgxpool.Pool
	Names      cdc.Names           // of the slot and the publication
	Location   *time.Location      // in which times are told; nil: UTC
	Window     time.Duration       // how long after it was due a request is still sent; 0: 4 days
	QuietHours dispatch.QuietHours // in which nothing is sent
	RulesOff   bool                // MESSENGER_RULES is off
	SendingOff bool                // MESSENGER_DISPATCH is off

	// Served says how an organisation is served, or false if it is not: one that was until of
	// late has Held and Fix then. nil: none is.
	Served func(organisationID int32) (Served, bool)
	Now    func() time.Time // nil: time.Now
	// Timeout bounds each query on the server; 0: 10 s. Avni has no index on phone numbers, so
	// that looking for one reads all subjects of an organisation.
	Timeout time.Duration
}

// Served is how an organisation is served.
type Served struct {
	Mode string `json:"mode"`          // shadow, dispatch or full
	Held string `json:"held,omitzero"` // why nothing is written and sent although Mode says so; "" if it is
	Fix  string `json:"fix,omitzero"`  // what to do about Held
}

// Reader answers questions. Safe for concurrent use.
type Reader struct {
	options Options
}

// New returns a reader.
func New(o Options) *Reader {
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Window <= 0 {
		o.Window = 4 * 24 * time.Hour
	}
	if o.Served == nil {
		o.Served = func(int32) (Served, bool) { return Served{}, false }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	return &Reader{o}
}

// TooSlow is the error of a question that the database could not answer in time.
type TooSlow struct{ Timeout time.Duration }

func (t *TooSlow) Error() string {
	return fmt.Sprintf("the database needed more than %s for one of the queries, and it was given up: name one organisation, "+
		"or ask by a uuid or a request's number, and see that `avni-messenger setup` was run: it makes the indexes", t.Timeout)
}

// view is one reading of the database: a read-only transaction in one snapshot, and what
// all of its questions need.
type view struct {
	*Reader
	tx  pgx.Tx
	now time.Time

	organisations map[int32]organisation
	surroundings
}

// read runs a reading. Its error is a *TooSlow if a query took too long.
func (r *Reader) read(ctx context.Context, do func(context.Context, *view) error) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, r.options.Pool, options, func(tx pgx.Tx) error {
		// Compiling a query would take longer than most of these take.
		if _, err := tx.Exec(ctx, fmt.Sprintf(`set local statement_timeout = %d; set local jit = off`, r.options.Timeout.Milliseconds())); err != nil {
			return err
		}
		v := &view{Reader: r, tx: tx, now: r.options.Now()}
		if err := v.readOrganisations(ctx); err != nil {
			return err
		}
		if err := v.readSurroundings(ctx); err != nil {
			return err
		}
		return do(ctx, v)
	})
	var e *pgconn.PgError
	if errors.As(err, &e) && e.Code == "57014" && ctx.Err() == nil { // query_canceled
		return &TooSlow{r.options.Timeout}
	}
	return err
}

// clock words a moment for a person.
func (r *Reader) clock(t time.Time) string {
	return t.In(r.options.Location).Format("2006-01-02 15:04:05 MST")
}

// collect runs a query and scans each row into a struct, by position.
func collect[T any](ctx context.Context, v *view, what, sql string, args ...any) ([]T, error) {
	rows, _ := v.tx.Query(ctx, sql, args...) // its error is that of the rows
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return found, nil
}
