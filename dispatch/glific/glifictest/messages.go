package glifictest

import (
	"crypto/md5"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// message is a row of Glific's messages.
type message struct {
	id           int
	number       int // among those of its contact
	organisation *Organisation
	contact      *contact
	templateID   int
	parameters   []string // not a column of Glific's: kept for the ledger
	body         string
	status       string
	bspStatus    string // empty: null
	errors       string
	sendAt       time.Time
	insertedAt   time.Time
	updatedAt    time.Time
}

// Error texts of Glific 8.10.1.
const (
	notFound   = "Resource not found"
	unexpected = "Something unexpected has happened, please reach out to Glific team over discord to get this resolved"
)

const maxMessage = 4096 // characters

var placeholder = regexp.MustCompile(`\{\{([0-9]+)\}\}`)

// createAndSendMessage sends a template: it stores a row and leaves the rest to the
// worker. sendAt is stored in whole seconds and echoed.
func (x *execution) createAndSendMessage(a arguments) (any, error) {
	in, o := a.object("input"), x.organisation
	if !in.flag("isHsm") {
		return nil, errors.New("this fake of Glific sends only templates: isHsm must be true")
	}
	receiver := o.byID[in.text("receiverId")]
	if receiver == nil {
		return nil, glificError("Receiver does not exist")
	}
	if !in.has("params") || !in.has("templateId") {
		return nil, glificError(unexpected)
	}
	parameters := cleaned(in.list("params"))
	template, err := o.sendable(in, parameters, receiver)
	if err != nil {
		return nil, err
	}
	m := x.insert(receiver, template, parameters)
	if in.has("sendAt") {
		at, err := time.Parse(time.RFC3339, in.text("sendAt"))
		if err != nil {
			return nil, glificError(unexpected)
		}
		m.sendAt = at.Truncate(time.Second)
	}
	switch {
	case utf8.RuneCountInString(m.body) > maxMessage:
		return nil, glificError("Message size greater than 4096 characters")
	case !o.gupshup:
		m.status = "error"
		return nil, glificError("Could not send message to contact: Check Gupshup Setting")
	}
	x.accepted = append(x.accepted, m)
	return object{"message": x.message(m)}, nil
}

// sendable makes Glific's checks in Glific's order.
func (o *Organisation) sendable(in arguments, parameters []string, receiver *contact) (Template, error) {
	id := in.integer("templateId")
	template, ok := o.templates[id]
	refuse := func(text string) (Template, error) { return Template{}, glificError(text) }
	switch {
	case !ok:
		return refuse(fmt.Sprintf("Not able to fetch the template with id %d. ERROR: [%q]", id, notFound))
	case len(parameters) != template.Parameters:
		return refuse("Please provide the right number of parameters for the template.")
	case template.Media && !in.has("mediaId"):
		return refuse("Please provide media for media template.")
	case receiver.Status != "VALID":
		return refuse("Contact status is not valid.")
	case receiver.BSPStatus != "HSM" && receiver.BSPStatus != "SESSION_AND_HSM":
		return refuse("Cannot send hsm message to contact, invalid BSP status.")
	case receiver.OptinTime.IsZero():
		return refuse("Cannot send hsm message to contact, not opted in.")
	case o.suspended:
		return refuse("Cannot send hsm message to contact, organization is in suspended state")
	}
	return template, nil
}

// cleaned are parameters with runs of white space as one space; null becomes "".
// Unlike real Glific, @contact.name and the like are not expanded.
func cleaned(list []any) []string {
	texts := make([]string, len(list))
	for i, p := range list {
		if p != nil {
			texts[i] = strings.Join(strings.Fields(fmt.Sprint(p)), " ")
		}
	}
	return texts
}

// insert stores a row.
func (x *execution) insert(to *contact, t Template, parameters []string) *message {
	o := x.organisation
	o.server.messageIDs++
	m := &message{
		id:           o.server.messageIDs,
		number:       len(to.messages) + 1,
		organisation: o,
		contact:      to,
		templateID:   t.ID,
		parameters:   parameters,
		body:         rendered(t.Body, parameters),
		status:       "enqueued",
		errors:       "{}",
		insertedAt:   x.now(),
		updatedAt:    x.now(),
	}
	o.messages[m.id] = m
	to.messages = append(to.messages, m)
	return m
}

// rendered is a template's body with its parameters filled in.
func rendered(body string, parameters []string) string {
	return placeholder.ReplaceAllStringFunc(body, func(p string) string {
		n, err := strconv.Atoi(p[2 : len(p)-2])
		if err != nil || n < 1 || n > len(parameters) {
			return p
		}
		return parameters[n-1]
	})
}

func (x *execution) messageByID(a arguments) (any, error) {
	id, err := strconv.Atoi(a.text("id"))
	m := x.organisation.messages[id]
	if err != nil || m == nil {
		return nil, payloadError{"Elixir.Glific.Messages.Message", notFound}
	}
	return object{"message": x.message(m)}, nil
}

// listMessages knows the filters body, either, receiver, user and bspStatus.
func (x *execution) listMessages(a arguments) (any, error) {
	filter := a.object("filter")
	for _, name := range []string{"sender", "types", "tagsIncluded", "tagsExcluded", "dateRange", "flowId"} {
		if filter.has(name) {
			return nil, fmt.Errorf("this fake of Glific does not filter messages by %s", name)
		}
	}
	var found []*message
	for _, m := range x.organisation.messages {
		phone := filter.ilike("either", m.contact.Phone) && filter.ilike("receiver", m.contact.Phone)
		if phone && filter.ilike("body", m.body) && filter.ilike("user", x.organisation.user.name) && filter.equals("bspStatus", m.bspStatus) {
			found = append(found, m)
		}
	}
	slices.SortFunc(found, func(x, y *message) int { return x.id - y.id })
	objects := []object{}
	for _, m := range page(found, a.object("opts"), messageColumn, 25, 50) {
		objects = append(objects, x.message(m))
	}
	return objects, nil
}

func messageColumn(m *message, column string) string {
	if column == "updated_at" {
		return m.updatedAt.UTC().Format("2006-01-02T15:04:05.000000000")
	}
	return strconv.Itoa(m.id)
}

// message is the row as it is now; params is null, as Glific does not store it.
func (x *execution) message(m *message) object {
	sum := md5.Sum([]byte(m.body))
	return object{
		"id":            strconv.Itoa(m.id),
		"body":          m.body,
		"uuid":          fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:]),
		"type":          "TEXT",
		"flow":          "OUTBOUND",
		"status":        m.status,
		"bspStatus":     orNull(m.bspStatus),
		"errors":        m.errors,
		"messageNumber": m.number,
		"sendBy":        m.organisation.user.name,
		"isHsm":         true,
		"templateId":    m.templateID,
		"sendAt":        seconds(m.sendAt),
		"insertedAt":    microseconds(m.insertedAt),
		"updatedAt":     microseconds(m.updatedAt),
		"contact":       func() any { return x.contact(m.contact) },
		"receiver":      func() any { return x.contact(m.contact) },
		"user":          func() any { return x.user() },
		"tags":          []object{},
	}
}

func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}
