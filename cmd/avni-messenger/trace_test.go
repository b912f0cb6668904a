package main

import (
	"maps"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// origin is what a message comes of: a rule, and the row that it was evaluated for.
type origin struct {
	table        string
	entity, rule int64
}

// explain logs, for the first messages that came too rarely or too often, every row that
// tells where they are or were.
func (p *program) explain(want map[string]int, origins map[string]origin) {
	p.t.Helper()
	const most = 10
	got, told := p.messages(), 0
	for _, m := range slices.Sorted(maps.Keys(want)) {
		if got[m] == want[m] {
			continue
		}
		if told++; told > most {
			p.t.Log("… and more")
			break
		}
		p.t.Logf("message %s came %d times instead of %d:\n%s", m, got[m], want[m], p.trace(traceSQL, origins[m].table, origins[m].entity, origins[m].rule))
	}
	p.t.Logf("the stream:\n%s", p.trace(streamSQL))
}

// trace returns one line per row of a query for a name and a document.
func (p *program) trace(query string, args ...any) string {
	rows, err := p.db.Pool().Query(p.t.Context(), query, args...)
	if err != nil {
		return err.Error()
	}
	lines, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var name, document string
		err := row.Scan(&name, &document)
		return "    " + name + " " + document, err
	})
	if err != nil {
		return err.Error()
	}
	if len(lines) == 0 {
		return "    no row of inbox, trigger_log or message_request_queue is about it"
	}
	return strings.Join(lines, "\n")
}

// traceSQL follows a row ($1, $2) and rule $3 from the inbox to Glific.
const traceSQL = `
	with request as (select * from public.message_request_queue where message_rule_id = $3 and entity_id = $2)
	select name, jsonb_strip_nulls(document)::text from (
		select 1, 'inbox', 0, to_jsonb(i) from messenger.inbox i where source_table = $1 and entity_id = $2
		union all
		select 2, 'trigger_log', id, to_jsonb(t) from messenger.trigger_log t where source_table = $1 and entity_id = $2 and coalesce(rule_id, $3) = $3
		union all
		select 3, 'message_request_queue', id, to_jsonb(r) from request r
		union all
		select 4, 'delivery', request_id, to_jsonb(d) from messenger.delivery d where request_id in (select id from request)
		union all
		select 5, 'attempt', id, to_jsonb(a) from messenger.attempt a where request_id in (select id from request)
	) found (step, name, id, document) order by step, id`

const streamSQL = `
	select name, jsonb_strip_nulls(document)::text from (
		select 1, 'position', 0, to_jsonb(p) from messenger.position p
		union all
		select 2, 'slot', 0, to_jsonb(s) from pg_replication_slots s where database = current_database()
		union all
		select 3, 'gap', id, to_jsonb(g) from messenger.gap g
	) found (step, name, id, document) order by step, id`
