package dispatch

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// stamp is the time that we write into Avni's rows and, as what we know of them, into
// our own. Avni's columns round to milliseconds: a finer time would come back as
// another one, and look like somebody else's change.
const stamp = `now()::timestamptz(3)`

// settleSQL writes a verdict, if the claim is still its holder's: the delivery, Avni's
// row where it says something else, and the attempt. Avni's row is locked first, in
// the order in which claims lock. A change of Avni's row that nobody has looked at
// yet, made by somebody else since the claim, stays visible as one. What was cancelled
// by hand stays so, whatever is found out about a send of it, but acceptance.
func settleSQL(locked string) string {
	return `
with q as materialized (` + locked + `
       for update
), mine as (
    update messenger.delivery d
       set state = @state, attempts = case when @outcome = 'under_way' then 0 when @counted then d.attempts + 1 else d.attempts end,
           next_attempt_at = @next, claimed_by = null, claimed_until = null,
           sending_since = case when @maybe_sent then d.sending_since end,
           phone = case when d.contact_id is null then coalesce(@phone, d.phone) else d.phone end,
           parameters = coalesce(@parameters, d.parameters), cause = @cause,
           glific_message_id = coalesce(@message_id, d.glific_message_id),
           accepted_at = case when @state = 'accepted' then now() end,
           reason = case when d.reason = 'cancelled' and @state <> 'accepted' then d.reason else @reason end, detail = @detail, updated_at = now(),
           request_modified_at = case when q.differs and q.modified = d.request_modified_at
                                      then ` + stamp + ` else d.request_modified_at end
      from q
     where d.request_id = q.id and d.claimed_by = @holder
    returning d.request_id, d.site
), followed as (` + followSQL + `
), avni as (
    update public.message_request_queue m
       set delivery_status = q.status, is_voided = m.is_voided or @void,
           delivered_date_time = case when @state = 'accepted' then now() else m.delivered_date_time end,
           last_modified_date_time = ` + stamp + `, last_modified_by_id = coalesce(@user, m.last_modified_by_id)
      from q, mine
     where m.id = q.id and q.differs
), contact as (
    update public.message_receiver r
       set external_id = @contact, last_modified_date_time = now(), last_modified_by_id = coalesce(@user, r.last_modified_by_id)
      from mine
     where @contact <> '' and r.id = @receiver and r.external_id is distinct from @contact
), logged as (
    insert into messenger.attempt (request_id, organisation_id, outcome, reason, detail, glific_message_id, duration_ms)
    select request_id, @organisation, @outcome, @reason, @detail, @message_id, @duration
      from mine
     where @log
)
select count(*) from mine`
}

var (
	settleRequestSQL = settleSQL(`
    select id, last_modified_date_time as modified, ` + statusOf("@status") + ` as status,
           ` + statusOf("@status") + ` <> delivery_status or (@void and not is_voided and delivery_status <> 'Sent') as differs
      from public.message_request_queue q
     where id = @request`)
	settleMemberSQL = settleSQL(`
    select id, null::timestamptz as modified, null as status, false as differs
      from messenger.group_member
     where id = @request`)
)

// settleTimeout bounds the writing of a verdict. It does not depend on whether the
// process is being stopped: what is known about a send must not be forgotten.
const settleTimeout = 5 * time.Second

// settle writes what came of a claim and gives it up. False: the claim was lost, and
// nothing is written.
func (q *queue) settle(ctx context.Context, now time.Time, c *claim, v verdict, ch change, user int64) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	return replan(q.pool, func() (bool, error) { return q.settleBy(ctx, q.pool, now, c, v, ch, user) })
}

func (q *queue) settleBy(ctx context.Context, db querier, now time.Time, c *claim, v verdict, ch change, user int64) (bool, error) {
	next := pgtype.Timestamptz{Time: now.Add(ch.wait), Valid: true}
	if ch.forever {
		next = pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}
	}
	sql := settleRequestSQL
	if c.member != nil {
		sql = settleMemberSQL
	}
	var rows int
	err := db.QueryRow(ctx, sql, pgx.NamedArgs{
		"request": c.ID, "holder": c.holder, "organisation": q.organisation,
		"state": ch.state, "status": orNull(string(ch.status)), "void": ch.void, "counted": ch.counted,
		"now": now, "first_look": now.Add(firstLook), "next": next, "maybe_sent": ch.maybeSent, "user": orNull(user),
		"outcome": v.outcome, "reason": orNull(string(v.reason)), "detail": orNull(storable(v.detail)),
		"message_id": orNull(v.messageID), "phone": orNull(string(v.message.phone)), "parameters": v.message.parameters, "cause": orNull(v.hangsOn()),
		"contact": v.message.contactID, "receiver": c.receiver.rowID,
		"duration": v.took.Milliseconds(), "log": !v.repeats() || c.reason != v.reason && c.reason != Cancelled,
	}).Scan(&rows)
	if err != nil {
		return false, fmt.Errorf("record %s of %s: %w", v.outcome, c, err)
	}
	return rows == 1, nil
}

// storable is a text as Postgres can keep it: a rule's error may hold anything.
func storable(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "�"), "\x00", "")
}

func orNull[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}
