package dispatch

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Cancel voids a request that is not sent, as Avni does with what is not wanted any more.
// An attempt that has begun may still succeed. The error is a *NotPossible if the request
// is sent or voided, else trouble with the database.
func (h ByHand) Cancel(ctx context.Context, id int64) (Standing, error) {
	return h.change(ctx, id, func(tx pgx.Tx, r lockedRequest) error {
		switch {
		case r.sent || r.State == string(stateAccepted):
			return notPossible("it is sent already")
		case r.voided:
			return notPossible("it is voided already")
		}
		_, err := tx.Exec(ctx, `
			update public.message_request_queue
			   set is_voided = true, last_modified_by_id = coalesce($2, last_modified_by_id),
			       last_modified_date_time = greatest(`+stamp+`, last_modified_date_time + interval '1 ms')
			 where id = $1`, id, r.user)
		return err
	})
}
