package history

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Filter says which messages are wanted. Zero fields do not restrict, but without an
// organisation, a receiver or a group all of Avni's queue is read: the indexes that setup
// makes are by those.
type Filter struct {
	OrganisationID int32
	ReceiverType   string // Subject or User, with ReceiverID
	ReceiverID     int64
	GroupID        string    // Glific's id of a group
	Status         string    // message_request_queue.delivery_status
	Reason         string    // messenger.delivery.reason, such as opted_out
	From, To       time.Time // due from, and before
	After          string    // Page.Next of the page before
	Limit          int       // 0: 50; at most 500
}

// Page is a part of a list.
type Page struct {
	Messages []Message `json:"messages"`
	Next     string    `json:"next,omitzero"` // for Filter.After; "": that was all
}

// Message is a request of Avni's queue, sent or not.
type Message struct {
	RequestID      int64     `json:"request"`
	OrganisationID int32     `json:"organisation_id"`
	Organisation   string    `json:"organisation"`
	RuleID         int64     `json:"rule,omitzero"` // 0: written by hand
	Rule           string    `json:"rule_name,omitzero"`
	TemplateID     string    `json:"template"`
	Entity         Entity    `json:"entity"`
	To             Entity    `json:"to"`
	Phone          string    `json:"phone,omitzero"` // +91…, once it is known
	Parameters     []string  `json:"parameters,omitzero"`
	DueAt          time.Time `json:"due_at"`
	SentAt         time.Time `json:"sent_at,omitzero"`
	Status         string    `json:"status"` // Avni's delivery_status
	Voided         bool      `json:"voided"`
	Delivery       string    `json:"delivery,omitzero"` // messenger.delivery.state
	Reason         string    `json:"reason,omitzero"`   // messenger.delivery.reason
	Attempts       int       `json:"attempts"`
	Receipt        string    `json:"receipt,omitzero"` // messenger.receipt.status
	By             string    `json:"by,omitzero"`      // username of who made the request
	Standing       Standing  `json:"standing"`
}

// BadCursor is the error of a Filter.After that is no Page.Next.
type BadCursor struct{}

func (*BadCursor) Error() string { return "the place in the list is not one: begin at its first page" }

// mostMessages is how many messages a page has at most.
const mostMessages = 500

// Messages returns the messages that a filter admits, those due last first. The error is
// a *TooSlow if the database needed too long, and a *BadCursor for an After that is none.
func (r *Reader) Messages(ctx context.Context, f Filter) (Page, error) {
	if f.Limit <= 0 {
		f.Limit = 50
	}
	f.Limit = min(f.Limit, mostMessages)
	sql, args, err := f.sql()
	if err != nil {
		return Page{}, err
	}
	page := Page{Messages: []Message{}}
	err = r.read(ctx, func(ctx context.Context, v *view) error {
		found, err := v.readRequests(ctx, sql, args)
		if err != nil {
			return err
		}
		if len(found) > f.Limit {
			found = found[:f.Limit]
			page.Next = cursor(found[f.Limit-1])
		}
		var keys []entityKey
		for _, r := range found {
			if r.RuleID != 0 {
				keys = append(keys, entityKey{r.EntityType, r.EntityID})
			}
		}
		entities, err := v.entities(ctx, unique(keys))
		if err != nil {
			return err
		}
		for _, r := range found {
			page.Messages = append(page.Messages, v.message(r, entities))
		}
		return nil
	})
	return page, err
}

func (v *view) message(r request, entities map[entityKey]entityRow) Message {
	m := Message{
		RequestID: r.ID, OrganisationID: r.OrganisationID, Organisation: v.label(r.OrganisationID), RuleID: r.RuleID, Rule: r.Rule, TemplateID: r.TemplateID,
		To: r.to(), Phone: international(r.Phone), Parameters: r.Parameters, DueAt: r.ScheduledAt, Status: r.Status, Voided: r.Voided,
		Delivery: r.State, Reason: string(r.Reason), Attempts: r.Attempts, Receipt: r.Receipt, By: r.CreatedBy, Standing: v.standing(r),
	}
	if r.RuleID != 0 {
		m.Entity = Entity{r.EntityType, r.EntityID, entities[entityKey{r.EntityType, r.EntityID}].Name}
	}
	switch {
	case r.AcceptedAt != nil:
		m.SentAt = *r.AcceptedAt
	case r.DeliveredAt != nil:
		m.SentAt = *r.DeliveredAt
	}
	return m
}

// sql is the query of a page, and one message more to know whether there is another page.
// Its order is that of the indexes that setup makes: by receiver, or by organisation.
func (f Filter) sql() (string, pgx.NamedArgs, error) {
	args := pgx.NamedArgs{"limit": f.Limit + 1}
	var where []string
	restrict := func(on bool, condition, name string, value any) {
		if on {
			where, args[name] = append(where, condition), value
		}
	}
	restrict(f.OrganisationID != 0, `q.organisation_id = @organisation`, "organisation", f.OrganisationID)
	restrict(f.ReceiverID != 0, `q.message_receiver_id in (select id from public.message_receiver where receiver_type = @receiver_type and receiver_id = @receiver)`, "receiver", f.ReceiverID)
	args["receiver_type"] = f.ReceiverType
	restrict(f.GroupID != "", `q.message_receiver_id in (select id from public.message_receiver where receiver_type = 'Group' and external_id = @group)`, "group", f.GroupID)
	restrict(f.Status != "", `q.delivery_status = @status`, "status", f.Status)
	if f.Status != "" && f.Status != "Sent" {
		where = append(where, `q.delivery_status <> 'Sent'`) // as the index on what is not sent has it
	}
	restrict(f.Reason != "", `q.id in (select request_id from messenger.delivery where reason = @reason)`, "reason", f.Reason)
	restrict(!f.From.IsZero(), `q.scheduled_date_time >= @from`, "from", f.From)
	restrict(!f.To.IsZero(), `q.scheduled_date_time < @to`, "to", f.To)
	if f.After != "" {
		at, id, err := parseCursor(f.After)
		if err != nil {
			return "", nil, err
		}
		where = append(where, `(q.scheduled_date_time, q.id) < (@after_at, @after_id)`)
		args["after_at"], args["after_id"] = at, id
	}
	ids := `select * from public.message_request_queue q`
	if len(where) > 0 {
		ids += ` where ` + strings.Join(where, ` and `)
	}
	order := ` order by q.scheduled_date_time desc, q.id desc`
	return requestColumns + ` from (` + ids + order + ` limit @limit) q` + requestTables + order, args, nil
}

// cursor names the place of a request in the list. Avni keeps its times to the millisecond.
func cursor(r request) string { return fmt.Sprintf("%d-%d", r.ScheduledAt.UnixMilli(), r.ID) }

// latestMillis is the end of the year 9999.
const latestMillis = 253402300799999

func parseCursor(text string) (time.Time, int64, error) {
	at, id, found := strings.Cut(text, "-")
	millis, err1 := strconv.ParseInt(at, 10, 64)
	request, err2 := strconv.ParseInt(id, 10, 32)
	if !found || err1 != nil || err2 != nil || millis < 0 || millis > latestMillis {
		return time.Time{}, 0, &BadCursor{}
	}
	return time.UnixMilli(millis), request, nil
}
