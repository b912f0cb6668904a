package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var errClaimLost = errors.New("the claim is lost")

// hold renews a claim while work is done that may take longer than its lease, so that
// the lease tells the dead from the slow. The work's context ends when the claim is seen
// to be somebody else's; the error is errClaimLost then.
func (q *queue) hold(ctx context.Context, c *claim, work func(context.Context)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- q.renew(c, done, cancel) }()
	work(ctx)
	close(done)
	return <-ended
}

// renew extends the claim again and again until the work is done. What fails is tried
// again, for as long as the lease has not run out.
func (q *queue) renew(c *claim, done <-chan struct{}, lose func()) error {
	ticker := time.NewTicker(q.settings.Lease / 4)
	defer ticker.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-ticker.C:
		}
		if err := q.extend(c); errors.Is(err, errClaimLost) {
			lose()
			return err
		}
	}
}

// extend has a claim last for one more lease. The error is errClaimLost if it is
// somebody else's by now.
func (q *queue) extend(c *claim) error {
	ctx, cancel := context.WithTimeout(context.Background(), settleTimeout)
	defer cancel()
	tag, err := q.pool.Exec(ctx, `
		update messenger.delivery set claimed_until = clock_timestamp() + $3::interval, next_attempt_at = clock_timestamp() + $3::interval
		 where request_id = $1 and claimed_by = $2`, c.ID, c.holder, q.settings.Lease)
	if err != nil {
		return fmt.Errorf("extend claim of %s: %w", c, err)
	}
	if tag.RowsAffected() == 0 {
		return errClaimLost
	}
	return nil
}
