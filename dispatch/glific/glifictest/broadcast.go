package glifictest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// broadcast is a message to a group that a job works off, once a minute and in parts.
type broadcast struct {
	id         int
	organised  *Organisation
	isHSM      bool
	input      arguments
	recipients []*contact // by id
	next       int        // the first one not yet processed
	rows       []*message
}

// createAndSendMessageToGroup stores the message to the group, notes who is to get it
// and leaves the rest to the job. Nothing of the template is checked.
func (x *execution) createAndSendMessageToGroup(a arguments) (any, error) {
	in := a.object("input")
	if !in.flag("isHsm") {
		return nil, errors.New("this fake of Glific sends only templates to a group: isHsm must be true")
	}
	return x.sendToGroup(a.text("groupId"), in, true)
}

// sendHsmMessageToGroup is broken in Glific since 2022: it forgets that the message is
// a template, and says success.
func (x *execution) sendHsmMessageToGroup(a arguments) (any, error) {
	return x.sendToGroup(a.text("groupId"), arguments{}, false)
}

func (x *execution) sendToGroup(groupID string, in arguments, isHSM bool) (any, error) {
	o := x.organisation
	g := o.groups[groupID]
	switch {
	case g == nil:
		return nil, noSuchGroup
	case len(g.members) == 0:
		return nil, glificError("The group has no members")
	case isHSM && (!in.has("templateId") || slices.Contains(in.list("params"), nil)):
		return nil, glificError(unexpected)
	}
	row := o.rowForGroup(g, in, isHSM)
	ids := []string{}
	if !x.withoutJobs {
		for _, c := range o.addBroadcast(row, in, isHSM).recipients {
			ids = append(ids, c.ID)
		}
	}
	return object{"success": true, "contactIds": ids}, nil
}

// rowForGroup stores the message to the group itself.
func (o *Organisation) rowForGroup(g *group, in arguments, isHSM bool) *message {
	m := o.row(o.self, "")
	m.group, m.number = g, len(g.messages)+1
	if isHSM {
		m.templateID = in.integer("templateId")
		m.sendAt = moment(in, "sendAt").Truncate(time.Second)
		m.body = fmt.Sprintf("Sending HSM template %d, params: %s", m.templateID, strings.Join(texts(in.list("params")), ""))
	}
	g.messages, g.usedAt = append(g.messages, m), m.insertedAt
	return m
}

// addBroadcast notes who is to get a message and wakes the job.
func (o *Organisation) addBroadcast(row *message, in arguments, isHSM bool) *broadcast {
	o.server.broadcastIDs++
	b := &broadcast{id: o.server.broadcastIDs, organised: o, isHSM: isHSM, input: in, recipients: row.group.reachable()}
	row.broadcast = b
	o.broadcasts = append(o.broadcasts, b)
	o.startBroadcasting()
	return b
}

// reachable are the members who are neither blocked nor opted out, by id.
func (g *group) reachable() []*contact {
	var list []*contact
	for _, m := range g.members {
		if m.contact.Status != "BLOCKED" && m.contact.OptoutTime.IsZero() {
			list = append(list, m.contact)
		}
	}
	slices.SortFunc(list, func(x, y *contact) int { return compare(x.ID, y.ID) })
	return list
}

// startBroadcasting schedules the job if there is something for it to do.
func (o *Organisation) startBroadcasting() {
	s := o.server
	if o.broadcasting || o.unfinished() == nil {
		return
	}
	o.broadcasting = true
	s.later(untilNext(s.options.Now(), s.options.BroadcastEvery), func() {
		o.broadcasting = false
		o.broadcast()
		o.startBroadcasting()
	})
}

// RunBroadcast runs the minute's job now. It reports whether there was something to do.
func (o *Organisation) RunBroadcast() bool {
	o.server.mu.Lock()
	defer o.server.unlock()
	return o.broadcast()
}

// unfinished is the newest broadcast with recipients left: the only one a run cares for.
func (o *Organisation) unfinished() *broadcast {
	for _, b := range slices.Backward(o.broadcasts) {
		if b.next < len(b.recipients) {
			return b
		}
	}
	return nil
}

// broadcast is one run. What is refused is refused silently.
func (o *Organisation) broadcast() bool {
	b := o.unfinished()
	if b == nil {
		return false
	}
	end := min(b.next+o.server.options.BroadcastContacts, len(b.recipients))
	for ; b.next < end; b.next++ {
		if m, err := b.send(b.recipients[b.next]); err == nil {
			b.rows = append(b.rows, m)
			o.server.handOver(m)
		}
	}
	return true
}

// send stores the message for one recipient.
func (b *broadcast) send(to *contact) (*message, error) {
	if !b.isHSM {
		return b.sendWithoutBody(to)
	}
	m, err := b.organised.send(to, b.input)
	if m != nil {
		m.broadcast = b
	}
	return m, err
}

// sendWithoutBody is what comes of sendHsmMessageToGroup: an empty message to those who
// have written within a day, which the provider refuses.
func (b *broadcast) sendWithoutBody(to *contact) (*message, error) {
	if to.Status != "VALID" || !strings.HasPrefix(to.BSPStatus, "SESSION") {
		return nil, glificError("Sorry! 24 hrs window closed. Your message cannot be sent at this time.")
	}
	m := b.organised.row(to, "")
	m.broadcast, m.number = b, len(to.messages)+1
	to.messages = append(to.messages, m)
	return m, nil
}

// stats is broadcastStats. As in Glific 8.10.1, only the categories are ever counted.
func (b *broadcast) stats() string {
	count := map[string]int{}
	for _, m := range b.rows {
		count[m.status]++
		count[m.bspStatus]++
	}
	return encoded(map[string]any{
		"success": 0, "failed": 0, "pending": 0,
		"msg_categories": map[string]int{
			"sent": count["sent"], "read": count["READ"], "delivered": count["DELIVERED"],
			"enqueued": count["ENQUEUED"], "error": count["ERROR"],
		},
	})
}

func (x *execution) broadcastStats(a arguments) (any, error) {
	for _, b := range x.organisation.broadcasts {
		if fmt.Sprint(b.id) == a.text("messageBroadcastId") {
			return b.stats(), nil
		}
	}
	return (&broadcast{}).stats(), nil
}
