package dispatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"avni-messenger/dispatch/glific"
)

// A manual message to a group (a collection, in Glific's user interface) goes out in one
// of two ways. Without @name it is one send to Glific, which passes it on to the members
// itself. With @name each member gets their own, with their name in Avni:
//
//	request ──▶ members listed and kept ──▶ under way ──▶ listed again … ──▶ completed
//	                  │                                       (once nobody is left)
//	                  ▼
//	            one delivery per member, claimed and sent as every other
//
// A member's delivery is a row of messenger.delivery like that of a request: the claim,
// the send time, the look-up of lost answers, the attempts and the reasons are the same
// code and, but for where the message comes from, the same SQL. Its id is that of the
// row in messenger.group_member, which is negative and so no request's. In one table the
// index on send times holds for all messages to a contact, however they came about.

// groupSender is what messages to groups need of Glific; *glific.Client is one.
type groupSender interface {
	SendToGroup(context.Context, glific.GroupMessage) (glific.GroupSent, error)
	FindSentToGroup(context.Context, glific.GroupMessage) (glific.Found, error)
	GroupMembers(ctx context.Context, groupID string, offset, limit int) ([]glific.Member, error)
	MaySend(context.Context) error
}

// groupMessage is a manual message to a group.
type groupMessage struct {
	groupID    string // Glific's
	templateID int
	parameters []*string // as Avni has them
	stopped    *stop     // where avni-server stopped, nil if it did not begin
}

// deliverGroup brings a message to a group to a verdict, or nearer to one.
func (w *worker) deliverGroup(ctx context.Context, stopping <-chan struct{}, c *claim) verdict {
	g, err := w.composeGroup(ctx, c)
	if err != nil {
		return w.judge(ctx, c, message{}, err)
	}
	if p, paused := w.brake.holds(w.now()); paused {
		return verdict{outcome: waiting, reason: p.reason, detail: p.cause, spared: true}
	}
	if namesMembers(g.parameters) {
		return w.relay(ctx, c, g)
	}
	return w.sendToGroup(ctx, stopping, c, g)
}

const loadGroupMessageSQL = `
select coalesce(r.external_id, ''), m.message_template_id, m.parameters, m.next_trigger_details::text, m.is_voided
  from public.manual_message m, public.message_receiver r
 where m.id = $1 and r.id = $2`

// composeGroup reads a message to a group and checks all that can be known without Glific.
func (w *worker) composeGroup(ctx context.Context, c *claim) (groupMessage, error) {
	var g groupMessage
	var template string
	var details *string
	var voided bool
	if c.manualID == 0 {
		return g, refuse(NoContent, "only manual messages go to groups")
	}
	err := w.options.Pool.QueryRow(ctx, loadGroupMessageSQL, c.manualID, c.receiver.rowID).
		Scan(&g.groupID, &template, &g.parameters, &details, &voided)
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && voided:
		return g, refuse(Withdrawn, "the manual message %d is voided or gone", c.manualID)
	case err != nil:
		return g, fmt.Errorf("load manual message %d: %w", c.manualID, err)
	case strings.TrimSpace(g.groupID) == "":
		return g, refuse(GroupGone, "the receiver names no group")
	}
	if g.templateID, err = parseTemplateID(template); err != nil {
		return g, err
	}
	if details != nil {
		g.stopped = parseStop(*details)
	}
	if err := checkParameters(substituteName(g.parameters, "name")); err != nil {
		return g, err
	}
	return g, w.settings.holdGroup(g)
}

// holdGroup refuses what the options forbid to send. Who gets a message without @name is
// up to Glific, so that it cannot be kept to test numbers.
func (s Settings) holdGroup(g groupMessage) error {
	switch {
	case s.DryRun:
		return &Refusal{Reason: DryRun}
	case len(s.TestNumbers) > 0 && !namesMembers(g.parameters):
		return &Refusal{Reason: NotTestNumber}
	}
	return nil
}

// namesMembers is true of parameters that are different for every member.
func namesMembers(parameters []*string) bool {
	for _, parameter := range parameters {
		if parameter != nil && *parameter == receiverName {
			return true
		}
	}
	return false
}

// groupMark sets the marker of a send to a group apart from that of one to a contact:
// Glific numbers both from 1. It is Glific's own way to name conversations.
const groupMark = "group_"

// sendToGroup hands a message without @name to Glific, once.
func (w *worker) sendToGroup(ctx context.Context, stopping <-chan struct{}, c *claim, g groupMessage) verdict {
	m := g.message()
	m.site, m.contactID = w.account.Site(), groupMark+g.groupID
	err := w.checkTemplate(ctx, m)
	if err == nil { // a suspended organisation's message would be accepted, and passed on to nobody
		err = w.client.MaySend(ctx)
	}
	if err != nil {
		return w.judgeGroup(ctx, c, g, err)
	}
	if !w.pace(ctx, stopping) || w.stopped(stopping) || w.paused() {
		return verdict{outcome: released}
	}
	var contacts int
	v, ok := w.hand(ctx, c, m, g.message(), func(ctx context.Context, sendAt time.Time) error {
		sent, err := w.client.SendToGroup(ctx, glific.GroupMessage{
			TemplateID: m.templateID, GroupID: g.groupID, Parameters: m.parameters, SendAt: sendAt,
		})
		contacts = len(sent.ContactIDs)
		return err
	})
	if !ok {
		return aboutGroup(v)
	}
	return verdict{outcome: accepted, detail: fmt.Sprintf("Glific passes it on to %d contacts", contacts)}
}

// message is what may be kept of a message to a group that was not sent: it must not
// become a contact.
func (g groupMessage) message() message {
	return message{templateID: g.templateID, parameters: substituteName(g.parameters, receiverName)}
}

// judgeGroup is the verdict on an error before anything was sent to a group.
func (w *worker) judgeGroup(ctx context.Context, c *claim, g groupMessage, err error) verdict {
	return aboutGroup(w.judge(ctx, c, g.message(), err))
}

// aboutGroup: what Glific does not find when it is asked for a group, is the group.
func aboutGroup(v verdict) verdict {
	if v.reason == ResourceNotFound {
		v.reason = GroupGone
	}
	return v
}

// findSent asks Glific about a send, to a contact or to a group.
func (w *worker) findSent(ctx context.Context, m *mark) (glific.Found, error) {
	group, ok := strings.CutPrefix(m.contactID, groupMark)
	if !ok {
		return w.client.FindSent(ctx, m.contactID, m.templateID, m.sendAt)
	}
	found, err := w.client.FindSentToGroup(ctx, glific.GroupMessage{TemplateID: m.templateID, GroupID: group, SendAt: m.sendAt})
	found.MessageID = "" // of the group's own row, which nothing ever becomes of
	return found, err
}
