package glifictest

import (
	"crypto/md5"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// message is a row of Glific's messages.
type message struct {
	id           int
	number       int // among those of its contact
	organisation *Organisation
	contact      *contact
	group        *group     // of a message to a group
	broadcast    *broadcast // nil: sent to one contact
	templateID   int
	kind         string   // TEXT, IMAGE, …
	parameters   []string // not a column of Glific's: kept for the ledger
	body         string
	status       string
	bspStatus    string // empty: null
	bspID        string
	errors       string
	sendAt       time.Time
	insertedAt   time.Time
	updatedAt    time.Time
}

// row stores a message.
func (o *Organisation) row(to *contact, body string) *message {
	now := o.server.options.Now()
	o.server.messageIDs++
	m := &message{
		id:           o.server.messageIDs,
		organisation: o,
		contact:      to,
		kind:         "TEXT",
		body:         body,
		status:       "enqueued",
		errors:       "{}",
		insertedAt:   now,
		updatedAt:    now,
	}
	o.messages[m.id] = m
	return m
}

func (x *execution) messageByID(a arguments) (any, error) {
	id, err := strconv.Atoi(a.text("id"))
	m := x.organisation.messages[id]
	if err != nil || m == nil {
		return nil, payloadError{"Elixir.Glific.Messages.Message", notFound}
	}
	return object{"message": x.message(m)}, nil
}

// listMessages orders by insertion unless told otherwise, and clamps its limit.
func (x *execution) listMessages(a arguments) (any, error) {
	found, err := x.matchingMessages(a.object("filter"))
	if err != nil {
		return nil, err
	}
	objects := []object{}
	for _, m := range page(found, a.object("opts"), messageColumn, 25, 50) {
		objects = append(objects, x.message(m))
	}
	return objects, nil
}

func (x *execution) countMessages(a arguments) (any, error) {
	found, err := x.matchingMessages(a.object("filter"))
	return len(found), err
}

// matchingMessages filters as Glific does: receiver and sender are parts of names,
// either is one of a phone, user one of an API user's name.
func (x *execution) matchingMessages(filter arguments) ([]*message, error) {
	for _, name := range []string{"tagsIncluded", "tagsExcluded", "flowId"} {
		if filter.has(name) {
			return nil, fmt.Errorf("this fake of Glific does not filter messages by %s", name)
		}
	}
	var found []*message
	for _, m := range x.organisation.messages {
		if m.matches(filter) {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(x, y *message) int { return x.id - y.id })
	return found, nil
}

func (m *message) matches(filter arguments) bool {
	o := m.organisation
	named := filter.ilike("either", m.contact.Phone) && filter.ilike("receiver", m.contact.Name) &&
		filter.ilike("sender", o.self.Name) && filter.ilike("body", m.body) && filter.ilike("user", o.user.name)
	typed := !filter.has("types") || slices.Contains(texts(filter.list("types")), m.kind)
	return named && typed && filter.equals("bspStatus", m.bspStatus) && m.within(filter.object("dateRange"))
}

// within reports whether a time of the row is in a DateRangeInput, which goes to the
// end of its last day.
func (m *message) within(dates arguments) bool {
	at := m.insertedAt
	if dates.text("column") == "updated_at" {
		at = m.updatedAt
	}
	from, to := moment(dates, "from"), moment(dates, "to")
	return !(dates.has("from") && at.Before(from)) && !(dates.has("to") && !at.Before(to.UTC().Truncate(24*time.Hour).Add(24*time.Hour)))
}

// messageColumn sorts times by their nanoseconds.
func messageColumn(m *message, column string) string {
	switch column {
	case "updated_at":
		return strconv.FormatInt(m.updatedAt.UnixNano(), 10)
	case "inserted_at":
		return strconv.FormatInt(m.insertedAt.UnixNano(), 10)
	default:
		return strconv.Itoa(m.id)
	}
}

// message is the row as it is now; params is null, as Glific does not store it.
func (x *execution) message(m *message) object {
	sum := md5.Sum([]byte(m.body))
	var groupID, broadcastID, templateID any
	if m.templateID != 0 {
		templateID = m.templateID
	}
	if m.group != nil {
		groupID = m.group.id
	}
	if m.broadcast != nil {
		broadcastID = strconv.Itoa(m.broadcast.id)
	}
	return object{
		"bspMessageId":       orNull(m.bspID),
		"groupId":            groupID,
		"messageBroadcastId": broadcastID,
		"id":                 strconv.Itoa(m.id),
		"body":               m.body,
		"uuid":               fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:]),
		"type":               m.kind,
		"flow":               "OUTBOUND",
		"status":             m.status,
		"bspStatus":          orNull(m.bspStatus),
		"errors":             m.errors,
		"messageNumber":      m.number,
		"sendBy":             m.organisation.user.name,
		"isHsm":              m.templateID != 0,
		"templateId":         templateID,
		"sendAt":             seconds(m.sendAt),
		"insertedAt":         microseconds(m.insertedAt),
		"updatedAt":          microseconds(m.updatedAt),
		"contact":            func() any { return x.contact(m.contact) },
		"receiver":           func() any { return x.contact(m.contact) },
		"user":               func() any { return x.user() },
		"tags":               []object{},
	}
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
