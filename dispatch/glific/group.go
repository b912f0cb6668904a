package glific

import (
	"context"
	"time"
)

// GroupMessage is one template message to all members of a group (a collection, in
// Glific's user interface).
type GroupMessage struct {
	TemplateID int
	GroupID    string
	Parameters []string
	// SendAt is the marker by which FindSentToGroup recognises the message: a past
	// whole second, stored before the first attempt, unique per group.
	SendAt time.Time
}

// GroupSent is Glific's acceptance of a message to a group. Glific then sends to about
// a hundred members a minute and tells nobody of those it fails to send to.
type GroupSent struct {
	ContactIDs []string // of the members that are to get it: not blocked, not opted out
}

// SendToGroup hands a template message to a group to Glific, in one attempt that is
// never repeated after anything may have been read by Glific. Failures are *Error.
func (c *Client) SendToGroup(ctx context.Context, m GroupMessage) (sent GroupSent, err error) {
	defer func() { c.metrics.count(OpSendToGroup, err) }()
	in := input(Message{TemplateID: m.TemplateID, Parameters: m.Parameters, SendAt: m.SendAt})
	r, err := c.call(ctx, createAndSendMessageToGroup, map[string]any{"input": in, "group": m.GroupID})
	if err != nil {
		return GroupSent{}, err
	}
	var payload struct {
		Success    bool         `json:"success"`
		ContactIDs []identifier `json:"contactIds"`
		Errors     inputErrors  `json:"errors"`
	}
	if err := c.decode(r, &payload); err != nil {
		return GroupSent{}, err
	}
	if !payload.Success {
		return GroupSent{}, c.failure(r, payload.Errors)
	}
	for _, id := range payload.ContactIDs {
		sent.ContactIDs = append(sent.ContactIDs, string(id))
	}
	return sent, nil
}

// Member is a member of a group.
type Member struct {
	ContactID  string // empty if Glific does not show the contact, such as a deleted one
	Phone      string // digits with country code; empty if the API user has only the role Staff
	Name       string
	Status     ContactStatus
	BSPStatus  BSPStatus
	OptinTime  time.Time // zero if never opted in
	OptoutTime time.Time // zero if they did not opt out
}

// Contact is the member as ContactByPhone would return it.
func (m Member) Contact() Contact {
	return Contact{ID: m.ContactID, Status: m.Status, BSPStatus: m.BSPStatus, OptinTime: m.OptinTime, OptoutTime: m.OptoutTime}
}

// GroupMembers lists members in the order in which they joined: at most limit of them
// (500 is fine), after the first offset. Fewer than limit are the last ones. A group
// that Glific does not have has no members.
func (c *Client) GroupMembers(ctx context.Context, groupID string, offset, limit int) (members []Member, err error) {
	defer func() { c.metrics.count(OpGroupMembers, err) }()
	r, err := c.call(ctx, contactGroups, map[string]any{"group": groupID, "limit": limit, "offset": offset})
	if err != nil {
		return nil, err
	}
	var rows []struct {
		Contact struct {
			wireContact
			Phone string `json:"phone"`
			Name  string `json:"name"`
		} `json:"contact"`
	}
	if err := c.decode(r, &rows); err != nil {
		return nil, err
	}
	if rows == nil || len(r.messages) > 0 {
		return nil, c.failure(r, nil)
	}
	for _, row := range rows {
		w := row.Contact.contact()
		members = append(members, Member{w.ID, row.Contact.Phone, row.Contact.Name, w.Status, w.BSPStatus, w.OptinTime, w.OptoutTime})
	}
	return members, nil
}
