package dispatch

import (
	"errors"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// replan runs what reads from the database, and again as often as a connection has kept
// a plan from before a column was altered. Postgres refuses such a plan, once on each
// connection of the pool, before it does anything.
func replan[T any](pool *pgxpool.Pool, run func() (T, error)) (T, error) {
	for range pool.Stat().MaxConns() {
		if value, err := run(); !isStalePlan(err) {
			return value, err
		}
	}
	return run()
}

// plannedAnew is for statements whose best plan hangs on their arguments: for one that it
// keeps, Postgres soon makes a plan that fits all of them and is several times as slow.
const plannedAnew = pgx.QueryExecModeDescribeExec

// isStalePlan is true of "cached plan must not change result type".
func isStalePlan(err error) bool { return sqlState(err) == "0A000" }

// sqlState is Postgres's code of an error, empty if it is none of Postgres's.
func sqlState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
