package rules

import (
	"context"
	"fmt"
	"time"
)

// parityRest is how long the comparer rests at least before it looks again.
const parityRest = 200 * time.Millisecond

const (
	sinceSQL = `insert into messenger.parity_since (organisation_id) select unnest($1::int[]) on conflict do nothing`

	// forgetSinceSQL ends shadow mode for organisations that are served otherwise.
	forgetSinceSQL = `delete from messenger.parity_since where organisation_id = any($1::int[])`

	// unexplainedSQL counts as a report does that looks back by $2.
	unexplainedSQL = `select organisation_id, count(*)::int from messenger.parity
		where verdict = 'different' and cause is null and organisation_id = any($1::int[]) and evaluated_at >= now() - $2::interval group by 1`

	pruneParitySQL = `delete from messenger.parity where (rule_id, source_table, entity_id) in
		(select rule_id, source_table, entity_id from messenger.parity where evaluated_at < now() - interval '30 days' limit 10000 for update skip locked)`
	pruneSendingSQL = `delete from messenger.parity_sending where request_id in
		(select request_id from messenger.parity_sending where recorded_at < now() - interval '30 days' limit 10000 for update skip locked)`
)

// startParity compares beside the work, until ctx ends; then the channel closes.
func (w *Worker) startParity(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c := &comparer{worker: w}
		for ctx.Err() == nil {
			rest := c.do(ctx)
			select {
			case <-ctx.Done():
			case <-time.After(rest):
			}
			select {
			case <-ctx.Done():
			case <-w.requests.told:
			case <-time.After(w.options.PollInterval):
			}
		}
	}()
	return done
}

// comparer compares again and again. Only startParity's goroutine uses it.
type comparer struct {
	worker      *Worker
	swept       time.Time             // when all requests were last looked at
	early       []int64               // requests that were sent and are not compared yet
	unrehearsed map[int64]unrehearsed // requests that were sent and could not be rehearsed
	trouble     string
}

// do compares what is due, and returns for how long to rest.
func (c *comparer) do(ctx context.Context) time.Duration {
	w, began := c.worker, time.Now()
	ids, lost := w.requests.take()
	sweep := lost || began.Sub(c.swept) > upkeepInterval
	err := c.round(ctx, ids, sweep)
	if err != nil {
		w.requests.add(ids...)
		if lost {
			c.swept = time.Time{}
		}
	} else if sweep {
		c.swept = began
	}
	c.tell(ctx, err)
	return max(parityRest, upkeepShare*time.Since(began))
}

func (c *comparer) round(ctx context.Context, ids []int64, sweep bool) error {
	w := c.worker
	shadow := w.options.Catalogue.organisations(Compare)
	if err := w.keepSince(ctx, shadow); err != nil {
		return err
	}
	if sweep {
		if err := w.pruneParity(ctx); err != nil {
			return err
		}
	}
	if len(shadow) == 0 {
		c.early, c.unrehearsed = nil, nil
		w.options.Metrics.unexplained(nil)
		return nil
	}
	ids, err := c.named(ctx, ids, shadow)
	if err != nil {
		return err
	}
	scopes := []scope{{namedRequestsSQL, ids}}
	if sweep {
		scopes = append(scopes, scope{allRequestsSQL, shadow})
	}
	for _, s := range scopes {
		if err := w.noteRequests(ctx, s); err != nil {
			return err
		}
	}
	for {
		if n, err := w.comparePage(ctx, shadow); err != nil {
			return err
		} else if n < parityPage {
			break
		}
	}
	var early []int64
	for _, s := range scopes {
		found, err := c.rehearse(ctx, s)
		if err != nil {
			return err
		}
		early = append(early, found...)
	}
	c.early = early
	return w.countUnexplained(ctx, shadow)
}

// tell logs what ails the comparer, once.
func (c *comparer) tell(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != c.trouble {
		c.worker.options.Log.Warn("shadow mode compares nothing until the database answers", "component", "rules", "err", text)
	}
	c.trouble = text
}

// keepSince notes since when organisations are in shadow mode.
func (w *Worker) keepSince(ctx context.Context, shadow []int32) error {
	if others := w.options.Catalogue.organisations(Write, Ignore); len(others) > 0 {
		if _, err := w.options.Pool.Exec(ctx, forgetSinceSQL, others); err != nil {
			return fmt.Errorf("end shadow mode: %w", err)
		}
	}
	if len(shadow) == 0 {
		return nil
	}
	if _, err := w.options.Pool.Exec(ctx, sinceSQL, shadow); err != nil {
		return fmt.Errorf("begin shadow mode: %w", err)
	}
	return nil
}

func (w *Worker) countUnexplained(ctx context.Context, shadow []int32) error {
	rows, err := w.options.Pool.Query(ctx, unexplainedSQL, shadow, ParityWindow)
	if err != nil {
		return fmt.Errorf("count unexplained differences: %w", err)
	}
	counts := map[string]int{}
	for _, id := range shadow {
		counts[labelOf(w.options.Directory, id)] = 0
	}
	err = eachRow(rows, func() error {
		var id int32
		var n int
		err := rows.Scan(&id, &n)
		counts[labelOf(w.options.Directory, id)] = n
		return err
	})
	rows.Close()
	if err != nil {
		return fmt.Errorf("count unexplained differences: %w", err)
	}
	w.options.Metrics.unexplained(counts)
	return nil
}

// pruneParity deletes what was kept for 30 days, a piece at a time.
func (w *Worker) pruneParity(ctx context.Context) error {
	for _, sql := range []string{pruneParitySQL, pruneSendingSQL} {
		for {
			tag, err := w.options.Pool.Exec(ctx, sql)
			if err != nil {
				return fmt.Errorf("prune comparisons: %w", err)
			}
			if tag.RowsAffected() == 0 {
				break
			}
		}
	}
	return nil
}
