package cdc

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// chunk is what one query of a scan found.
type chunk struct {
	rows []inboxRow
	end  bookmark // everything up to it has been looked at
	last bool     // there is nothing after it in this table
}

// scanned is one row that a query returns.
type scanned struct {
	id           int64
	organisation int32
	typeID       int32
	voided       bool
	at           time.Time // when it was last modified
	fresh        bool      // it was created in the gap
	hit          bool      // it counts; otherwise it only shows where the query ended
}

// read finds the next rows that changed in the gap. Beyond the lock that every reader
// of a table has, it holds none, and that for one short statement.
func (s *scan) read(ctx context.Context, table *watchedTable, at step) (chunk, error) {
	sql := s.foundSQL(table)
	if at.windowed {
		sql = s.windowSQL(table)
	}
	found, err := s.query(ctx, sql, s.gap.next.id, at.rows, s.gap.since, s.gap.floor)
	if err != nil {
		return chunk{}, err
	}
	c := chunk{end: s.gap.next, last: len(found) == 0 || !at.windowed && len(found) < at.rows}
	for _, row := range found {
		c.end.id = row.id
		change := Change{Table: table.name, Op: Update, ID: row.id, OrganisationID: row.organisation, TypeID: row.typeID, Voided: row.voided}
		if row.fresh {
			change.Op = Insert
		}
		if row.hit && (s.keep == nil || s.keep(change)) {
			c.rows = append(c.rows, inboxRow{change: change, at: row.at})
		}
	}
	return c, nil
}

// foundSQL returns up to $2 rows that changed. By time there is an index, and
// PostgreSQL decides whether it or the primary key is the better way.
func (s *scan) foundSQL(table *watchedTable) string {
	return `select ` + columnsSQL(table) + `, true from ` + table.qualified() + ` t where t.id > $1 and ` + s.changedSQL(table) + ` order by t.id limit $2`
}

// windowSQL looks at $2 rows, however many of them changed, and returns those that did
// and the last one.
func (s *scan) windowSQL(table *watchedTable) string {
	return `
		with looked as materialized (
			select ` + columnsSQL(table) + `, ` + s.changedSQL(table) + ` as hit
			from ` + table.qualified() + ` t where t.id > $1 order by t.id limit $2
		)
		select * from looked where hit or id = (select max(id) from looked) order by id`
}

func columnsSQL(table *watchedTable) string {
	kind := `0`
	if table.typeColumn != "" {
		kind = `coalesce(t.` + pgx.Identifier{table.typeColumn}.Sanitize() + `, 0)::int`
	}
	return `t.id::bigint as id, coalesce(t.organisation_id, 0)::int as organisation, ` + kind + ` as kind, t.is_voided as voided,
		t.last_modified_date_time as at, t.created_date_time >= $3 as fresh`
}

// changedSQL is the condition that a row was changed in the gap. $4 is used by every
// query, so that all have the same parameters. A row's xmin is that of the transaction
// that wrote it last, also after it was frozen. Those that are younger than the query
// are left to the stream.
func (s *scan) changedSQL(table *watchedTable) string {
	changed := `(t.last_modified_date_time >= $3 and $4::bigint is not null)`
	if s.gap.mode == byXmin {
		changed = `(age(t.xmin) between 0 and age(($4::bigint & 4294967295)::text::xid))`
	}
	if table.name == Users { // messages of a user are for new ones; updates are frequent
		changed = `(` + changed + ` and (t.created_date_time >= $3 or t.is_voided))`
	}
	return changed
}

// query runs one statement that may take no longer than the scan's timeout. It is
// planned anew each time: a plan for any parameters would read the whole table.
func (s *scan) query(ctx context.Context, sql string, after int64, limit int, since time.Time, floor int64) ([]scanned, error) {
	ctx, cancel := s.answered(ctx)
	defer cancel()
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadOnly})
	if err != nil {
		return nil, err
	}
	defer func() { // it has changed nothing
		last, cancel := parting(ctx)
		defer cancel()
		_ = tx.Rollback(last)
	}()
	set := fmt.Sprintf(`set local statement_timeout = %d; set local lock_timeout = %d; set local jit = off`, s.timeout.Milliseconds(), s.timeout.Milliseconds()/4)
	if _, err := tx.Exec(ctx, set); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, sql, pgx.QueryExecModeExec, after, limit, since, floor)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (scanned, error) {
		var r scanned
		err := row.Scan(&r.id, &r.organisation, &r.typeID, &r.voided, &r.at, &r.fresh, &r.hit)
		return r, err
	})
}
