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
	State          string  // messenger.delivery.state; "": no attempt was made yet
	Reason         Reason  // of that state, if it has one
	MaybeSent      bool    // a send may have reached Glific
	Twins          []int64 // other requests of the same rule and entity that were changed with it
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
	sendingNow   bool    // somebody holds a lease to send it
	family       []int64 // it and the requests of its rule and entity, all locked
	user         *int64  // for last_modified_by_id, if the organisation has one
}

// change changes one request in a transaction that holds the locks under which the rules
// write requests of its rule and entity, and those of a claim and a verdict.
func (h ByHand) change(ctx context.Context, id int64, change func(pgx.Tx, *lockedRequest) error) (Standing, error) {
	var r lockedRequest
	err := pgx.BeginFunc(ctx, h.Pool, func(tx pgx.Tx) error {
		if err := h.lock(ctx, tx, id, &r); err != nil {
			return err
		}
		return change(tx, &r)
	})
	var no *NotPossible
	if err != nil && !errors.As(err, &no) {
		return r.Standing, fmt.Errorf("change request %d: %w", id, err)
	}
	return r.Standing, err
}

func (h ByHand) lock(ctx context.Context, tx pgx.Tx, id int64, r *lockedRequest) error {
	if err := r.lockFamily(ctx, tx, id); err != nil {
		return err
	}
	err := tx.QueryRow(ctx, `
		select id, organisation_id, scheduled_date_time, is_voided, delivery_status = 'Sent' or delivered_date_time is not null
		  from public.message_request_queue where id = $1`, id).
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
	err = tx.QueryRow(ctx, `
		select state, coalesce(reason, ''), sending_since is not null, state = 'sending' and claimed_until >= now()
		  from messenger.delivery where request_id = $1`, id).Scan(&r.State, &r.Reason, &r.MaybeSent, &r.sendingNow)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// lockFamily locks in the order of everybody else: the right to write requests of a rule
// and an entity, the requests by their ids, their deliveries. Each is a statement of its
// own: who held the lock has written by then what they did.
func (r *lockedRequest) lockFamily(ctx context.Context, tx pgx.Tx, id int64) error {
	_, err := tx.Exec(ctx, `
		select pg_advisory_xact_lock(message_rule_id::integer, entity_id::integer)
		  from public.message_request_queue where id = $1 and message_rule_id is not null and entity_id is not null`, id)
	if err != nil {
		return err
	}
	err = tx.QueryRow(ctx, `
		select coalesce(array_agg(id), '{}') from (
			select id from public.message_request_queue where id = $1
			union
			select t.id from public.message_request_queue q
			  join public.message_request_queue t on t.organisation_id = q.organisation_id and t.message_rule_id = q.message_rule_id and t.entity_id = q.entity_id
			 where q.id = $1) family`, id).Scan(&r.family)
	if err != nil {
		return err
	}
	if _, err = tx.Exec(ctx, `select from public.message_request_queue where id = any($1) order by id for update`, r.family); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `select from messenger.delivery where request_id = any($1) order by request_id for update`, r.family)
	return err
}
