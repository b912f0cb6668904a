package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// How long is kept what no decision hangs on any more.
const (
	keepAttempts   = 30 * 24 * time.Hour // as the trigger log
	keepDeliveries = 90 * 24 * time.Hour // and receipts
	pruneEvery     = time.Hour
	pruneSize      = 1000 // rows in one statement
)

// pruneSQL deletes what is older than it need be, of whatever organisation, one small part
// at a time. It waits for nobody.
//
// What was accepted stays for ever, as does what may have been: that nothing is sent twice
// hangs on it, also for another request of the same rule and entity. So does what was
// cancelled. Of all else, only what would be claimed without a delivery as it would be with
// it is deleted, and so nothing that is in the window, or would be once it is due. Members
// of a group are deleted together when the message to the group is completed, and so never
// begun again.
var pruneSQL = map[string]string{
	"attempts": `
delete from messenger.attempt
 where id in (select id from messenger.attempt where at < now() - @keep_attempts::interval order by at limit @size for update skip locked)`,

	"receipts": `
delete from messenger.receipt
 where (request_id, message_id) in (select request_id, message_id from messenger.receipt
         where accepted_at < now() - @keep::interval and next_look_at is null
         order by accepted_at limit @size for update skip locked)`,

	"deliveries": `
delete from messenger.delivery
 where request_id in (select d.request_id from messenger.delivery d
         where ` + settled + ` and d.request_id > 0 and d.sending_since is null and d.reason is distinct from 'cancelled'
           and d.updated_at < now() - @keep::interval
           and not exists (select from public.message_request_queue q
                            where q.id = d.request_id and not q.is_voided and not ` + sentByAvni + ` and q.scheduled_date_time >= @since)
         order by d.updated_at limit @size for update skip locked)`,

	"members": `
with old as materialized (
    select m.id
      from messenger.group_member m
      join messenger.delivery g on g.request_id = m.request_id
      join messenger.delivery d on d.request_id = m.id
     where g.state = 'accepted' and g.accepted_at < now() - @keep::interval and (d.state = 'accepted' or ` + settled + `) and d.sending_since is null
     limit @size
       for update of d skip locked
), gone as (
    delete from messenger.group_member m using old where m.id = old.id
)
delete from messenger.delivery d using old where d.request_id = old.id`,
}

// prune deletes one part of each and, unless there is more, rests for a while.
func (w *worker) prune(ctx context.Context, now time.Time) error {
	if now.Before(w.pruning) {
		return nil
	}
	arguments := pgx.NamedArgs{
		"keep_attempts": keepAttempts, "keep": max(keepDeliveries, 2*w.settings.Window), "size": pruneSize, "since": now.Add(-w.settings.Window),
	}
	more := false
	for what, sql := range pruneSQL {
		tag, err := w.options.Pool.Exec(ctx, sql, plannedAnew, arguments)
		if err != nil {
			return fmt.Errorf("delete old %s: %w", what, err)
		}
		more = more || tag.RowsAffected() == pruneSize
	}
	if !more {
		w.pruning = now.Add(pruneEvery)
	}
	return nil
}
