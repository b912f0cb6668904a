package cdc

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// The readers of a random run store a batch of so many rows at the next commit, and within
// a transaction one of so many.
const (
	batchRows = 20
	partRows  = 80
)

// randomWriter is a session of Avni that writes to the five entity tables by copying and
// changing their rows.
type randomWriter struct {
	*randomRun
	choose  *rand.Rand
	columns map[Table]string // but id and those that are set
}

var randomTables = []Table{Individual, ProgramEnrolment, Encounter, ProgramEncounter, Users}

func newRandomWriter(run *randomRun, choose *rand.Rand) *randomWriter {
	run.t.Helper()
	w := &randomWriter{randomRun: run, choose: choose, columns: make(map[Table]string)}
	for _, table := range randomTables {
		var columns string
		err := run.db.Pool().QueryRow(run.ctx, `
			select string_agg(quote_ident(attname), ', ') from pg_attribute
			where attrelid = to_regclass($1) and attnum > 0 and not attisdropped and attgenerated = ''
			and attname not in ('id', 'uuid', 'username', 'is_voided', 'legacy_id', 'created_date_time', 'last_modified_date_time')`, "public."+string(table)).Scan(&columns)
		if err != nil {
			run.t.Fatal(err)
		}
		w.columns[table] = columns
	}
	return w
}

// write commits and rolls back transactions until ctx ends. What fails, fails.
func (w *randomWriter) write(ctx context.Context) {
	for ctx.Err() == nil {
		if !w.transact() {
			<-time.After(10 * time.Millisecond) // the server is starting
		}
		<-time.After(time.Duration(w.choose.IntN(4000)) * time.Microsecond)
	}
}

// transact runs one transaction and enters it in the journal. It says whether the server
// answered. A commit that was not answered may have happened; the server will tell.
func (w *randomWriter) transact() bool {
	tx, err := w.avni.Pool().Begin(w.ctx)
	if err != nil {
		return false
	}
	defer func() { _ = tx.Rollback(w.ctx) }() // after a commit it does nothing
	var entry writtenTx
	if err := tx.QueryRow(w.ctx, `select txid_current()`).Scan(&entry.xid); err != nil {
		return false
	}
	if entry.rows, err = w.steps(tx, 0); err != nil {
		return !tx.Conn().IsClosed() // a deadlock, for one
	}
	if w.choose.IntN(5) == 0 {
		w.journal.rolledBack.Add(1)
		return tx.Rollback(w.ctx) == nil
	}
	err = tx.Commit(w.ctx)
	w.journal.enter(entry)
	return err == nil
}

// writeOne commits one insert and returns the new entity.
func (w *randomWriter) writeOne() entity {
	w.t.Helper()
	var entry writtenTx
	err := pgx.BeginFunc(w.ctx, w.avni.Pool(), func(tx pgx.Tx) (err error) {
		if err := tx.QueryRow(w.ctx, `select txid_current()`).Scan(&entry.xid); err != nil {
			return err
		}
		entry.rows, err = w.do(tx, Individual, Insert, w.insert(Individual, 1))
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.journal.enter(entry)
	return entry.rows[0].entity
}

// steps makes some changes, some of them within savepoints, and returns those that were
// not rolled back.
func (w *randomWriter) steps(tx pgx.Tx, depth int) ([]writtenRow, error) {
	var rows []writtenRow
	for range 1 + w.choose.IntN(5) {
		if depth == 2 || w.choose.IntN(5) > 0 {
			more, err := w.step(tx)
			if err != nil {
				return nil, err
			}
			rows = append(rows, more...)
			continue
		}
		nested, err := tx.Begin(w.ctx)
		if err != nil {
			return nil, err
		}
		more, err := w.steps(nested, depth+1)
		if err != nil {
			return nil, err
		}
		if w.choose.IntN(2) == 0 {
			err = nested.Rollback(w.ctx)
		} else {
			rows = append(rows, more...)
			err = nested.Commit(w.ctx)
		}
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// step changes one row or, now and then, many.
func (w *randomWriter) step(tx pgx.Tx) ([]writtenRow, error) {
	table, many := randomTables[w.choose.IntN(len(randomTables))], 1
	if w.choose.IntN(40) == 0 {
		many = partRows/2 + w.choose.IntN(2*partRows)
	}
	if w.choose.IntN(5) == 0 {
		return w.do(tx, table, Insert, w.insert(table, many))
	}
	set := []string{"last_modified_by_id = last_modified_by_id"}
	if w.choose.IntN(3) == 0 {
		set = append(set, "is_voided = not is_voided")
	}
	if w.choose.IntN(4) > 0 { // as Avni does; what an administrator changes by SQL may not
		set = append(set, "last_modified_date_time = clock_timestamp()")
	}
	return w.do(tx, table, Update, fmt.Sprintf(`
		update %[1]s set %[2]s where id in (
			select id from %[1]s order by id offset %[3]d %% (select count(*) from %[1]s) limit %[4]d)`,
		table, strings.Join(set, ", "), w.choose.IntN(1000), many))
}

func (w *randomWriter) insert(table Table, many int) string {
	name, value := "", ""
	if table == Users {
		name, value = ", username", ", gen.n || md5(random()::text)"
	}
	return fmt.Sprintf(`
		insert into %[1]s (uuid, is_voided, created_date_time, last_modified_date_time%[2]s, %[3]s)
		select md5(random()::text) || gen.n, false, clock_timestamp(), clock_timestamp()%[4]s, %[3]s
		from (select * from %[1]s order by id offset %[5]d %% (select count(*) from %[1]s) limit 1) as pattern, generate_series(1, %[6]d) as gen (n)`,
		table, name, w.columns[table], value, w.choose.IntN(1000), many)
}

// do runs a statement and returns the rows that it wrote.
func (w *randomWriter) do(tx pgx.Tx, table Table, op Op, sql string) ([]writtenRow, error) {
	rows, err := tx.Query(w.ctx, sql+` returning id::bigint, is_voided`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (writtenRow, error) {
		r := writtenRow{entity: entity{table: table}, op: op}
		return r, row.Scan(&r.id, &r.voided)
	})
}
