package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// nextDueSQL takes the first entry of either index. Of a claim, the next attempt is
// when its lease ends. What is due already was claimed, or somebody has locked it and
// will be seen to let it go.
const nextDueSQL = `
select least(
    (select scheduled_date_time
       from public.message_request_queue
      where organisation_id = @organisation and not is_voided and delivery_status <> 'Sent' and scheduled_date_time > @now
      order by scheduled_date_time limit 1),
    (select nullif(next_attempt_at, 'infinity')
       from messenger.delivery
      where organisation_id = @organisation and state in ('waiting', 'claimed', 'sending', 'uncertain') and next_attempt_at > @now
      order by next_attempt_at limit 1))`

// nextDue is when there is something to do next; zero if nothing is in sight.
func (q *queue) nextDue(ctx context.Context, now time.Time) (time.Time, error) {
	next, err := replan(q.pool, func() (next *time.Time, err error) {
		err = q.pool.QueryRow(ctx, nextDueSQL, pgx.NamedArgs{"organisation": q.organisation, "now": now}).Scan(&next)
		return next, err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("look for the next request: %w", err)
	}
	if next == nil {
		return time.Time{}, nil
	}
	return *next, nil
}

// MostCounted is how many due requests are counted; Status.Due is one more if there are more.
const MostCounted = 1000

// dueSQL counts what waits to be sent, whether it can be claimed at the moment or not.
var dueSQL = `
select count(*) from (
    select` + fromQueue + `
     where ` + unsent + ` and ` + inWindow + `
       and (d.request_id is null or d.state in ('waiting', 'uncertain', 'claimed', 'sending') and d.next_attempt_at <> 'infinity'
            or ` + revived("q.last_modified_date_time") + `)
     limit @most) due`

// due is how many requests are due and not held, up to one more than MostCounted.
func (q *queue) due(ctx context.Context, now time.Time) (int, error) {
	var n int
	if err := q.pool.QueryRow(ctx, dueSQL, q.arguments(now, pgx.NamedArgs{"most": MostCounted + 1})).Scan(&n); err != nil {
		return 0, fmt.Errorf("count due requests: %w", err)
	}
	return n, nil
}
