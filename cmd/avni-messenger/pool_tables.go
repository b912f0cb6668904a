package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/internal/schema"
)

// tableVersions are those of our tables: of the database, and the newest that this binary
// knows. Only run and setup bring them up to date: a command may be of another version than
// the avni-messenger that is at work on them.
type tableVersions struct{ applied, newest int64 }

// ownTables reads of which version our tables are. Its error is an *obstacle if there are none.
func ownTables(ctx context.Context, pool *pgxpool.Pool) (tableVersions, error) {
	newest, err := schema.Newest()
	if err != nil {
		return tableVersions{}, err
	}
	applied, err := schema.Applied(ctx, pool)
	if err == nil && applied == 0 {
		err = &obstacle{"Avni's database has no tables of avni-messenger yet", "Run avni-messenger setup, or start avni-messenger, first."}
	}
	return tableVersions{applied, newest}, err
}

// mismatch says that the tables are not those that this binary knows; nil if they are.
func (v tableVersions) mismatch() *obstacle {
	versions := fmt.Sprintf("(%d; this one knows %d)", v.applied, v.newest)
	switch {
	case v.applied < v.newest:
		return &obstacle{"the tables in schema messenger are of an older version " + versions,
			"Start avni-messenger in this version, which brings them up to date; or run this command with the version that runs."}
	case v.applied > v.newest:
		return &obstacle{"the tables in schema messenger are of a newer version " + versions, "Run this command with the version of avni-messenger that runs."}
	}
	return nil
}

// read lets somebody read the tables, and says so if what they miss is of another version.
func (v tableVersions) read(do func() error) error {
	err := do()
	if o := v.mismatch(); o != nil && isMissing(err) {
		return o
	}
	return err
}

// write lets somebody write into the tables unless these are older than what they write. On
// newer ones an avni-messenger of this version goes on after an upgrade was taken back, and
// needs its commands: there it is only said.
func (v tableVersions) write(c console, do func() error) error {
	o := v.mismatch()
	switch {
	case o != nil && v.applied < v.newest:
		return o
	case o != nil:
		fmt.Fprintf(c.stderr, "WARNING: %s\n\n", o)
	}
	return v.read(do)
}

// isMissing is true of PostgreSQL's errors about a schema, a table or a column that is not there.
func isMissing(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == "3F000" || refused.Code == "42P01" || refused.Code == "42703")
}
