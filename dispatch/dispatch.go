// Package dispatch delivers what is due in Avni's message_request_queue to Glific:
// the requests of rules and the manual messages to a subject, a user or a group.
//
// A request is claimed in messenger.delivery, rendered on fresh data, and sent with a
// marker (Glific's sendAt) that is stored before the first attempt. Whatever happens
// then, a crash included, a request whose send may have reached Glific is looked up
// there by its marker before anything is sent again. So:
//
//   - at most one attempt per request is in flight, over all replicas: every write of
//     a claim's holder is guarded by the claim;
//   - no transaction is open during a call to Glific;
//   - a slow or broken Glific of one organisation delays no other;
//   - phone numbers, names and message texts stay in the database, out of logs and
//     metric labels.
//
// Accepted is not delivered: what became of an accepted message is followed for three
// days, in messenger.receipt, and nothing is sent again for it.
//
// The states of a delivery:
//
//	(due) ──▶ claimed ──▶ sending ──▶ accepted
//	  ▲          │           ├─────▶ refused, expired, withdrawn ──▶ (due, if the request is modified)
//	  │          ▼           ▼
//	  └────── waiting     uncertain ──▶ found at Glific: accepted; surely not there: sending
package dispatch

import (
	"context"
	"fmt"
	"time"

	"avni-messenger/dispatch/glific"
)

// Organisation is one organisation whose queue is delivered.
type Organisation struct {
	ID     int32
	Name   string // how logs, Status and the metric label "organisation" call it; unique
	Region string // account.region, such as IN: the country of numbers without country code

	// VisibleIDs are the organisations whose concepts it sees: its own id first, then
	// its ancestors.
	VisibleIDs []int32

	Glific       glific.Account
	ActingUserID int64 // users.id for last_modified_by_id of rows we change; 0 leaves the column alone
}

// Request is a message_request_queue row of a rule, as the Renderer needs it.
type Request struct {
	ID             int64 // message_request_queue.id
	OrganisationID int32
	RuleID         int64 // message_rule.id
	EntityID       int64 // id of the row that triggered the rule, in the table of the rule's entity type
}

// Rendered is what a rule says at send time.
type Rendered struct {
	Parameters []string
	TemplateID string // Glific's id, as message_rule holds it
}

// Renderer evaluates the message rule of a request on fresh data. A *Refusal is final
// until the request changes; any other error is trouble that passes, and is retried.
// It must be safe for concurrent use.
type Renderer interface {
	Render(context.Context, Request) (Rendered, error)
}

// Refusal is the error of a request that must not be sent as it stands.
type Refusal struct {
	Reason Reason
	Detail string // for the operator, kept in the database only: may name data of the entity
}

// Error leaves the detail out: errors reach logs.
func (r *Refusal) Error() string { return string(r.Reason) + ": " + r.Reason.Text() }

// sender is what a delivery needs of Glific; *glific.Client is one.
type sender interface {
	contacts
	groupSender
	receipts
	Send(context.Context, glific.Message) (glific.Sent, error)
	FindSent(ctx context.Context, contactID string, templateID int, sendAt time.Time) (glific.Found, error)
	Template(ctx context.Context, id int) (glific.Template, bool, error)
	CurrentUser(context.Context) (glific.User, error)
}

// contacts finds and makes the contacts of an organisation.
type contacts interface {
	ContactByPhone(ctx context.Context, phone string) (glific.Contact, bool, error)
	OptinContact(ctx context.Context, phone, name string) (glific.Contact, error)
}

// status is the text of message_request_queue.delivery_status. avni-server can read
// these and no others; PartiallySent is for groups.
type status string

const (
	statusNotSent      status = "NotSent"
	statusNoPhone      status = "NotSentNoPhoneNumberInAvni"
	statusInvalidPhone status = "NotSentInvalidPhoneNumberInAvni"
	statusFailed       status = "Failed"
	statusPartly       status = "PartiallySent"
	statusSent         status = "Sent"
)

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
