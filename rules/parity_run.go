package rules

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// parityRest is how long the comparer rests at least before it looks again.
	parityRest = 200 * time.Millisecond

	// maxNoted is how many changed requests are remembered. The stream names at most so
	// many of a transaction's: if they come, all are looked at.
	maxNoted = 1000
)

const (
	sinceSQL = `insert into messenger.parity_since (organisation_id) select unnest($1::int[]) on conflict do nothing`

	// forgetSinceSQL ends shadow mode for organisations that are served otherwise.
	forgetSinceSQL = `delete from messenger.parity_since where organisation_id = any($1::int[])`

	// noteUnevaluatedSQL records requests of avni-server's that no evaluation accounts for.
	// What was evaluated longer ago than that is forgotten. Unless the stream has named them
	// ($3), those count that it has come to.
	noteUnevaluatedSQL = `
		insert into messenger.parity (rule_id, source_table, entity_id, organisation_id, our_outcome, messaging, look_at)
		select q.message_rule_id, ` + tableSQL + `, q.entity_id, q.organisation_id, '` + parityNotEvaluated + `', true, now() + $2::interval
		from public.message_request_queue q
		join public.message_rule p on p.id = q.message_rule_id
		join messenger.parity_since s on s.organisation_id = q.organisation_id
		where %s and q.entity_id is not null and ` + requestCountsSQL + `
			and q.created_date_time > greatest(s.since, now() - interval '29 days')
			and ($3 or q.created_date_time < (select coalesce(max(committed_at), now()) from messenger.position))
		on conflict do nothing`

	// noteChangedRequestsSQL has what was compared compared anew whose request is another now.
	noteChangedRequestsSQL = `
		update messenger.parity y set verdict = 'waiting', look_at = now()
		from public.message_request_queue q
		join public.message_rule p on p.id = q.message_rule_id
		left join public.message_receiver m on m.id = q.message_receiver_id
		where %s and y.rule_id = q.message_rule_id and y.source_table = ` + tableSQL + ` and y.entity_id = q.entity_id
			and y.organisation_id = q.organisation_id and y.verdict <> 'waiting'
			and (y.request_id is distinct from q.id
				or y.their_scheduled_for is distinct from case when ` + requestCountsSQL + ` then q.scheduled_date_time end
				or y.their_receiver_type is distinct from case when ` + requestCountsSQL + ` then m.receiver_type end
				or y.their_receiver_id is distinct from case when ` + requestCountsSQL + ` then m.receiver_id end)`

	// requestCountsSQL holds of a request that is sent or would be.
	requestCountsSQL = `(not q.is_voided or q.delivered_date_time is not null)`

	noteStatusSQL = `
		update messenger.parity y set their_status = q.delivery_status
		from public.message_request_queue q
		where %s and y.rule_id = q.message_rule_id and y.request_id = q.id and y.their_status <> q.delivery_status`

	unexplainedSQL = `select organisation_id, count(*)::int from messenger.parity
		where verdict = 'different' and cause is null and organisation_id = any($1::int[]) group by 1`

	pruneParitySQL = `delete from messenger.parity where (rule_id, source_table, entity_id) in
		(select rule_id, source_table, entity_id from messenger.parity where evaluated_at < now() - interval '30 days' limit 10000)`
	pruneSendingSQL = `delete from messenger.parity_sending where request_id in
		(select request_id from messenger.parity_sending where recorded_at < now() - interval '30 days' limit 10000)`
)

// Which requests are looked at: those that were named, or all that changed in the last day.
const (
	namedRequestsSQL = `q.id = any($1::bigint[])`
	allRequestsSQL   = `q.organisation_id = any($1::int[]) and q.last_modified_date_time > now() - interval '25 hours'`
)

// changedRequests are rows of message_request_queue that were changed and that the
// comparer has not looked at.
type changedRequests struct {
	mu   sync.Mutex
	ids  []int64
	lost bool // there were too many
	told chan struct{}
}

func newChangedRequests() *changedRequests { return &changedRequests{told: make(chan struct{}, 1)} }

func (c *changedRequests) add(ids ...int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if room := maxNoted - len(c.ids); len(ids) >= room {
		ids, c.lost = ids[:room], true
	}
	c.ids = append(c.ids, ids...)
}

func (c *changedRequests) take() (ids []int64, lost bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids, lost = c.ids, c.lost
	c.ids, c.lost = nil, false
	return ids, lost
}

// RequestChanged tells that somebody has written a row of message_request_queue. In shadow
// mode it is compared with what we would have written. An id of 0 stands for one that is
// not known. It never blocks.
func (w *Worker) RequestChanged(organisationID int32, id int64) {
	org, known := w.options.Directory.Organisation(organisationID)
	if !known || org.Treatment != Compare {
		return
	}
	if id != 0 {
		w.requests.add(id)
	}
	select {
	case w.requests.told <- struct{}{}:
	default:
	}
}

// startParity compares beside the work, until ctx ends; then the channel closes.
func (w *Worker) startParity(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		c := &comparer{worker: w}
		for {
			rest := time.NewTimer(c.do(ctx))
			poll := time.NewTimer(w.options.PollInterval)
			select {
			case <-ctx.Done():
			case <-rest.C:
			}
			select {
			case <-ctx.Done():
			case <-w.requests.told:
			case <-poll.C:
			}
			rest.Stop()
			poll.Stop()
			if ctx.Err() != nil {
				return
			}
		}
	}()
	return done
}

// comparer compares again and again. Only startParity's goroutine uses it.
type comparer struct {
	worker  *Worker
	swept   time.Time // when all requests were last looked at
	early   []int64   // requests that were sent and are not compared yet
	trouble string
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
		w.options.Metrics.unexplained(nil)
		return nil
	}
	scopes := []scope{{namedRequestsSQL, append(ids, c.early...)}}
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
		found, err := w.rehearseSent(ctx, s)
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

// scope is which requests are looked at: a condition and its one argument, $1.
type scope struct {
	condition string
	argument  any
}

func (s scope) empty() bool {
	ids, named := s.argument.([]int64)
	return named && len(ids) == 0
}

func (s scope) sql(format string) string { return fmt.Sprintf(format, s.condition) }

// noteRequests has requests of avni-server's compared that are new or others than they were.
func (w *Worker) noteRequests(ctx context.Context, s scope) error {
	if s.empty() {
		return nil
	}
	if _, err := w.options.Pool.Exec(ctx, s.sql(noteUnevaluatedSQL), s.argument, w.options.SettleFor, s.condition == namedRequestsSQL); err != nil {
		return fmt.Errorf("look for requests that were not evaluated: %w", err)
	}
	for _, sql := range []string{noteChangedRequestsSQL, noteStatusSQL} {
		if _, err := w.options.Pool.Exec(ctx, s.sql(sql), s.argument); err != nil {
			return fmt.Errorf("look for changed requests: %w", err)
		}
	}
	return nil
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
	rows, err := w.options.Pool.Query(ctx, unexplainedSQL, shadow)
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
