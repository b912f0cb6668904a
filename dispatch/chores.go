package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// doChores does, once per poll interval, what nobody waits for: it looks through the
// whole queue, ends requests that came too late or are not wanted any more, lets refused
// ones be tried again whose cause has changed, counts what waits, and forgets what is
// old. False: it is not time yet.
func (w *worker) doChores(ctx context.Context) bool {
	now := w.now()
	if now.Before(w.chores) {
		return false
	}
	chores := []func(context.Context, time.Time) error{w.queue.sight.sweep, w.withdraw, w.endMembers, w.wakeGroups, w.survey, w.prune}
	if !w.retried {
		chores = append(chores, w.tryHeldAgain)
	}
	if !now.Before(w.expiry) && !w.settings.DryRun {
		chores = append(chores, w.expire)
		w.expiry = now.Add(min(w.settings.Window/100, longestExpiry))
	}
	if !w.settings.DryRun {
		chores = append(chores, w.reviveRefused)
	}
	w.chores = now.Add(w.settings.PollInterval)
	for _, chore := range chores {
		if err := chore(ctx, now); err != nil && ctx.Err() == nil {
			w.troubled(err)
		}
	}
	return true
}

// longestExpiry is how long at most requests that came too late stay as they are.
const longestExpiry = 10 * time.Minute

// tryHeldAgain lets messages that the options of an earlier run held be looked at
// under the present ones.
func (w *worker) tryHeldAgain(ctx context.Context, now time.Time) error {
	_, err := w.options.Pool.Exec(ctx, `
		update messenger.delivery set next_attempt_at = $2
		 where organisation_id = $1 and state = 'waiting' and next_attempt_at = 'infinity'`, w.queue.organisation, now)
	if err != nil {
		return fmt.Errorf("free held requests: %w", err)
	}
	w.retried = true
	return nil
}

// expireSize is how many requests end in one transaction.
const expireSize = 500

// expireSQL ends requests that were due before the window began. What avni-server has
// given up before we came stays as it is.
var expireSQL = `
with old as materialized (
    select q.id` + fromQueue + `
     where q.organisation_id = @organisation and not q.is_voided
       and q.delivery_status <> 'Sent' and q.delivered_date_time is null
       and q.scheduled_date_time < @since
       and (d.request_id is null and q.delivery_status = 'NotSent'
            or d.state = 'waiting' or ` + abandoned + `)
     limit @size
       for update of q skip locked
), ended as (
    insert into messenger.delivery as d (request_id, organisation_id, state, reason, request_modified_at)
    select id, @organisation, 'expired', 'expired', ` + stamp + ` from old
        on conflict (request_id) do update
       set state = 'expired', reason = case when d.reason = 'cancelled' then d.reason else 'expired' end, detail = d.reason, claimed_by = null, claimed_until = null,
           request_modified_at = excluded.request_modified_at, updated_at = now()
     where d.state = 'waiting' or ` + abandoned + `
    returning d.request_id
), avni as (
    update public.message_request_queue q
       set delivery_status = ` + statusOf("'Failed'") + `, last_modified_date_time = ` + stamp + `, last_modified_by_id = coalesce(@user, q.last_modified_by_id)
      from ended where q.id = ended.request_id
), logged as (
    insert into messenger.attempt (request_id, organisation_id, outcome, reason, duration_ms)
    select request_id, @organisation, 'expired', 'expired', 0 from ended
)
select request_id from ended order by request_id`

func (w *worker) expire(ctx context.Context, now time.Time) error {
	user := orNull(w.organisation().ActingUserID)
	for {
		ended, err := replan(w.options.Pool, func() ([]int64, error) {
			rows, _ := w.options.Pool.Query(ctx, expireSQL, w.queue.arguments(now, pgx.NamedArgs{"size": expireSize, "user": user}))
			return pgx.CollectRows(rows, pgx.RowTo[int64])
		})
		if err != nil {
			return fmt.Errorf("end requests that came too late: %w", err)
		}
		if len(ended) == 0 {
			return nil
		}
		w.metrics.countExpired(w.name, len(ended))
		w.tellAll(slog.LevelWarn, Expired, ended)
	}
}

// survey counts what waits.
func (w *worker) survey(ctx context.Context, now time.Time) error {
	if err := w.countDue(ctx); err != nil {
		return err
	}
	if _, paused := w.brake.describe(now); !paused {
		w.metrics.paused.WithLabelValues(w.name).Set(0)
	}
	return nil
}
