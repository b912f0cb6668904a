package cdc

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// writtenRow is what a statement did to a row.
type writtenRow struct {
	entity
	op     Op
	voided bool
}

// writtenTx is a transaction whose commit was asked for, without what it rolled back.
type writtenTx struct {
	xid  int64
	rows []writtenRow
	at   time.Time // when it committed, as the server says in the end; zero if it did not
}

// journal is what the writers have done.
type journal struct {
	mu         sync.Mutex
	entries    []writtenTx
	rolledBack atomic.Int64 // transactions
}

func (j *journal) enter(e writtenTx) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = append(j.entries, e)
}

// given is a change that has entered the inbox.
type given struct {
	entity
	voided      bool
	committedAt time.Time
	at          time.Time // when it entered
	streamed    bool      // and was not looked up in the tables
	lsn         string
}

// check compares what was written, what the inbox was given, and what came of it.
func (run *randomRun) check() {
	run.t.Helper()
	run.settleJournal()
	all := run.givenRows()
	run.checkNothingMadeUp(all)
	run.checkNothingLost(all)
	run.checkEffects()
	none := func(what, sql string, args ...any) {
		run.t.Helper()
		if n := run.queryInt(sql, args...); n != 0 {
			run.t.Errorf("%d %s", n, what)
		}
	}
	// Times of rows are rounded to milliseconds.
	none("changes were evaluated before they were visible", `select count(*) from messenger.evaluation where version_at < committed_at - interval '1 ms'`)
	none("changes that entered the inbox were never evaluated nor overtaken", `
		select count(*) from messenger.given g where not exists (
			select from messenger.given n join messenger.evaluation e using (change_number)
			where n.source_table = g.source_table and n.entity_id = g.entity_id and n.at >= g.at)`)
	none("repairs looked by time although the exact way was open", `select count(*) from messenger.gap where not by_hand and mode <> 'xmin'`)
	run.t.Logf("%d transactions committed, %d rolled back; %d changes entered the inbox, %d of them by %d repairs and catch-ups; %d evaluations of %d versions; faults %v",
		len(run.journal.entries), run.journal.rolledBack.Load(), len(all), run.queryInt(`select sum(rows) from messenger.gap`), run.queryInt(`select count(*) from messenger.gap`),
		run.queryInt(`select count(*) from messenger.evaluation`), run.queryInt(`select count(*) from (select distinct source_table, entity_id, version from messenger.evaluation) e`), run.happen)
}

// settleJournal keeps what was committed, also where the writer did not learn of it.
func (run *randomRun) settleJournal() {
	run.t.Helper()
	eventually(run.t, "the end of all transactions", func() (bool, string) {
		n := run.queryInt(`select count(*) from pg_stat_activity where usename = 'openchs' and backend_xid is not null`)
		return n == 0, fmt.Sprint(n)
	})
	byXid := make(map[int64][]writtenRow)
	var xids []int64
	for _, e := range run.journal.entries {
		byXid[e.xid] = e.rows
		xids = append(xids, e.xid)
	}
	rows, err := run.super.Query(run.ctx, `
		select xid, pg_xact_commit_timestamp((xid & 4294967295)::text::xid) from unnest($1::bigint[]) as u (xid) where txid_status(xid) = 'committed'`, xids)
	if err != nil {
		run.t.Fatal(err)
	}
	run.journal.entries, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (writtenTx, error) {
		var e writtenTx
		err := row.Scan(&e.xid, &e.at)
		e.rows = byXid[e.xid]
		return e, err
	})
	if err != nil {
		run.t.Fatal(err)
	}
}

