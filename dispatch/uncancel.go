package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// uncancel makes a delivery that was cancelled one that waits or, if a send of it may
// have reached Glific, one that Glific is asked about.
func (r *lockedRequest) uncancel(ctx context.Context, tx pgx.Tx, now time.Time) error {
	if err := r.giveUpTwins(ctx, tx); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `
		update messenger.delivery
		   set state = case when sending_since is null then 'waiting' else 'uncertain' end,
		       reason = case when sending_since is not null then 'lost_answer' end, detail = null,
		       attempts = 0, next_attempt_at = $2, updated_at = now()
		 where request_id = $1`, r.RequestID, now)
	if err != nil {
		return err
	}
	// The members of a group who were withdrawn with it.
	_, err = tx.Exec(ctx, `
		update messenger.delivery d
		   set state = 'waiting', reason = null, detail = null, attempts = 0, next_attempt_at = $2, updated_at = now()
		  from messenger.group_member m
		 where m.request_id = $1 and d.request_id = m.id and d.state = 'withdrawn' and d.reason = 'withdrawn'`, r.RequestID, now)
	return err
}

// giveUpTwins leaves those that were cancelled with the request for duplicates of it:
// one message is sent, and the rules are to look after it again.
func (r *lockedRequest) giveUpTwins(ctx context.Context, tx pgx.Tx) error {
	var twin int64
	err := tx.QueryRow(ctx, `
		select request_id from messenger.delivery
		 where request_id = any($1) and request_id <> $2 and (sending_since is not null or state = 'accepted')
		 limit 1`, r.family, r.RequestID).Scan(&twin)
	if err == nil {
		return notPossible("request %d, of the same rule for the same entity, is sent, or may have been", twin)
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	_, err = tx.Exec(ctx, `
		update messenger.delivery set reason = 'duplicate', updated_at = now()
		 where request_id = any($1) and request_id <> $2 and reason = 'cancelled'`, r.family, r.RequestID)
	return err
}
