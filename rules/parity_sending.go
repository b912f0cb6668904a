package rules

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Sending is a message of a rule that avni-server has sent.
type Sending struct {
	RequestID      int64 // message_request_queue.id
	OrganisationID int32
	RuleID         int64
	EntityID       int64
	ReceiverType   string // Subject or User
	ReceiverID     int64  // individual.id or users.id
	SentAt         time.Time

	notWanted string // why we would have no such request; "" if we would
	judged    bool   // what was queued is compared, or never will be
}

// Rehearsed is what would have been sent, or why nothing would have been.
type Rehearsed struct {
	TemplateID string
	Parameters []string
	Reason     string // "": it would have been sent
	Detail     string // for the database only
}

// Rehearser finds out what would be sent now, and sends nothing. An error passes. It must
// be safe for concurrent use.
type Rehearser interface {
	Rehearse(context.Context, Sending) (Rehearsed, error)
}

// NoRequest is the reason why nothing would have been sent where there would have been no
// request. The other reasons are those of the dispatcher.
const NoRequest = "no_request"

const (
	// sentUnrecordedSQL finds what was sent and not rehearsed. What was queued in shadow mode
	// is compared first.
	sentUnrecordedSQL = `
		select q.id, q.organisation_id, q.message_rule_id, q.entity_id::bigint, m.receiver_type, coalesce(m.receiver_id, 0)::bigint, q.delivered_date_time,
			coalesce(case when y.our_scheduled_for is null and y.our_outcome not in ('` + parityNotEvaluated + `', 'would_fail', 'paused')
				then coalesce(y.our_reason, y.our_outcome) end, ''),
			case when y.rule_id is null then q.created_date_time <= s.since else y.verdict <> 'waiting' or y.look_at = 'infinity' end
		from public.message_request_queue q
		join public.message_receiver m on m.id = q.message_receiver_id
		join public.message_rule p on p.id = q.message_rule_id
		join messenger.parity_since s on s.organisation_id = q.organisation_id
		left join messenger.parity y on y.rule_id = q.message_rule_id and y.source_table = ` + tableSQL + ` and y.entity_id = q.entity_id
		where %s and q.delivery_status = '` + statusSent + `' and q.entity_id is not null and q.delivered_date_time > s.since
			and not exists (select from messenger.parity_sending d where d.request_id = q.id)
		order by q.id`

	recordSendingSQL = `insert into messenger.parity_sending (request_id, organisation_id, rule_id, sent_at, template_id, parameters, reason, detail)
		values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing`
)

// The pauses before a request is rehearsed again that could not be.
const (
	rehearsalPause        = time.Second
	longestRehearsalPause = time.Hour
)

// unrehearsed is a request that could not be rehearsed.
type unrehearsed struct {
	rule     int64
	attempts int
	next     time.Time
}

// rehearse records what we would have sent where avni-server has sent something. It
// returns those requests that it is too early for. One that cannot be rehearsed keeps no
// other from being: it is tried again after a while.
func (c *comparer) rehearse(ctx context.Context, s scope) (early []int64, err error) {
	w := c.worker
	if s.empty() || w.options.Rehearser == nil {
		return nil, nil
	}
	sent, err := w.sentUnrecorded(ctx, s)
	if err != nil {
		return nil, err
	}
	if s.condition == namedRequestsSQL { // which names them: what is not found is recorded by now
		maps.DeleteFunc(c.unrehearsed, func(id int64, _ unrehearsed) bool {
			return !slices.ContainsFunc(sent, func(one Sending) bool { return one.RequestID == id })
		})
	}
	for _, one := range sent {
		switch {
		case !one.judged:
			early = append(early, one.RequestID)
		case c.unrehearsed[one.RequestID].next.After(w.options.Now()):
		default:
			if err := c.try(ctx, one); err != nil {
				return nil, err
			}
		}
	}
	return early, nil
}

