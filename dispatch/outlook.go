package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// nextDueSQL takes the first entry of either index. Of a claim, the next attempt is
// when its lease ends. What was due already was claimed, or somebody has locked it and
// will be seen to let it go.
const nextDueSQL = `
select least(
    (select scheduled_date_time
       from public.message_request_queue
      where organisation_id = @organisation and not is_voided and delivery_status <> 'Sent' and scheduled_date_time > @claimed
      order by scheduled_date_time limit 1),
    (select nullif(next_attempt_at, 'infinity')
       from messenger.delivery
      where organisation_id = @organisation and state in ('waiting', 'claimed', 'sending', 'uncertain') and next_attempt_at > @claimed
      order by next_attempt_at limit 1))`

// nextDue is when there is something to do that was not due yet at the time of a claim;
// perhaps it is by now. Zero if nothing is in sight.
func (q *queue) nextDue(ctx context.Context, claimed time.Time) (time.Time, error) {
	next, err := replan(q.pool, func() (next *time.Time, err error) {
		err = q.pool.QueryRow(ctx, nextDueSQL, pgx.NamedArgs{"organisation": q.organisation, "claimed": claimed}).Scan(&next)
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

// dueSQL counts what waits to be sent, whether it can be claimed at the moment or not:
// what is open, what is in sight, and what has become due or was modified since it was
// looked.
var dueSQL = `
select count(*) from (
    (select q.id` + fromQueue + `
      where d.organisation_id = @organisation and d.state in ('waiting', 'claimed', 'sending', 'uncertain') and d.next_attempt_at < 'infinity'
        and ` + unsent + ` and ` + inWindow + `
      order by d.next_attempt_at
      limit @most)
    union
    (select q.id` + fromQueue + `
      where q.id = any(@seen) and ` + unsent + ` and ` + inWindow + ` and ` + fresh + `)
    union
    (select q.id` + fromQueue + `
      where ` + unsent + ` and not q.is_voided and q.scheduled_date_time between @from and @now and ` + fresh + `
      limit @most)
    union
    (select q.id` + fromQueue + `
      where ` + unsent + ` and ` + inWindow + ` and q.last_modified_date_time >= now() - @ago::interval and ` + fresh + `
      limit @most)
    limit @most) due`

// due is how many requests are due and not held, up to one more than MostCounted.
func (q *queue) due(ctx context.Context, now time.Time) (int, error) {
	const most = MostCounted + 1
	seen, upTo, ago := q.sight.first(most)
	arguments := q.arguments(now, pgx.NamedArgs{"most": most, "seen": seen, "ago": ago})
	arguments["from"] = upTo
	if oldest := now.Add(-q.settings.Window); upTo.Before(oldest) {
		arguments["from"] = oldest
	}
	return replan(q.pool, func() (n int, err error) {
		if err = q.pool.QueryRow(ctx, dueSQL, plannedAnew, arguments).Scan(&n); err != nil {
			err = fmt.Errorf("count due requests: %w", err)
		}
		return n, err
	})
}
