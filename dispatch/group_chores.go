package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// reached is true of a request q to a group of whose members some got the message, from
// us or from avni-server.
const reached = `(
    exists (select from messenger.group_member gm join messenger.delivery gd on gd.request_id = gm.id
             where gm.request_id = q.id and (gd.state = 'accepted' or gd.reason = 'sent_before'))
    or q.delivery_status = 'PartiallySent' and exists (select from public.manual_message mm where mm.id = q.manual_message_id and mm.next_trigger_details is not null))`

// statusOf is what delivery_status of a request q becomes instead of the given one: a
// message to a group that is under way is not NotSent again, nor Failed if some members
// got it. What somebody else has marked as sent stays so.
func statusOf(status string) string {
	return `case when q.delivery_status = 'Sent' then 'Sent' when q.delivery_status = 'PartiallySent' and (` + status + ` = 'NotSent' or ` + status + ` = 'Failed' and ` + reached + `)
            then 'PartiallySent' else coalesce(` + status + `, q.delivery_status) end`
}

// endMembersSQL ends messages to members who have left meanwhile, or that are too late
// or not wanted any more. It waits for nobody who is writing.
var endMembersSQL = `
with gone as materialized (
    select d.request_id, case when m.left_at is not null then 'left_group'
                              when q.scheduled_date_time < @since and not q.is_voided then 'expired' else 'withdrawn' end as reason
      from messenger.delivery d
      join messenger.group_member m on m.id = d.request_id
      left join public.message_request_queue q on q.id = m.request_id
      left join messenger.delivery g on g.request_id = q.id
     where d.organisation_id = @organisation and d.request_id < 0 and (d.state = 'waiting' or ` + abandoned + `)
       and (m.left_at is not null or not coalesce(` + memberWanted + `, false) or q.scheduled_date_time < @since
            or g.state in ('refused', 'expired', 'withdrawn') and g.request_modified_at = q.last_modified_date_time)
       for update of d skip locked
)
update messenger.delivery d
   set state = case gone.reason when 'expired' then 'expired' else 'withdrawn' end, reason = gone.reason, detail = d.reason,
       claimed_by = null, claimed_until = null, updated_at = now()
  from gone
 where d.request_id = gone.request_id
returning d.reason`

func (w *worker) endMembers(ctx context.Context, now time.Time) error {
	rows, _ := w.options.Pool.Query(ctx, endMembersSQL, w.queue.arguments(now, nil))
	ended, err := pgx.CollectRows(rows, pgx.RowTo[Reason])
	if err != nil {
		return fmt.Errorf("end messages to members of groups: %w", err)
	}
	counts := make(map[Reason]int)
	for _, reason := range ended {
		counts[reason]++
	}
	w.metrics.countExpired(w.name, counts[Expired])
	for reason, n := range counts {
		w.log.Log(ctx, slog.LevelInfo, "members of groups get no message: "+reason.Text(), "reason", reason, "members", n)
	}
	return nil
}

// wakeGroups lets messages to groups be looked at none of whose members is left.
func (w *worker) wakeGroups(ctx context.Context, now time.Time) error {
	_, err := w.options.Pool.Exec(ctx, `
		update messenger.delivery g set next_attempt_at = $2
		 where g.organisation_id = $1 and g.state = 'waiting' and g.reason = 'group_under_way' and g.next_attempt_at > $2
		   and not exists (select from messenger.group_member m join messenger.delivery d on d.request_id = m.id
		                    where m.request_id = g.request_id and `+openMember+`)`, w.queue.organisation, now)
	if err != nil {
		return fmt.Errorf("look at messages to groups: %w", err)
	}
	return nil
}
