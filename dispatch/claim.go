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
	claimSeenSQL       = claimSQL(unsent+` and q.id = any(@ids) and `+inWindow, `q.scheduled_date_time`)
	claimOpenSQL       = claimSQL(unsent+` and `+inOpen+` and `+inWindow, `d.next_attempt_at`)
	claimUnresolvedSQL = claimSQL(ours+` and d.organisation_id = @organisation and `+unresolved, `d.next_attempt_at`)

	claimSeenUnjudgedSQL = claimSQL(unsent+` and q.id = any(@ids) and `+inWindow+` and `+unjudged, `q.scheduled_date_time`)
	claimOpenUnjudgedSQL = claimSQL(unsent+` and `+inOpen+` and `+inWindow+` and `+unjudged, `d.next_attempt_at`)
)

// claimSQL takes requests. Rows that another replica is claiming are skipped.
// The condition is repeated on the delivery as it is when it is written: a replica
// that has claimed it since this statement began has not changed the request.
// Where a send may have reached Glific, rule and entity stay as they are: of twins from
// before delivery_sent_once two may be there, and the index must not fail the claim.
func claimSQL(condition, order string) string {
	return `
with due as materialized (
    select q.id, q.message_rule_id, q.manual_message_id, q.entity_id, q.scheduled_date_time, q.created_date_time,
           q.last_modified_date_time, q.is_voided, r.id as receiver_row, r.receiver_type, r.receiver_id,
           d.sending_since is not null as begun, ` + sentByAvni + ` as elsewhere, u.last_modified_date_time as rule_modified_at,
           0 as member_of, '' as member_contact, '' as member_phone` + fromQueue + `
      left join public.message_rule u on u.id = q.message_rule_id
     where ` + condition + `
       and (d.request_id is null or ` + claimable("q.last_modified_date_time") + `)
     order by ` + order + `
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
       extract(epoch from clock_timestamp() - mine.sending_since)::float8, due.id in (select id from outranked), due.elsewhere,
       due.member_of, due.member_contact, due.member_phone
  from mine join due on due.id = mine.request_id
 order by due.scheduled_date_time, due.id`

// claim takes up to ClaimSize messages: requests that nobody has tried yet or that were
// modified since, the first to be due first; then what is to be tried again, what may have
// been sent though it is not due any more, and what goes to members of groups. Of these
// three a quarter each comes first, so that no backlog keeps them waiting for ever.
// An error comes with what was claimed all the same: not everything was looked at.
func (q *queue) claim(ctx context.Context, now time.Time) ([]*claim, error) {
	t := q.taking(ctx, now)
	members, unresolved := t.take(&q.members, claimMembersSQL, t.size/4), t.take(&q.unresolved, claimUnresolvedSQL, t.size/4)
	open := t.take(&q.open, claimOpenSQL, t.size/4)
	t.takeSeen(claimSeenSQL, false)
	if open {
		t.take(&q.open, claimOpenSQL, t.size)
	}
	if unresolved {
		t.take(&q.unresolved, claimUnresolvedSQL, t.size)
	}
	if members {
		t.take(&q.members, claimMembersSQL, t.size)
	}
	return t.claims, t.err
}

// claimUnjudged takes up to ClaimSize requests that are due and of which nothing is
// known yet; errors are as those of claim.
func (q *queue) claimUnjudged(ctx context.Context, now time.Time) ([]*claim, error) {
	t := q.taking(ctx, now)
	open := t.take(&q.openUnjudged, claimOpenUnjudgedSQL, t.size/4)
	t.takeSeen(claimSeenUnjudgedSQL, true)
	if open {
		t.take(&q.openUnjudged, claimOpenUnjudgedSQL, t.size)
	}
	return t.claims, t.err
}

// taking are the claims of one turn.
type taking struct {
	*queue
	ctx    context.Context
	now    time.Time
	size   int
	claims []*claim
	err    error
}

func (q *queue) taking(ctx context.Context, now time.Time) *taking {
	for _, l := range q.lanes() {
		l.missed = false
	}
	return &taking{queue: q, ctx: ctx, now: now, size: q.settings.ClaimSize}
}

// take adds up to most claims, as long as there may be more. True: there were as many.
func (t *taking) take(l *lane, sql string, most int) (full bool) {
	if most = min(most, t.size-len(t.claims)); most == 0 {
		return true
	}
	t.note(l.run(func() (bool, error) {
		more, err := t.claimBy(t.ctx, sql, t.now, most, nil)
		t.claims = append(t.claims, more...)
		full = len(more) == most
		return full, err
	}))
	return full
}

// takeSeen adds claims of what is in sight.
func (t *taking) takeSeen(sql string, unjudged bool) {
	t.note(t.sight.refresh(t.ctx, t.now, t.size, unjudged))
	for len(t.claims) < t.size {
		ids := t.sight.take(t.size-len(t.claims), unjudged)
		if len(ids) == 0 {
			return
		}
		more, err := t.claimBy(t.ctx, sql, t.now, len(ids), ids)
		t.claims = append(t.claims, more...)
		if err != nil {
			t.sight.forget()
			t.note(err)
			return
		}
	}
}

func (t *taking) note(err error) {
	if err != nil {
		t.err = err
	}
}

// rest is how long to wait at most until the next claim, so that what the last one could
// not look at is looked at then.
func (q *queue) rest(most time.Duration) time.Duration { return soonest(most, q.lanes()...) }

func (q *queue) lanes() []*lane {
	return []*lane{&q.members, &q.unresolved, &q.open, &q.openUnjudged, &q.sight.sweeping, &q.sight.changed, &q.sight.ahead}
}

func (q *queue) claimBy(ctx context.Context, sql string, now time.Time, size int, ids []int64) ([]*claim, error) {
	started, holder := time.Now(), uuid.New()
	arguments := q.arguments(now, pgx.NamedArgs{"size": size, "ids": ids, "holder": holder, "lease": q.settings.Lease})
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
		&contact, &template, &site, &sendAt, &age, &c.outranked, &c.elsewhere,
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