// try rehearses a request. The error is not about that one: the database is away.
func (c *comparer) try(ctx context.Context, s Sending) error {
	w := c.worker
	err := w.rehearse(ctx, s)
	if err == nil {
		delete(c.unrehearsed, s.RequestID)
		return nil
	}
	err = fmt.Errorf("find out what request %d would have said: %w", s.RequestID, err)
	if ctx.Err() != nil || w.options.Pool.Ping(ctx) != nil {
		return err
	}
	before := c.unrehearsed[s.RequestID]
	if before.attempts == 0 && !c.failing(s.RuleID) {
		w.options.Log.Warn("a message that avni-server has sent could not be rehearsed: it is tried again after a while, as are others of its rule", "component", "rules",
			"organisation", labelOf(w.options.Directory, s.OrganisationID), "rule", s.RuleID, "request", s.RequestID, "err", err)
	}
	if c.unrehearsed == nil {
		c.unrehearsed = map[int64]unrehearsed{}
	}
	pause := min(rehearsalPause<<min(before.attempts, 12), longestRehearsalPause)
	c.unrehearsed[s.RequestID] = unrehearsed{rule: s.RuleID, attempts: before.attempts + 1, next: w.options.Now().Add(pause)}
	return nil
}

// failing reports whether a request of a rule could not be rehearsed: that was told.
func (c *comparer) failing(rule int64) bool {
	for _, u := range c.unrehearsed {
		if u.rule == rule {
			return true
		}
	}
	return false
}

// shadowedSQL leaves out requests of organisations that are not in shadow mode any more.
const shadowedSQL = `select id from public.message_request_queue where id = any($1::bigint[]) and organisation_id = any($2::int[])`

// named returns requests to look at: these, those that it was too early for, and those
// that are to be rehearsed again.
func (c *comparer) named(ctx context.Context, ids []int64, shadow []int32) ([]int64, error) {
	ids = slices.AppendSeq(slices.Concat(ids, c.early), maps.Keys(c.unrehearsed))
	if len(ids) == 0 {
		return nil, nil
	}
	rows, err := c.worker.options.Pool.Query(ctx, shadowedSQL, ids, shadow)
	if err != nil {
		return nil, fmt.Errorf("look for changed requests: %w", err)
	}
	if ids, err = pgx.CollectRows(rows, pgx.RowTo[int64]); err != nil {
		return nil, fmt.Errorf("look for changed requests: %w", err)
	}
	if len(ids) == 0 {
		c.unrehearsed = nil
	}
	return ids, nil
}

func (w *Worker) sentUnrecorded(ctx context.Context, s scope) ([]Sending, error) {
	rows, err := w.options.Pool.Query(ctx, s.sql(sentUnrecordedSQL), s.argument)
	if err != nil {
		return nil, fmt.Errorf("look for what avni-server has sent: %w", err)
	}
	sent, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s Sending, err error) {
		err = row.Scan(&s.RequestID, &s.OrganisationID, &s.RuleID, &s.EntityID, &s.ReceiverType, &s.ReceiverID, &s.SentAt, &s.notWanted, &s.judged)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for what avni-server has sent: %w", err)
	}
	return sent, nil
}

func (w *Worker) rehearse(ctx context.Context, s Sending) error {
	found, err := w.options.Rehearser.Rehearse(ctx, s)
	if err != nil {
		return err
	}
	if s.notWanted != "" {
		found.Reason, found.Detail = NoRequest, s.notWanted
	}
	parameters := make([]string, len(found.Parameters))
	for i, p := range found.Parameters {
		parameters[i] = storable(p, 4096)
	}
	_, err = w.options.Pool.Exec(ctx, recordSendingSQL, s.RequestID, s.OrganisationID, s.RuleID, s.SentAt, orNil(found.TemplateID), parameters,
		orNil(found.Reason), orNil(storable(found.Detail, maxReason)))
	return err
}