func (run *randomRun) givenRows() []given {
	run.t.Helper()
	rows, err := run.super.Query(run.ctx, `
		select source_table, entity_id, is_voided, committed_at, at, commit_lsn::text,
		       not marked and not exists (select from messenger.gap where to_lsn = commit_lsn) from messenger.given`)
	if err != nil {
		run.t.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (given, error) {
		var g given
		return g, row.Scan(&g.table, &g.id, &g.voided, &g.committedAt, &g.at, &g.lsn, &g.streamed)
	})
	if err != nil {
		run.t.Fatal(err)
	}
	return all
}

// checkNothingMadeUp looks whether each change that was streamed is one that was
// committed, as it was committed, and came once. Of a transaction that is stored in
// parts, parts may come again.
func (run *randomRun) checkNothingMadeUp(all []given) {
	run.t.Helper()
	type row struct {
		entity
		voided bool
		at     int64
	}
	committed, size := make(map[row]bool), make(map[int64]int)
	for _, e := range run.journal.entries {
		for _, r := range e.rows {
			committed[row{r.entity, r.voided, e.at.UnixMicro()}] = true
		}
		size[e.at.UnixMicro()] += len(e.rows)
	}
	type place struct {
		entity
		lsn string
	}
	times := make(map[place]int)
	for _, g := range all {
		at := g.committedAt.UnixMicro()
		if g.streamed && !committed[row{g.entity, g.voided, at}] {
			run.t.Errorf("the stream brought %+v, which nobody has committed", g)
		}
		if g.streamed && size[at] < partRows-batchRows {
			times[place{g.entity, g.lsn}]++
		}
	}
	for p, n := range times {
		if n > 1 {
			run.t.Errorf("%s %d of commit %s entered the inbox %d times", p.table, p.id, p.lsn, n)
		}
	}
}

// checkNothingLost looks whether something entered the inbox after each commit for each
// row that it changed. Of users only what they are in the end counts.
func (run *randomRun) checkNothingLost(all []given) {
	run.t.Helper()
	last := make(map[entity]time.Time)
	for _, g := range all {
		if g.at.After(last[g.entity]) {
			last[g.entity] = g.at
		}
	}
	for _, e := range run.journal.entries {
		for _, r := range e.rows {
			if at, found := last[r.entity]; (r.table != Users || r.op == Insert) && (!found || at.Before(e.at)) {
				run.t.Errorf("%s %d, changed by transaction %d (%q) at %s, has not entered the inbox since; the last time was %s",
					r.table, r.id, e.xid, r.op, e.at.Format("15:04:05.000000"), at.Format("15:04:05.000000"))
			}
		}
	}
}

// checkEffects compares the last effect on each entity with its row. That a user is back,
// or was saved, is not told.
func (run *randomRun) checkEffects() {
	run.t.Helper()
	touched := make(map[Table]map[int64]bool)
	for _, e := range run.journal.entries {
		for _, r := range e.rows {
			if touched[r.table] == nil {
				touched[r.table] = make(map[int64]bool)
			}
			touched[r.table][r.id] = true
		}
	}
	for table, ids := range touched {
		var list []int64
		for id := range ids {
			list = append(list, id)
		}
		where := `true`
		if table == Users {
			where = `t.is_voided`
		}
		rows, err := run.super.Query(run.ctx, `
			select format('%s %s: version %s (voided %s, committed %s), effect of version %s (voided %s)', $2::text, t.id, t.xmin, t.is_voided,
			              pg_xact_commit_timestamp(t.xmin), e.version, e.is_voided)
			from `+findTable(string(table)).qualified()+` t left join messenger.effect e on e.source_table = $2 and e.entity_id = t.id
			where t.id = any($1) and `+where+` and (e.version, e.is_voided) is distinct from (t.xmin::text::bigint, t.is_voided)`, list, table)
		if err != nil {
			run.t.Fatal(err)
		}
		wrong, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			run.t.Fatal(err)
		}
		for _, text := range wrong {
			run.t.Errorf("effect is not what the row is: %s", text)
		}
	}
	if len(touched) != len(randomTables) {
		run.t.Errorf("only %d tables were written", len(touched))
	}
}
