package rules

import (
	"context"
	"fmt"
	"sync"
)

// maxNoted is how many changed requests are remembered. The stream names at most so
// many of a transaction's: if they come, all are looked at.
const maxNoted = 1000

const (
	// noteUnevaluatedSQL records requests of avni-server's that no evaluation accounts for.
	// What was evaluated longer ago than that is forgotten. Rows are taken in the order in
	// which evaluations take them. Unless the stream has named them ($3), those count that
	// it has come to.
	noteUnevaluatedSQL = `
		insert into messenger.parity (rule_id, source_table, entity_id, organisation_id, our_outcome, messaging, look_at)
		select q.message_rule_id, ` + tableSQL + `, q.entity_id, q.organisation_id, '` + parityNotEvaluated + `', true, now() + $2::interval
		from public.message_request_queue q
		join public.message_rule p on p.id = q.message_rule_id
		join messenger.parity_since s on s.organisation_id = q.organisation_id
		where %s and q.entity_id is not null and ` + requestCountsSQL + `
			and q.created_date_time > greatest(s.since, now() - interval '29 days')
			and ($3 or q.created_date_time < (select coalesce(max(committed_at), now()) from messenger.position))
		order by 1, 2, 3
		on conflict do nothing`

	// noteChangedRequestsSQL has what was compared compared anew whose request is another
	// now. What is locked is being evaluated anew.
	noteChangedRequestsSQL = `
		with changed as materialized (
			select y.rule_id, y.source_table, y.entity_id
			from public.message_request_queue q
			join public.message_rule p on p.id = q.message_rule_id
			join messenger.parity y on y.rule_id = q.message_rule_id and y.source_table = ` + tableSQL + ` and y.entity_id = q.entity_id
			left join public.message_receiver m on m.id = q.message_receiver_id
			where %s and y.organisation_id = q.organisation_id and y.verdict <> 'waiting'
				and (y.request_id is distinct from q.id
				or y.their_scheduled_for is distinct from case when ` + requestCountsSQL + ` then q.scheduled_date_time end
				or y.their_receiver_type is distinct from case when ` + requestCountsSQL + ` then m.receiver_type end
				or y.their_receiver_id is distinct from case when ` + requestCountsSQL + ` then m.receiver_id end)
			for update of y skip locked
		)
		update messenger.parity y set verdict = 'waiting', look_at = now() from changed c
		where y.rule_id = c.rule_id and y.source_table = c.source_table and y.entity_id = c.entity_id`

	// requestCountsSQL holds of a request that is sent or would be.
	requestCountsSQL = `(not q.is_voided or q.delivered_date_time is not null)`

	noteStatusSQL = `
		with changed as materialized (
			select y.rule_id, y.source_table, y.entity_id, q.delivery_status
			from public.message_request_queue q join messenger.parity y on y.rule_id = q.message_rule_id and y.entity_id = q.entity_id
			where %s and y.request_id = q.id and y.their_status <> q.delivery_status for update of y skip locked
		)
		update messenger.parity y set their_status = c.delivery_status from changed c
		where y.rule_id = c.rule_id and y.source_table = c.source_table and y.entity_id = c.entity_id`
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
