package dispatch

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// withdrawSQL ends waiting requests that somebody has voided or marked Sent. It waits for
// nobody who is writing.
var withdrawSQL = overOpen.part() + `, gone as materialized (
    select d.request_id, q.is_voided, q.last_modified_date_time
      from part join messenger.delivery d using (request_id) ` + requestOf + `
     where (d.state = 'waiting' or ` + abandoned + `)
       and (q.is_voided or ` + sentByAvni + `)
       for update of d skip locked)
update messenger.delivery d
   set state = 'withdrawn', reason = case when not gone.is_voided then 'sent_elsewhere' when d.reason = 'cancelled' then d.reason else 'withdrawn' end, detail = null,
       claimed_by = null, claimed_until = null, request_modified_at = gone.last_modified_date_time, updated_at = now()
  from gone where d.request_id = gone.request_id
returning d.request_id, d.reason`

// withdraw takes note of waiting requests that are not wanted any more, of the next of
// all that wait. None of them is sent meanwhile: that is looked at before each send.
func (w *worker) withdraw(ctx context.Context, now time.Time) error {
	arguments, to, err := w.overOpen.next(ctx, w.queue, now)
	if err != nil {
		return err
	}
	requests := make(map[Reason][]int64)
	var request int64
	var reason Reason
	rows, _ := w.options.Pool.Query(ctx, withdrawSQL, plannedAnew, arguments)
	_, err = pgx.ForEachRow(rows, []any{&request, &reason}, func() error {
		requests[reason] = append(requests[reason], request)
		return nil
	})
	if err != nil {
		return fmt.Errorf("withdraw requests: %w", err)
	}
	w.overOpen.done(to)
	w.tellAll(slog.LevelInfo, Withdrawn, requests[Withdrawn])
	w.tellAll(slog.LevelInfo, Cancelled, requests[Cancelled])
	w.tellAll(slog.LevelWarn, SentElsewhere, requests[SentElsewhere])
	return nil
}
