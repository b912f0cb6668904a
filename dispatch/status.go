package dispatch

import (
	"context"
	"time"
)

// Status is how the deliveries of one organisation do.
type Status struct {
	OrganisationID int32
	Name           string

	LastSuccess time.Time // when Glific last accepted a message in this process; zero: not yet

	Paused      Reason    // why nothing is sent at the moment; empty if all is well
	PausedFor   string    // where and what in particular, such as "api.example.org: connection refused"
	PausedSince time.Time // when that was first met with
	PausedUntil time.Time // when Glific is tried again; zero: with the next message
	QuietUntil  time.Time // when the quiet hours end; zero outside of them
	Trouble     string    // our own, such as a database that does not answer; empty if none

	ReceiptFailures []ReceiptFailure // messages accepted in the last 24 h that failed then, most of them first

	Due int // requests that are due and not held; MostCounted+1 if there are more
}

// countLimit bounds the counting for all statuses: /health is asked by those who do
// not wait long.
const countLimit = time.Second

// count counts what is due and what has failed.
func (w *worker) count(ctx context.Context) error {
	if err := w.countDue(ctx); err != nil {
		return err
	}
	return w.countFailures(ctx)
}

// countDue counts what is due.
func (w *worker) countDue(ctx context.Context) error {
	due, err := w.queue.due(ctx, w.now())
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.Due = due
	return nil
}

func (w *worker) status() Status {
	now := w.now()
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.seen
	s.OrganisationID, s.Name = w.of.ID, w.of.Name
	if p, paused := w.brake.describe(now); paused {
		s.Paused, s.PausedFor, s.PausedSince = p.reason, p.cause, p.since
		if p.until.After(now) {
			s.PausedUntil = p.until
		}
	}
	if until, quiet := w.settings.QuietHours.End(now); quiet {
		s.QuietUntil = until
	}
	return s
}

func (w *worker) succeeded() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.LastSuccess = w.now()
}
