package glific

import (
	"context"
	"encoding/json"
	"time"
)

// Message is one template message to one contact.
type Message struct {
	TemplateID int
	ContactID  string
	Parameters []string
	// SendAt is the marker by which FindSent recognises the message: a past whole
	// second, stored before the first attempt, unique per contact and template.
	SendAt time.Time
}

// Sent is Glific's acceptance of a message. Accepted is not delivered.
type Sent struct {
	MessageID string
	SendAt    time.Time // as Glific stored it; zero if it did not, then FindSent cannot find the message
}

// Send hands a template message to Glific, in one attempt that is never repeated
// after anything may have been read by Glific. Failures are *Error.
func (c *Client) Send(ctx context.Context, m Message) (sent Sent, err error) {
	defer func() { c.metrics.count(OpSend, err) }()
	r, err := c.call(ctx, createAndSendMessage, map[string]any{"input": input(m)})
	if err != nil {
		return Sent{}, err
	}
	var payload struct {
		Message *struct {
			ID     identifier      `json:"id"`
			SendAt json.RawMessage `json:"sendAt"`
		} `json:"message"`
		Errors inputErrors `json:"errors"`
	}
	if err := c.decode(r, &payload); err != nil {
		return Sent{}, err
	}
	if payload.Message == nil || payload.Message.ID == "" {
		return Sent{}, c.failure(r, payload.Errors)
	}
	var kept instant
	_ = json.Unmarshal(payload.Message.SendAt, &kept) // absent or odd: not kept, but accepted all the same
	return Sent{string(payload.Message.ID), time.Time(kept)}, nil
}

// messageInput is Glific's MessageInput as far as templates need it.
type messageInput struct {
	IsHSM      bool     `json:"isHsm"`
	TemplateID int      `json:"templateId"`           // a JSON number: Glific refuses a string
	ReceiverID string   `json:"receiverId,omitempty"` // none: the members of a group
	Params     []string `json:"params"`               // never null: Glific answers that with an exception
	SendAt     string   `json:"sendAt"`
}

func input(m Message) messageInput {
	return messageInput{
		IsHSM:      true,
		TemplateID: m.TemplateID,
		ReceiverID: m.ContactID,
		Params:     append([]string{}, m.Parameters...),
		SendAt:     m.SendAt.UTC().Format(time.RFC3339),
	}
}
