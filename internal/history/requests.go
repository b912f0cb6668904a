package history

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"avni-messenger/dispatch"
)

// request is a row of Avni's queue with all that is known of its delivery.
type request struct {
	ID             int64
	OrganisationID int32
	RuleID         int64 // 0: a message by hand
	Rule           string
	EntityType     string
	EntityID       int64
	TemplateID     string
	ReceiverType   string
	ReceiverID     int64
	GroupID        string
	ReceiverName   string
	ScheduledAt    time.Time
	CreatedAt      time.Time
	ModifiedAt     time.Time
	DeliveredAt    *time.Time
	Status         string
	Voided         bool
	CreatedBy      string

	State       string // "": it was never tried
	Reason      dispatch.Reason
	Detail      string
	Attempts    int
	NextAttempt *time.Time
	Forever     bool // there is no next attempt until something changes
	MaybeSent   bool // a send of it may have reached Glific
	Phone       string
	Parameters  []string
	MessageID   string
	AcceptedAt  *time.Time
	UpdatedAt   *time.Time

	Receipt       string
	ReceiptAt     *time.Time
	ReceiptReason dispatch.ReceiptReason
	ReceiptDetail string
	ReceiptNext   *time.Time
	ReceiptCode   int
}

const requestColumns = `
select q.id, q.organisation_id, coalesce(q.message_rule_id, 0) as rule_id, coalesce(u.name, '') as rule, coalesce(u.entity_type, '') as entity_type,
       coalesce(q.entity_id, 0)::bigint as entity_id, coalesce(u.message_template_id, m.message_template_id, '') as template_id,
       r.receiver_type, coalesce(r.receiver_id, 0)::bigint as receiver_id, case r.receiver_type when 'Group' then coalesce(r.external_id, '') else '' end as group_id,
       case r.receiver_type when 'Subject' then concat_ws(' ', s.first_name, s.middle_name, s.last_name) when 'User' then coalesce(w.name, '') else '' end as receiver_name,
       q.scheduled_date_time as scheduled_at, q.created_date_time as created_at, q.last_modified_date_time as modified_at, q.delivered_date_time as delivered_at,
       q.delivery_status as status, q.is_voided as voided, coalesce(c.username, '') as created_by,
       coalesce(d.state, '') as state, coalesce(d.reason, '') as reason, coalesce(d.detail, '') as detail, coalesce(d.attempts, 0) as attempts,
       nullif(d.next_attempt_at, 'infinity') as next_attempt, coalesce(d.next_attempt_at = 'infinity', false) as forever,
       coalesce(d.sending_since is not null, false) as maybe_sent, coalesce(d.phone, '') as phone, coalesce(d.parameters, m.parameters, '{}') as parameters,
       coalesce(d.glific_message_id, '') as message_id, d.accepted_at, d.updated_at,
       coalesce(x.status, '') as receipt, x.status_at as receipt_at, coalesce(x.reason, '') as receipt_reason, coalesce(x.detail, '') as receipt_detail,
       x.next_look_at as receipt_next, coalesce(x.code, 0) as receipt_code`

const requestTables = `
  left join public.message_receiver r on r.id = q.message_receiver_id
  left join public.message_rule u on u.id = q.message_rule_id
  left join public.manual_message m on m.id = q.manual_message_id
  left join public.individual s on r.receiver_type = 'Subject' and s.id = r.receiver_id
  left join public.users w on r.receiver_type = 'User' and w.id = r.receiver_id
  left join public.users c on c.id = q.created_by_id
  left join messenger.delivery d on d.request_id = q.id
  left join lateral (select * from messenger.receipt x where x.request_id = q.id order by x.accepted_at desc limit 1) x on true`

const requestsSQL = requestColumns + ` from public.message_request_queue q` + requestTables + ` where q.id = any($1) order by q.id desc`

// requestsOf reads the requests whose ids a query yields. It asks twice, so that the
// planner knows how few there are: else it may read all of the queue.
func (v *view) requestsOf(ctx context.Context, ids string, args ...any) ([]request, error) {
	found, err := v.idsOf(ctx, "requests", ids, args...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return v.readRequests(ctx, requestsSQL, found)
}

// idsOf is what a query of ids yields.
func (v *view) idsOf(ctx context.Context, what, sql string, args ...any) ([]int64, error) {
	rows, _ := v.tx.Query(ctx, sql, args...) // its error is that of the rows
	found, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("look for %s: %w", what, err)
	}
	return found, nil
}

func (v *view) readRequests(ctx context.Context, sql string, args ...any) ([]request, error) {
	rows, _ := v.tx.Query(ctx, sql, args...) // its error is that of the rows
	found, err := pgx.CollectRows(rows, pgx.RowToStructByNameLax[request])
	if err != nil {
		return nil, fmt.Errorf("read requests: %w", err)
	}
	return found, nil
}

// mostStories bounds how much is told at a time.
const mostStories = 50

const (
	requestsByIDSQL = `select id from public.message_request_queue where id = any($1)`

	requestsByUUIDSQL = `select id from public.message_request_queue where uuid = $1`

	requestsByRuleSQL = `select id from public.message_request_queue where message_rule_id = $1 order by id desc limit $2`

	// Each pair of a rule and an entity is looked up in the index of setup.
	requestsByEntitySQL = `
		select q.id from unnest($1::text[], $2::bigint[]) e (kind, id)
		  join public.message_rule u on u.entity_type = e.kind and u.organisation_id = any($3)
		  join public.message_request_queue q on q.message_rule_id = u.id and q.entity_id = e.id
		 order by q.id desc limit $4`

	requestsByReceiverSQL = `
		select q.id from unnest($1::text[], $2::bigint[]) e (kind, id)
		  join public.message_receiver r on r.receiver_type = e.kind and r.receiver_id = e.id
		  join public.message_request_queue q on q.message_receiver_id = r.id
		 order by q.scheduled_date_time desc, q.id desc limit $3`

	// Of a member of a group it is the request of the group.
	requestsByPhoneSQL = `
		select coalesce(m.request_id, d.request_id) from messenger.delivery d left join messenger.group_member m on m.id = d.request_id
		 where d.phone = any($1) order by d.updated_at desc limit $2`
)

// sent is true of a request that went out, by whomever.
func (r request) sent() bool {
	return r.State == "accepted" || r.Status == "Sent" || r.DeliveredAt != nil
}

// settled is true of a delivery that has come to an end but acceptance.
func (r request) settled() bool {
	return r.State == "refused" || r.State == "expired" || r.State == "withdrawn"
}

func (r request) to() Entity {
	if r.ReceiverType == "Group" {
		return Entity{Type: "Group", Name: r.GroupID}
	}
	return Entity{Type: r.ReceiverType, ID: r.ReceiverID, Name: r.ReceiverName}
}

// international writes a number as messenger.delivery has it with its plus.
func international(phone string) string {
	if phone == "" {
		return ""
	}
	return "+" + phone
}

// masked is a number as it may stand in a sentence.
func masked(phone string) string { return dispatch.Phone(phone).String() }
