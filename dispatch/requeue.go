package dispatch

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// RequeueOptions say how a request is requeued.
type RequeueOptions struct {
	// DueNow makes the request due at once, whenever it was due before.
	DueNow bool
	// NotAtGlific: somebody has looked, and Glific does not have the message. A send that
	// may have been accepted is then not asked about any more, but repeated.
	NotAtGlific bool
}

// Requeue lets a request be tried again, at once and with all its attempts: one that
// waits after a failure, was held, was refused or has expired. Of one that was cancelled
// the cancellation is taken back: it goes out when it is due. What Glific has accepted
// is never sent again, and what it may have accepted is asked about first, unless
// somebody has done so. The error is a *NotPossible if the request stands otherwise, else
// trouble with the database.
func (h ByHand) Requeue(ctx context.Context, id int64, o RequeueOptions) (Standing, error) {
	now := time.Now()
	return h.change(ctx, id, func(tx pgx.Tx, r *lockedRequest) error {
		if err := h.requeueable(r, o, now); err != nil {
			return err
		}
		if r.Reason == Cancelled {
			if err := r.uncancel(ctx, tx, now); err != nil {
				return err
			}
		}
		// A settled delivery begins anew when its request was modified by somebody else.
		_, err := tx.Exec(ctx, `
			update public.message_request_queue q
			   set is_voided = false, delivery_status = `+statusOf("'NotSent'")+`,
			       scheduled_date_time = case when $2 then $3 else scheduled_date_time end,
			       last_modified_by_id = coalesce($4, last_modified_by_id),
			       last_modified_date_time = greatest(`+stamp+`, last_modified_date_time + interval '1 ms')
			 where id = $1`, id, o.DueNow, now, r.user)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			update messenger.delivery
			   set state = case when state = 'uncertain' and $3 then 'waiting' else state end, attempts = 0, next_attempt_at = $2,
			       sending_since = case when $3 then null else sending_since end, updated_at = now()
			 where request_id = $1 and (state = 'waiting' or $3)`, id, now, o.NotAtGlific)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			insert into messenger.attempt (request_id, organisation_id, outcome, reason, duration_ms)
			values ($1, $2, 'requeued', nullif($3, ''), 0)`, id, r.OrganisationID, r.Reason)
		return err
	})
}

func (h ByHand) requeueable(r *lockedRequest, o RequeueOptions, now time.Time) error {
	switch {
	case r.sent || r.State == string(stateAccepted):
		return notPossible("it is sent: Glific has accepted it, or avni-server says so")
	case r.voided && r.Reason != Cancelled:
		return notPossible("it is voided: what it is about is not wanted any more")
	case r.State == "claimed", r.State == "sending":
		return notPossible("it is being delivered at this moment")
	case r.State == string(stateUncertain) && r.Reason != Cancelled && !o.NotAtGlific:
		return notPossible("Glific may have accepted it; it is asked, and the message is sent again if it has not. " +
			"If you have looked at the contact in Glific and it is not there: --not-at-glific")
	case o.DueNow:
		return nil
	case r.ScheduledAt.After(now) && r.Reason != Cancelled:
		return notPossible("it is due at %s; --due-now makes it due now", r.ScheduledAt.Local().Format(time.DateTime))
	case r.ScheduledAt.Before(now.Add(-h.Window)):
		return notPossible("it was due at %s, too long ago to be sent as it is; --due-now makes it due now", r.ScheduledAt.Local().Format(time.DateTime))
	}
	return nil
}
