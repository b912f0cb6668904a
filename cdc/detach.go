package cdc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Detach takes the column lists off the publication, so that an upgrade of Avni may
// drop or retype any column: PostgreSQL refuses that for a column that is listed. The
// stream goes on meanwhile; it carries whole rows, of which it reads what it needs. It
// changes nothing if no list is there, or if the server (before 15) has none. Either
// way it tries whether Avni can update each table. The role needs the rights of the
// owner of Avni's tables, and the publication must be its own.
func Detach(ctx context.Context, conn *pgx.Conn, names Names) error {
	return published(ctx, conn, names, func(in Inspection) error {
		return reshape(ctx, conn, names, columnLists(in.ServerVersion) && in.Publication.Listed, false, tablesTimeout)
	})
}

// Attach puts the column lists on again, after an upgrade of Avni, and is Detach's
// opposite in all. A table that has lost a column that the stream needs is reported,
// and then the publication stays as it is.
func Attach(ctx context.Context, conn *pgx.Conn, names Names) error {
	return published(ctx, conn, names, func(in Inspection) error {
		if err := missingColumns(ctx, conn); err != nil {
			return err
		}
		return reshape(ctx, conn, names, in.Publication.Detached, true, tablesTimeout)
	})
}

// published runs change unless the publication is not ours to reshape, and while nobody
// sets up or repairs: a repair makes a slot for the publication that it has seen.
func published(ctx context.Context, conn *pgx.Conn, names Names, change func(Inspection) error) error {
	if err := names.Validate(); err != nil {
		return err
	}
	unlock, err := lockSetup(ctx, conn, names)
	if err != nil {
		return err
	}
	defer unlock()
	in, err := Inspect(ctx, conn, names)
	switch {
	case err != nil:
		return err
	case !in.Publication.Exists:
		return misconfigured(fmt.Errorf("publication %q does not exist: %s", names.Publication, runSetup))
	case describe(in.Publication.Differences, true) != "":
		return in.wrongShape(names, true)
	}
	return change(in)
}

// reshape sets the publication's tables, if there is anything to change, and tries them.
func reshape(ctx context.Context, conn *pgx.Conn, names Names, change, lists bool, limit time.Duration) error {
	sql, lock := setTablesSQL(names, lists, ", "), toUpdate
	if change {
		lock = toPublish
	}
	err := withTables(ctx, conn, lock, limit, func(tx pgx.Tx) error {
		if change {
			if err := setTables(ctx, tx, names, sql); err != nil {
				return err
			}
		}
		return probeAll(ctx, tx)
	})
	switch {
	case isCode(err, "42501"):
		return fmt.Errorf("alter publication %q: %w. Let its owner or a superuser run `%s;`", names.Publication, err, sql)
	case err != nil:
		return fmt.Errorf("alter publication %q: %w", names.Publication, err)
	}
	return nil
}

// setTables alters the publication without anything being missed.
func setTables(ctx context.Context, tx pgx.Tx, names Names, sql string) error {
	before, err := fingerprint(ctx, tx, names)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, sql); err != nil {
		return err
	}
	return keepFingerprint(ctx, tx, names, before)
}

// setTablesSQL gives an existing publication our tables, with or without column lists.
func setTablesSQL(names Names, lists bool, separator string) string {
	return "alter publication " + names.publicationIdentifier() + " set table " + tableList(lists, separator)
}

// missingColumns reports what the stream reads and Avni's tables do not have.
func missingColumns(ctx context.Context, conn *pgx.Conn) error {
	var problems []error
	for i := range watchedTables {
		table := &watchedTables[i]
		var missing []string
		err := conn.QueryRow(ctx, `
			select coalesce(array_agg(c.name), '{}')
			from unnest($1::text[]) as c (name)
			where not exists (select from pg_attribute a
			                  where a.attrelid = to_regclass($2) and a.attname = c.name and a.attnum > 0 and not a.attisdropped)`,
			table.columns(), table.qualified()).Scan(&missing)
		if err != nil {
			return fmt.Errorf("look for the columns of table %s: %w", table.name, err)
		}
		if len(missing) > 0 {
			problems = append(problems, fmt.Errorf("%s: %s", columnGone(table.name, strings.Join(missing, ", ")), bringBack))
		}
	}
	return errors.Join(problems...)
}

// detachedNote says what a publication without lists means.
func detachedNote(names Names) string {
	return fmt.Sprintf("publication %q is detached (it has no column lists, for an upgrade of Avni): whole rows are streamed until `avni-messenger attach` is run",
		names.Publication)
}

// Detached says whether the publication is without column lists that it should have,
// in a sentence with what to do about it, or returns "". It asks one question.
func Detached(ctx context.Context, db Querier, names Names) (string, error) {
	var version int
	if err := db.QueryRow(ctx, `select current_setting('server_version_num')::int`).Scan(&version); err != nil {
		return "", fmt.Errorf("read server version: %w", err)
	}
	tables, err := readPublishedTables(ctx, db, names.Publication, version)
	if err != nil {
		return "", fmt.Errorf("read publication %q: %w", names.Publication, err)
	}
	if detached, _ := listed(tables, version); detached {
		return detachedNote(names), nil
	}
	return "", nil
}

// listed says whether some of our tables lack a column list, and whether some have one.
func listed(tables []publishedTable, serverVersion int) (detached, lists bool) {
	for _, t := range tables {
		if t.schema != avniSchema || findTable(t.name) == nil {
			continue
		}
		detached = detached || t.columns == nil && columnLists(serverVersion)
		lists = lists || t.columns != nil
	}
	return detached, lists
}
