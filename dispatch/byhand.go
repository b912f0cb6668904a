package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ByHand changes single requests because an operator says so, beside running
// dispatchers, which see it by themselves. Safe for concurrent use.
type ByHand struct {
	Pool          *pgxpool.Pool
	Organisations []Organisation // whose queue is delivered; the requests of others are left alone
	Window        time.Duration  // as in Settings
}

// Standing is how a request stood when somebody wanted something else of it.
type Standing struct {
	RequestID      int64 // message_request_queue.id
	OrganisationID int32
	ScheduledAt    time.Time
	State          string // messenger.delivery.state; "": no attempt was made yet
	Reason         Reason // of that state, if it has one
}

// NotPossible is the error for a request that does not stand so that it could be changed
// in the way that was asked for. Nothing was changed.
type NotPossible struct{ Why string }

func (n *NotPossible) Error() string { return n.Why }

func notPossible(format string, args ...any) error {
	return &NotPossible{fmt.Sprintf(format, args...)}
}

// lockedRequest is a request as it is under the lock of its row.
type lockedRequest struct {
	Standing
	voided, sent bool
	user         *int64 // for last_modified_by_id, if the organisation has one
}

// change changes one request in a transaction that holds the lock of its row, as a claim
// and a verdict do.
func (h ByHand) change(ctx context.Context, id int64, change func(pgx.Tx, lockedRequest) error) (Standing, error) {
	var r lockedRequest
	err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error {
		if err := h.lock(ctx, tx, id, &r); err != nil {
			return err
		}
		return change(tx, r)
	})
	var no *NotPossible
	if err != nil && !errors.As(err, &no) {
		return r.Standing, fmt.Errorf("change request %d: %w", id, err)
	}
	return r.Standing, err
}

func (h ByHand) lock(ctx context.Context, tx pgx.Tx, id int64, r *lockedRequest) error {
	err := tx.QueryRow(ctx, `
		select id, organisation_id, scheduled_date_time, is_voided, delivery_status = 'Sent' or delivered_date_time is not null
		  from public.message_request_queue where id = $1 for update`, id).
		Scan(&r.RequestID, &r.OrganisationID, &r.ScheduledAt, &r.voided, &r.sent)
	if errors.Is(err, pgx.ErrNoRows) {
		return notPossible("there is no such row in message_request_queue")
	}
	if err != nil {
		return err
	}
	i := slices.IndexFunc(h.Organisations, func(o Organisation) bool { return o.ID == r.OrganisationID })
	if i < 0 {
		return notPossible("it belongs to organisation %d, whose messages avni-messenger does not deliver as it is configured here", r.OrganisationID)
	}
	r.user = orNull(h.Organisations[i].ActingUserID)
	// Only now: who held the lock has written by then what they did.
	err = tx.QueryRow(ctx, `select state, coalesce(reason, '') from messenger.delivery where request_id = $1`, id).Scan(&r.State, &r.Reason)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}
