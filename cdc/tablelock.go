package cdc

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Whoever publishes a table needs a lock on it that DDL, VACUUM and the making of an
// index have to themselves. We never wait for one table while another is locked: a
// migration of Avni that needs both would end in a deadlock or queue behind us, and
// everybody who works with the tables would queue behind it.

// tableLock is a lock mode, with the modes that do not go with it.
type tableLock struct {
	mode      string
	conflicts []string
}

var (
	toPublish = tableLock{"share update exclusive", []string{"ShareUpdateExclusiveLock", "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"}}
	toUpdate  = tableLock{"row exclusive", toPublish.conflicts[1:]}
)

const (
	tablesTimeout = 10 * time.Second // to wait for the locks
	oneTableWait  = 3 * time.Second  // for one table: autovacuum gives way after deadlock_timeout, 1 s
)

// withTables runs change in a transaction that has locked all of our tables at once. What
// change needs beyond that it may wait for only a moment. Whoever keeps us from the locks
// for longer than the time limit is named.
func withTables(ctx context.Context, conn *pgx.Conn, lock tableLock, limit time.Duration, change func(pgx.Tx) error) error {
	deadline := time.Now().Add(limit)
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		err := lockAll(ctx, conn, lock, change)
		if !isCode(err, "55P03", "40P01") {
			return err
		}
		others, lookErr := lockHolders(ctx, conn, lock)
		if lookErr != nil {
			return lookErr
		}
		left := time.Until(deadline)
		if left <= 0 {
			return &lockedOut{others: others, limit: limit, err: err}
		}
		if len(others) > 0 {
			if err := awaitTable(ctx, conn, lock, others[0].table, min(left, oneTableWait)); err != nil {
				return err
			}
		}
		if !rest(ctx, min(pause, left)) {
			return ctx.Err()
		}
	}
}

func lockAll(ctx context.Context, conn *pgx.Conn, lock tableLock, change func(pgx.Tx) error) error {
	tables := make([]string, len(watchedTables))
	for i := range watchedTables {
		tables[i] = watchedTables[i].qualified()
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		// Nobody is to wait for us because we, or a synchronous standby, have gone.
		_, err := tx.Exec(ctx, `set local lock_timeout = '500ms'; set local idle_in_transaction_session_timeout = '5s'; set local synchronous_commit = local;
			lock table `+strings.Join(tables, ", ")+` in `+lock.mode+` mode nowait`)
		if err != nil {
			return err
		}
		return change(tx)
	})
}

// awaitTable waits until one table can be locked, with nothing else in hand.
func awaitTable(ctx context.Context, conn *pgx.Conn, lock tableLock, table Table, limit time.Duration) error {
	sql := fmt.Sprintf(`set local lock_timeout = %d; lock table %s in %s mode`, max(1, limit.Milliseconds()), findTable(string(table)).qualified(), lock.mode)
	err := pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, sql)
		return err
	})
	if err != nil && !isCode(err, "55P03", "40P01") {
		return fmt.Errorf("wait for table %s: %w", table, err)
	}
	return nil
}

// lockHolder is a session that has or wants a lock which does not go with ours.
type lockHolder struct {
	table Table
	who   string
}

// lockHolders names them. Of what they run only the first words are told: the rest may
// hold anything.
func lockHolders(ctx context.Context, conn *pgx.Conn, lock tableLock) ([]lockHolder, error) {
	rows, err := conn.Query(ctx, `
		select distinct on (l.pid, c.relname) c.relname::text, format('pid %s (application_name "%s")', l.pid, a.application_name), a.xact_start,
			coalesce(trim(substring(a.query from '^\s*((?:[[:alpha:]_:]+[[:space:]]*){1,3})')) || ' …', 'what it runs is hidden'), l.pid is null
		from pg_locks l
		join pg_class c on c.oid = l.relation
		left join pg_stat_activity a on a.pid = l.pid
		where l.locktype = 'relation' and l.database = (select oid from pg_database where datname = current_database())
		  and l.mode = any($1) and l.pid is distinct from pg_backend_pid()
		  and c.relnamespace = to_regnamespace($2) and c.relname = any($3)
		order by l.pid, c.relname`, lock.conflicts, avniSchema, tableNames())
	if err != nil {
		return nil, fmt.Errorf("look who locks Avni's tables: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (lockHolder, error) {
		var h lockHolder
		var session, runs string
		var since *time.Time
		var prepared bool
		err := row.Scan(&h.table, &session, &since, &runs, &prepared)
		h.who = fmt.Sprintf("%s with a transaction since %s: %s", session, clock(since, "an unknown time"), runs)
		if prepared {
			h.who = "a prepared transaction (see pg_prepared_xacts)"
		}
		return h, err
	})
}

// lockedOut says who kept us from Avni's tables.
type lockedOut struct {
	others []lockHolder
	limit  time.Duration
	err    error
}

func (e *lockedOut) Unwrap() error { return e.err }

func (e *lockedOut) Error() string {
	if len(e.others) == 0 {
		return fmt.Sprintf("another session held a lock for more than %s, and has ended by now: try again", e.limit)
	}
	texts := make([]string, len(e.others))
	for i, h := range e.others {
		texts[i] = fmt.Sprintf("table %s is held by %s", h.table, h.who)
	}
	return fmt.Sprintf("nothing was changed, since for more than %s other sessions kept Avni's tables from being locked: %s. "+
		"Wait until they have ended, or end one with select pg_terminate_backend(pid), and try again", e.limit, strings.Join(texts, "; "))
}
