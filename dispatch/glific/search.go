package glific

import (
	"context"
	"slices"
	"time"
)

// Presence says whether Glific holds a message.
type Presence int

// The answers to "was it accepted?".
const (
	// Unknown: Glific's answer proves nothing; ask again later.
	Unknown Presence = iota
	// Absent: Glific listed the contact's messages and ours is not among them. Only
	// conclusive once the server cannot still be at work on the send (60 s or more).
	Absent
	// Accepted: Glific has the message, Found.MessageID is its id.
	Accepted
)

// String is the answer as logs show it.
func (p Presence) String() string {
	switch p {
	case Absent:
		return "absent"
	case Accepted:
		return "accepted"
	default:
		return "unknown"
	}
}

// Found is the answer to FindSent.
type Found struct {
	Presence  Presence
	MessageID string // set if Accepted
}

// Glific lists at most 250 messages of a contact. Nearly always the newest 50 tell.
var searchLimits = []int{50, 250}

// clockSkew is how far Glific's clock may differ from the one that chose SendAt.
const clockSkew = 15 * time.Minute

// conversation is one contact or group of the search with its newest messages first.
type conversation[M any] struct {
	Contact struct {
		ID identifier `json:"id"`
	} `json:"contact"`
	Group struct {
		ID identifier `json:"id"`
	} `json:"group"`
	Messages []M `json:"messages"`
}

type listedMessage struct {
	ID         identifier `json:"id"`
	TemplateID int        `json:"templateId"`
	IsHSM      bool       `json:"isHsm"`
	SendAt     instant    `json:"sendAt"`
	Status     string     `json:"status"`
	BSPStatus  string     `json:"bspStatus"` // empty until it was handed to WhatsApp's provider
	InsertedAt instant    `json:"insertedAt"`
}

// FindSent asks Glific whether a send was accepted: it looks for a template message
// to the contact with this template and this SendAt. Blocked contacts are never
// listed, so the answer for them is Unknown, as it is where one of the template was
// stored since without a SendAt: it may be ours.
func (c *Client) FindSent(ctx context.Context, contactID string, templateID int, sendAt time.Time) (found Found, err error) {
	defer func() { c.metrics.count(OpFindSent, err) }()
	sendAt = sendAt.Truncate(time.Second)
	for _, limit := range searchLimits {
		messages, listed, err := c.messagesOf(ctx, contactID, limit)
		if err != nil || !listed {
			return Found{}, err
		}
		conclusive := true
		for _, m := range messages {
			switch {
			case m.isSend(templateID, sendAt):
				return Found{Accepted, string(m.ID)}, nil
			case m.isSend(templateID, time.Time{}) && time.Time(m.InsertedAt).After(sendAt.Add(-clockSkew)):
				conclusive = false
			}
		}
		if !conclusive {
			return Found{}, nil
		}
		if len(messages) < limit || time.Time(messages[limit-1].InsertedAt).Before(sendAt.Add(-clockSkew)) {
			return Found{Presence: Absent}, nil
		}
	}
	return Found{}, nil
}

// messagesOf lists the newest messages of a contact. False: the contact is not
// listed, which says nothing about its messages.
func (c *Client) messagesOf(ctx context.Context, contactID string, limit int) ([]listedMessage, bool, error) {
	return newestMessages(ctx, c, search, map[string]any{"contact": contactID, "limit": limit},
		func(v conversation[listedMessage]) bool { return string(v.Contact.ID) == contactID })
}

// newestMessages runs a search and returns the messages of the conversation that is
// asked for. False: it is not listed.
func newestMessages[M any](ctx context.Context, c *Client, d *document, variables map[string]any, asked func(conversation[M]) bool) ([]M, bool, error) {
	r, err := c.call(ctx, d, variables)
	if err != nil {
		return nil, false, err
	}
	var conversations []conversation[M]
	if err := c.decode(r, &conversations); err != nil {
		return nil, false, err
	}
	if conversations == nil || len(r.messages) > 0 {
		return nil, false, c.failure(r, nil)
	}
	i := slices.IndexFunc(conversations, asked)
	if i < 0 {
		return nil, false, nil
	}
	return conversations[i].Messages, true, nil
}

// isSend reports whether m is the accepted message, with that SendAt or, by the zero
// time, without one. One with status "error" that
// never came to the provider was stored but not sent.
func (m listedMessage) isSend(templateID int, sendAt time.Time) bool {
	unsent := m.Status == "error" && m.BSPStatus == ""
	return m.IsHSM && !unsent && m.TemplateID == templateID && time.Time(m.SendAt).Equal(sendAt)
}
