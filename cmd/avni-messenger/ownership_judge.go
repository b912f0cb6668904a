package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
	"avni-messenger/rules"
)

// judge decides who wrote rows of message_request_queue. Ours are
//
//   - an insert whose uuid the rules have marked, or that they have logged with it, as
//     an earlier version of them did;
//   - a Sent whose time is that of our delivery's acceptance: both are written in one
//     statement, so that no crash leaves one without the other.
//
// Manual messages are for others to insert, and nobody minds how a row is voided, moved
// or otherwise mended. A foreign row that we may have sent as well is named as such.
type judge struct{ slot string }

// foreignWritesSQL finds rows, among those of the condition on request q (which may refer to
// $2), that somebody else wrote, and holds their organisations. $3 and $4 are the time zone of
// the text: its seconds east of UTC, and its name. Rows of messenger.ownership are
// locked where something is found: who releases an organisation waits, and finds the
// hold then.
func foreignWritesSQL(condition string) string {
	return `
with found as materialized (
    select q.id, q.organisation_id, case when ` + markedByOthers + ` then 'foreign_sent' else 'foreign_request' end as kind,
           coalesce(d.state = 'accepted' or d.sending_since is not null, false) as maybe_twice,
           case when ` + markedByOthers + `
                then format('request %s was marked Sent at %s by user %s', q.id,
                            to_char(q.delivered_date_time at time zone make_interval(secs => $3), 'YYYY-MM-DD HH24:MI:SS ') || $4::text, q.last_modified_by_id)
                else format('request %s of rule %s for entity %s was inserted by user %s', q.id, q.message_rule_id, q.entity_id, q.created_by_id) end as detail
      from messenger.ownership o
      join public.message_request_queue q on q.organisation_id = o.organisation_id
      left join messenger.delivery d on d.request_id = q.id
     where o.slot = $1 and o.since is not null and ` + condition + ` and (` + insertedByOthers + ` or ` + markedByOthers + `)
       for share of o
), held as (
    insert into messenger.hold as h (organisation_id, kind, request_id, detail)
    select distinct on (organisation_id) organisation_id, kind, id, detail from found order by organisation_id, id
        on conflict (organisation_id) where released_at is null do update set organisation_id = excluded.organisation_id
    returning h.id, h.organisation_id, h.xmax = 0 as fresh
), written as (
    insert into messenger.foreign_write (hold_id, request_id, kind, maybe_twice)
    select h.id, f.id, f.kind, f.maybe_twice from found f join held h using (organisation_id) order by h.id, f.id
        on conflict do nothing
    returning hold_id, request_id, kind, maybe_twice
)
select h.id, h.organisation_id, h.fresh, w.request_id, w.kind, w.maybe_twice
  from written w join held h on h.id = w.hold_id order by w.request_id`
}

const (
	insertedByOthers = `(o.mode = 'full' and q.message_rule_id is not null and q.id > o.judged_to and q.uuid not like '` + rules.OwnRequests + `%'
           and not exists (select from messenger.trigger_log t
                            where t.source_table = any('{individual,program_enrolment,encounter,program_encounter,users}')
                              and t.entity_id = q.entity_id and t.request_id = q.id and t.outcome = 'scheduled'))`

	// Avni's column rounds to milliseconds.
	markedByOthers = `(q.delivery_status = 'Sent' and q.delivered_date_time > o.sent_since
           and (d.state is distinct from 'accepted' or q.delivered_date_time <> d.accepted_at::timestamptz(3)))`
)

var (
	foreignAmongSQL = foreignWritesSQL(`q.id = any($2::bigint[])`)
	foreignAfterSQL = foreignWritesSQL(`q.id > $2::bigint`)
	foreignSentSQL  = foreignWritesSQL(`q.delivered_date_time > $2::timestamptz`)
)

// foreignWrite is a row that somebody else wrote.
type foreignWrite struct {
	HoldID         int64
	OrganisationID int32
	Fresh          bool // the hold is made for it
	RequestID      int64
	Kind           holdKind
	MaybeTwice     bool
}

// hold runs one of the statements above, and tells the running processes of a new hold.
func (j judge) hold(ctx context.Context, db transactor, sql string, argument any) (found []foreignWrite, err error) {
	zone, east := time.Now().Zone() // PostgreSQL need not know it
	err = pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, sql, j.slot, argument, float64(east), zone) // its error is that of the rows
		if found, err = pgx.CollectRows(rows, pgx.RowToStructByPos[foreignWrite]); err != nil {
			return err
		}
		for _, h := range holdsOf(found) {
			if _, err := tx.Exec(ctx, `update messenger.hold set seen = seen + $2 where id = $1`, h.id, h.seen); err != nil {
				return err
			}
			if !h.fresh {
				continue
			}
			if err := cdc.Announce(ctx, tx, cdc.OrganisationConfig, h.organisation); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for requests that somebody else wrote: %w", err)
	}
	return found, nil
}

// touchedHold is a hold that rows were added to.
type touchedHold struct {
	id           int64
	organisation int32
	fresh        bool
	seen         int // how many
}

func holdsOf(found []foreignWrite) (holds []touchedHold) {
	for _, f := range found {
		i := slices.IndexFunc(holds, func(h touchedHold) bool { return h.id == f.HoldID })
		if i < 0 {
			i, holds = len(holds), append(holds, touchedHold{id: f.HoldID, organisation: f.OrganisationID, fresh: f.Fresh})
		}
		holds[i].seen++
	}
	return holds
}

// transactor begins transactions: a pool.
type transactor interface {
	Begin(context.Context) (pgx.Tx, error)
}
