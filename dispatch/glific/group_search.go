package glific

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// groupMessage is the row that Glific stores for the group itself, beside those of its
// members.
type groupMessage struct {
	ID         identifier `json:"id"`
	Body       string     `json:"body"` // "Sending HSM template <id>, params: …"
	SendAt     instant    `json:"sendAt"`
	InsertedAt instant    `json:"insertedAt"`
}

// FindSentToGroup asks Glific whether a message to a group was accepted: it looks for a
// message of the group with this template and this SendAt. A group that is not listed
// proves nothing, nor does one with messages of this template that carry no SendAt, or
// with one of this SendAt that does not say its template.
func (c *Client) FindSentToGroup(ctx context.Context, m GroupMessage) (found Found, err error) {
	defer func() { c.metrics.count(OpFindSentToGroup, err) }()
	sendAt := m.SendAt.Truncate(time.Second)
	for _, limit := range searchLimits {
		messages, listed, err := c.messagesOfGroup(ctx, m.GroupID, limit)
		if err != nil || !listed {
			return Found{}, err
		}
		conclusive := true
		for _, listed := range messages {
			ours, marked := listed.isOf(m.TemplateID), time.Time(listed.SendAt).Equal(sendAt)
			switch {
			case ours && marked:
				return Found{Accepted, string(listed.ID)}, nil
			case marked && !listed.isOfSome(): // another version of Glific may word it otherwise
				conclusive = false
			case ours && time.Time(listed.SendAt).IsZero() && time.Time(listed.InsertedAt).After(sendAt.Add(-clockSkew)):
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

// messagesOfGroup lists the newest messages of a group. False: it is not listed.
func (c *Client) messagesOfGroup(ctx context.Context, groupID string, limit int) ([]groupMessage, bool, error) {
	return newestMessages(ctx, c, searchGroup, map[string]any{"group": groupID, "limit": limit},
		func(v conversation[groupMessage]) bool { return string(v.Group.ID) == groupID })
}

// isOf reports whether the message is one of the template. Glific shows the template
// only in the text.
func (m groupMessage) isOf(templateID int) bool {
	return strings.HasPrefix(m.Body, fmt.Sprintf("%s%d,", templateBody, templateID))
}

// isOfSome reports whether the message is seen to be one of any template.
func (m groupMessage) isOfSome() bool { return strings.HasPrefix(m.Body, templateBody) }

// templateBody is how the row of a template message to a group begins.
const templateBody = "Sending HSM template "
