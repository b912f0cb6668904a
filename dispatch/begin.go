package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// beginSQL leaves the claim's holder the time of the send and of one more lease. The
// send time of a new message lies below all those of the last hour, so that it is
// found without looking for gaps.
func beginSQL(from, queued string) string {
	return `
update messenger.delivery d
   set state = 'sending', contact_id = @contact, site = @site, phone = @phone, template_id = @template, parameters = @parameters,
       send_at = coalesce(
           case when d.contact_id = @contact and d.template_id = @template then d.send_at end,
           (select least(date_trunc('second', @now::timestamptz), min(o.send_at)) - @step * interval '1 second'
              from messenger.delivery o
             where o.organisation_id = d.organisation_id and o.contact_id = @contact and o.template_id = @template
               and o.send_at > @now::timestamptz - interval '1 hour')),
       rule_id = @rule, entity_id = @entity, sending_since = clock_timestamp(), claimed_until = clock_timestamp() + @lease::interval,
       next_attempt_at = clock_timestamp() + @lease::interval, updated_at = now()
  from ` + from + `
 where d.request_id = @request and d.claimed_by = @holder and ` + queued + `
   and not q.is_voided and q.delivery_status <> 'Sent' and q.delivered_date_time is null and q.scheduled_date_time <= @now
   and not ` + heldSQL("d.organisation_id") + `
returning d.send_at`
}

var (
	beginRequestSQL = beginSQL(`public.message_request_queue q`, `q.id = d.request_id`)
	beginMemberSQL  = beginSQL(`messenger.group_member m join public.message_request_queue q on q.id = m.request_id`,
		`m.id = d.request_id and m.left_at is null`)
)

// begin records that a message is about to be sent, and by which send time it can be
// recognised at Glific afterwards: a past whole second that no other message of ours
// to this contact with this template has. A request keeps its send time for the same
// contact and template. False: the claim is lost, the request is not due any more, or
// the organisation is held.
// The error is errOutranked if another request is sent in its place.
func (q *queue) begin(ctx context.Context, now time.Time, c *claim, m message) (sendAt time.Time, ok bool, err error) {
	arguments := pgx.NamedArgs{
		"request": c.ID, "holder": c.holder, "now": now, "lease": q.settings.SendTimeout + q.settings.Lease,
		"contact": m.contactID, "site": m.site, "phone": string(m.phone), "template": m.templateText(), "parameters": m.parameters,
		"rule": orNull(c.RuleID), "entity": orNull(c.EntityID), "step": 1,
	}
	sql := beginRequestSQL
	if c.member != nil {
		sql = beginMemberSQL
	}
	for try := range 10 {
		sendAt, err = replan(q.pool, func() (at time.Time, err error) {
			err = q.pool.QueryRow(ctx, sql, arguments).Scan(&at)
			return at, err
		})
		if !isTaken(err) { // by a message to the same contact at the same moment
			break
		}
		arguments["step"] = 1 + rand.IntN(4<<try) // apart from the others who try again
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return time.Time{}, false, nil
	case isOutranked(err):
		return time.Time{}, false, errOutranked
	case err != nil:
		return time.Time{}, false, fmt.Errorf("record send of %s: %w", c, err)
	}
	return sendAt, true, nil
}

func isTaken(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "23505" && e.ConstraintName == "delivery_send_marker"
}
