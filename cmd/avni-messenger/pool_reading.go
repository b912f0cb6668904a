package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/internal/schema"
	"avni-messenger/rules"
)

// newReadingPool is a pool whose sessions PostgreSQL lets write nothing, with something else
// about it.
func newReadingPool(cfg Config, adapt func(*pgxpool.Config)) (*pgxpool.Pool, error) {
	return newPoolWith(cfg, func(config *pgxpool.Config) {
		config.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
		adapt(config)
	})
}

// asItIs adapts nothing.
func asItIs(*pgxpool.Config) {}

// withReadingPool runs a command that reads. It changes nothing, not even the version of our
// tables: an older avni-messenger may be at work on them.
func withReadingPool(ctx context.Context, c console, do func(context.Context, Config, *pgxpool.Pool) error) error {
	cfg, err := parseConfig(c.environ)
	if err != nil {
		return err
	}
	setLocalTime(cfg.Timezone)
	pool, err := newReadingPool(cfg, asItIs)
	if err != nil {
		return err
	}
	defer pool.Close()
	if _, err = preflight(ctx, pool); err == nil {
		err = readOwnTables(ctx, pool, func() error { return do(ctx, cfg, pool) })
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

// readOwnTables lets somebody read our tables, and says so if they are not there or of
// another version than they need.
func readOwnTables(ctx context.Context, pool *pgxpool.Pool, read func() error) error {
	newest, err := schema.Newest()
	if err != nil {
		return err
	}
	applied, err := schema.Applied(ctx, pool)
	switch {
	case err != nil:
		return err
	case applied == 0:
		return &obstacle{"Avni's database has no tables of avni-messenger yet", "Run avni-messenger setup, or start avni-messenger, first."}
	}
	err = read()
	if !isMissing(err) {
		return err
	}
	versions := fmt.Sprintf("(%d; this one knows %d)", applied, newest)
	switch {
	case applied < newest:
		return &obstacle{"the tables in schema messenger are of an older version " + versions,
			"Start avni-messenger in this version, which brings them up to date; or run this command with the version that runs."}
	case applied > newest:
		return &obstacle{"the tables in schema messenger are of a newer version " + versions, "Run this command with the version of avni-messenger that runs."}
	}
	return err
}

// isMissing is true of PostgreSQL's errors about a schema, a table or a column that is not there.
func isMissing(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == "3F000" || refused.Code == "42P01" || refused.Code == "42703")
}
