package dispatch

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// state is messenger.delivery.state.
type state string

const (
	stateWaiting   state = "waiting"
	stateUncertain state = "uncertain"
	stateAccepted  state = "accepted"
	stateRefused   state = "refused"
	stateExpired   state = "expired"
	stateWithdrawn state = "withdrawn"
)

// claim is a request in the hands of this process, as it was when it was claimed.
type claim struct {
	Request
	manualID    int64 // manual_message.id; 0 for the request of a rule
	receiver    receiverRef
	scheduledAt time.Time
	createdAt   time.Time
	voided      bool
	member      *member // of a group; nil for the request itself, whose ID is then message_request_queue.id
	outranked   bool    // another request of the same rule and entity counts instead
	elsewhere   bool    // somebody else has marked the request as sent

	attempts  int       // failed ones so far
	reason    Reason    // of the last one that was recorded
	holder    uuid.UUID // guards every write: another claim of the request has another
	claimedAt time.Time

	// sent is the send that may have reached Glific, nil if it is certain that none did.
	sent *mark
}

// String names the claim by its rows, for errors.
func (c *claim) String() string {
	if c.member != nil {
		return fmt.Sprintf("member %d of request %d", c.ID, c.member.requestID)
	}
	return fmt.Sprintf("request %d", c.ID)
}

// judged is true of a claim of which more than its coming is known already.
func (c *claim) judged() bool { return c.sent != nil || c.reason != "" }

// mark is how a send is recognised at Glific.
type mark struct {
	site       string // glific.Account.Site of the account that it was sent by
	contactID  string
	templateID int
	sendAt     time.Time
	age        time.Duration // since it was recorded, by the database's clock, when it was read
	readAt     time.Time
}

// elapsed is how long ago the send was recorded.
func (m *mark) elapsed() time.Duration { return m.age + time.Since(m.readAt) }

// receiverRef is a message_receiver row. Its is_voided is not read: avni-server voids
// receivers by a bare id, of whatever type.
type receiverRef struct {
	rowID int64
	kind  string // Subject, User or Group
	id    int64  // individual.id or users.id; 0 of a group
	phone Phone  // of a member of a group, by Glific; otherwise Avni has it
}

// String names the receiver by its row.
func (r receiverRef) String() string { return fmt.Sprintf("%s %d", strings.ToLower(r.kind), r.id) }

const (
	receiverSubject = "Subject"
	receiverUser    = "User"
	receiverGroup   = "Group"
)

// message is what is about to be sent.
type message struct {
	phone      Phone
	name       string
	site       string // glific.Account.Site of the contact
	contactID  string
	templateID int
	parameters []string
}

// templateText is the template's id as messenger.delivery holds it.
func (m message) templateText() string { return strconv.Itoa(m.templateID) }

// parseTemplateID reads Glific's id of a template, which Avni keeps as text.
func parseTemplateID(text string) (int, error) {
	id, err := strconv.Atoi(text)
	if err != nil || id <= 0 {
		return 0, refuse(TemplateInvalid, "the template's id is %q", text)
	}
	return id, nil
}
