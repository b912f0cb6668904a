package rules

import (
	"context"
	"fmt"
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

// rehearseSent records what we would have sent where avni-server has sent something. It
// returns those requests that it is too early for.
func (w *Worker) rehearseSent(ctx context.Context, s scope) (early []int64, err error) {
	if s.empty() || w.options.Rehearser == nil {
		return nil, nil
	}
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
	for _, one := range sent {
		if !one.judged {
			early = append(early, one.RequestID)
		} else if err := w.rehearse(ctx, one); err != nil {
			return nil, fmt.Errorf("find out what request %d would have said: %w", one.RequestID, err)
		}
	}
	return early, nil
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
