package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var (
	claimDueSQL        = claimSQL(inWindow)
	claimUnresolvedSQL = claimSQL(unresolved)
	claimUnjudgedSQL   = claimSQL(inWindow + ` and d.reason is null and d.sending_since is null`)
)

// claimSQL takes unsent requests. Rows that another replica is claiming are skipped.
// The condition is repeated on the delivery as it is when it is written: a replica
// that has claimed it since this statement began has not changed the request.
// Where a send may have reached Glific, rule and entity stay as they are: of twins from
// before delivery_sent_once two may be there, and the index must not fail the claim.
func claimSQL(condition string) string {
	return `
with due as materialized (
    select q.id, q.message_rule_id, q.manual_message_id, q.entity_id, q.scheduled_date_time, q.created_date_time,
           q.last_modified_date_time, q.is_voided, r.id as receiver_row, r.receiver_type, r.receiver_id,
           d.sending_since is not null as begun, u.last_modified_date_time as rule_modified_at,
           0 as member_of, '' as member_contact, '' as member_phone` + fromQueue + `
      left join public.message_rule u on u.id = q.message_rule_id
     where ` + unsent + ` and ` + condition + `
       and (d.request_id is null or ` + claimable("q.last_modified_date_time") + `)
     order by q.scheduled_date_time
     limit @size
       for update of q skip locked
), mine as (
    insert into messenger.delivery as d
           (request_id, organisation_id, state, claimed_by, claimed_until, next_attempt_at, request_modified_at, rule_id, entity_id, rule_modified_at)
    select id, @organisation, 'claimed', @holder, now() + @lease::interval, now() + @lease::interval, last_modified_date_time,
           message_rule_id, entity_id, rule_modified_at from due
        on conflict (request_id) do update
       set state = 'claimed', claimed_by = excluded.claimed_by, claimed_until = excluded.claimed_until, next_attempt_at = excluded.next_attempt_at,
           request_modified_at = excluded.request_modified_at, updated_at = now(),
           rule_id = case when d.sending_since is null then excluded.rule_id else d.rule_id end,
           entity_id = case when d.sending_since is null then excluded.entity_id else d.entity_id end, rule_modified_at = excluded.rule_modified_at,
           attempts = case when ` + settled + ` then 0 else d.attempts end
     where ` + claimable("excluded.request_modified_at") + `
    returning d.*
), outranked as (
    select distinct due.id
      from due join (` + fromTwins + `) on ` + twins("due.id", "due.message_rule_id", "due.entity_id", "due.begun") + `
)
` + claimedSQL
}

// claimedSQL reads what was claimed: due are the messages, mine their deliveries.
const claimedSQL = `
select due.id, coalesce(due.message_rule_id, 0), coalesce(due.entity_id, 0), coalesce(due.manual_message_id, 0),
       due.receiver_row, due.receiver_type, coalesce(due.receiver_id, 0),
       due.scheduled_date_time, due.created_date_time, due.is_voided, mine.attempts, coalesce(mine.reason, ''),
       coalesce(mine.contact_id, ''), coalesce(mine.template_id, ''), coalesce(mine.site, ''), mine.send_at,
       extract(epoch from clock_timestamp() - mine.sending_since)::float8, due.id in (select id from outranked),
       due.member_of, due.member_contact, due.member_phone
  from mine join due on due.id = mine.request_id
 order by due.scheduled_date_time, due.id`

// claim takes up to ClaimSize messages: requests that are due, the oldest first, then
// requests that are not, but may have been sent, then what goes to members of groups. Of
// these two a quarter each comes first, so that no backlog keeps them waiting for ever.
func (q *queue) claim(ctx context.Context, now time.Time) (claims []*claim, err error) {
	size := q.settings.ClaimSize
	take := func(sql string, most int) (full bool) {
		if most = min(most, size-len(claims)); most == 0 {
			return true
		}
		more, failed := q.claimBy(ctx, sql, now, most)
		if failed != nil {
			err = failed
		}
		claims = append(claims, more...)
		return len(more) == most
	}
	members, unresolved := take(claimMembersSQL, size/4), take(claimUnresolvedSQL, size/4)
	take(claimDueSQL, size)
	if unresolved {
		take(claimUnresolvedSQL, size)
	}
	if members {
		take(claimMembersSQL, size)
	}
	if len(claims) > 0 { // what failed will fail again when there is nothing else to do
		return claims, nil
	}
	return nil, err
}

// claimUnjudged takes up to ClaimSize requests that are due and of which nothing is
// known yet.
func (q *queue) claimUnjudged(ctx context.Context, now time.Time) ([]*claim, error) {
	return q.claimBy(ctx, claimUnjudgedSQL, now, q.settings.ClaimSize)
}

func (q *queue) claimBy(ctx context.Context, sql string, now time.Time, size int) ([]*claim, error) {
	started, holder := time.Now(), uuid.New()
	arguments := q.arguments(now, pgx.NamedArgs{"size": size, "holder": holder, "lease": q.settings.Lease})
	claims, err := replan(q.pool, func() ([]*claim, error) {
		rows, _ := q.pool.Query(ctx, sql, arguments) // its error is that of the rows
		return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*claim, error) {
			c, err := scanClaim(row)
			c.OrganisationID, c.holder, c.claimedAt = q.organisation, holder, started
			return c, err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("claim requests: %w", err)
	}
	return claims, nil
}

func scanClaim(row pgx.CollectableRow) (*claim, error) {
	c := &claim{}
	var m member
	var contact, template, site string
	var sendAt *time.Time
	var age *float64
	err := row.Scan(&c.ID, &c.RuleID, &c.EntityID, &c.manualID,
		&c.receiver.rowID, &c.receiver.kind, &c.receiver.id,
		&c.scheduledAt, &c.createdAt, &c.voided, &c.attempts, &c.reason,
		&contact, &template, &site, &sendAt, &age, &c.outranked,
		&m.requestID, &m.contactID, &m.phone)
	if m.requestID != 0 {
		c.member, c.receiver.phone = &m, m.phone
	}
	if err != nil || age == nil {
		return c, err
	}
	c.sent = &mark{site: site, contactID: contact, age: time.Duration(*age * float64(time.Second)), readAt: time.Now()}
	if c.sent.templateID, err = parseTemplateID(template); err != nil {
		return c, fmt.Errorf("read marker of %s: %w", c, err)
	}
	c.sent.sendAt = *sendAt
	return c, nil
}

// release gives a claim back untouched, so that it is due at once again.
func (q *queue) release(ctx context.Context, now time.Time, c *claim) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	_, err := replan(q.pool, func() (struct{}, error) { return struct{}{}, q.releaseBy(ctx, q.pool, now, c) })
	return err
}

// querier runs a statement: a pool, or a transaction.
type querier interface {
	Exec(ctx context.Context, sql string, arguments ...any) (pgconn.CommandTag, error)
	QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row
}

func (q *queue) releaseBy(ctx context.Context, db querier, now time.Time, c *claim) error {
	_, err := db.Exec(ctx, `
		update messenger.delivery
		   set state = case when $4 then 'uncertain' else 'waiting' end,
		       sending_since = case when $4 then sending_since end,
		       claimed_by = null, claimed_until = null, next_attempt_at = $3, updated_at = now()
		 where request_id = $1 and claimed_by = $2`, c.ID, c.holder, now, c.sent != nil)
	if err != nil {
		return fmt.Errorf("release %s: %w", c, err)
	}
	return nil
}
