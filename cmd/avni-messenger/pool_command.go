package main

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/rules"
)

// onDatabase is what a command does with its settings and its pool.
type onDatabase func(context.Context, Config, *pgxpool.Pool) error

// withPool runs a command that changes something in the database. It does not bring our
// tables up to date.
func withPool(ctx context.Context, c console, do onDatabase) error {
	return withPoolOf(ctx, c, newPool, func(ctx context.Context, cfg Config, pool *pgxpool.Pool) error {
		tables, err := ownTables(ctx, pool)
		if err != nil {
			return err
		}
		return tables.write(c, func() error { return do(ctx, cfg, pool) })
	})
}

// withReadingPool runs a command that reads. It changes nothing, not even the version of our
// tables.
func withReadingPool(ctx context.Context, c console, do onDatabase) error {
	reading := func(cfg Config) (*pgxpool.Pool, error) { return newReadingPool(cfg, asItIs) }
	return withPoolOf(ctx, c, reading, func(ctx context.Context, cfg Config, pool *pgxpool.Pool) error {
		tables, err := ownTables(ctx, pool)
		if err != nil {
			return err
		}
		return tables.read(func() error { return do(ctx, cfg, pool) })
	})
}

// withPoolOf runs a command on a database that answers and is ours to read. Its error is for
// an operator.
func withPoolOf(ctx context.Context, c console, open func(Config) (*pgxpool.Pool, error), do onDatabase) error {
	cfg, err := parseConfig(c.environ)
	if err != nil {
		return err
	}
	setLocalTime(cfg.Timezone)
	pool, err := open(cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err = preflight(ctx, pool); err == nil {
		err = do(ctx, cfg, pool)
	}
	return forOperator(err, cfg)
}

// forOperator words an error of what works on the database, for a command or for whoever
// pressed a button. That of the command line stays what it is, for its exit code, and what
// is simply not there says so itself.
func forOperator(err error, cfg Config) error {
	var usage *usageError
	var missing *rules.NotFound
	switch {
	case err == nil || errors.As(err, &usage):
		return err
	case errors.As(err, &missing):
		return missing
	}
	return explain(err, cfg)
}
