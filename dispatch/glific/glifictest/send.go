package glifictest

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

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
	return x.sendTemplate(receiver, in)
}

// sendHsmMessage takes no sendAt and no media, and minds less what is missing.
func (x *execution) sendHsmMessage(a arguments) (any, error) {
	receiver := x.organisation.byID[a.text("receiverId")]
	id, err := strconv.Atoi(a.text("templateId"))
	if receiver == nil || err != nil || !a.has("parameters") {
		return nil, glificError(unexpected)
	}
	return x.sendTemplate(receiver, arguments{"templateId": int64(id), "params": a["parameters"]})
}

func (x *execution) sendTemplate(receiver *contact, in arguments) (any, error) {
	m, err := x.organisation.send(receiver, in)
	if err != nil {
		return nil, err
	}
	if !x.withoutJobs {
		x.accepted = append(x.accepted, m)
	}
	return object{"message": x.message(m)}, nil
}

// send stores a template for a contact; the worker is the caller's concern.
func (o *Organisation) send(receiver *contact, in arguments) (*message, error) {
	parameters := receiver.fill(in.list("params"))
	template, err := o.sendable(in, parameters, receiver)
	if err != nil {
		return nil, err
	}
	m := o.insert(receiver, template, parameters)
	m.sendAt = moment(in, "sendAt").Truncate(time.Second)
	return m, m.sendable()
}

// moment is a DateTime; the zero time if it was not given.
func moment(in arguments, name string) time.Time {
	at, _ := time.Parse(time.RFC3339, in.text(name)) // checked by checkInput
	return at
}

// sendable refuses a message that is already stored.
func (m *message) sendable() error {
	const noProvider = "Could not send message to contact: Check Gupshup Setting"
	switch {
	case utf8.RuneCountInString(m.body) > maxMessage:
		return glificError("Message size greater than 4096 characters")
	case !m.organisation.gupshup:
		m.status = "error"
		m.organisation.notify(m.contact, noProvider)
		return glificError(noProvider)
	}
	return nil
}

// sendable makes Glific's checks in Glific's order.
func (o *Organisation) sendable(in arguments, parameters []string, receiver *contact) (Template, error) {
	id := in.integer("templateId")
	template, ok := o.templates[id]
	refuse := func(text string) (Template, error) { return Template{}, glificError(text) }
	notify := func(text string) (Template, error) {
		o.notify(receiver, text)
		return refuse(text)
	}
	switch {
	case !ok:
		return refuse(fmt.Sprintf("Not able to fetch the template with id %d. ERROR: [%q]", id, notFound))
	case len(parameters) != template.Parameters:
		return refuse("Please provide the right number of parameters for the template.")
	case template.Media && !in.has("mediaId"):
		return refuse("Please provide media for media template.")
	case receiver.Status != "VALID":
		return notify("Contact status is not valid.")
	case receiver.BSPStatus == "" || receiver.BSPStatus == "NONE":
		return notify("Cannot send hsm message to contact, invalid BSP status.")
	case receiver.OptinTime.IsZero():
		return notify("Cannot send hsm message to contact, not opted in.")
	case o.suspended:
		return notify("Cannot send hsm message to contact, organization is in suspended state")
	}
	return template, nil
}

// fill are parameters with the contact's name and phone in place of @contact.name and
// @contact.phone, and runs of white space as one space; null becomes "". Unlike real
// Glific, other expansions are left as they are.
func (c *contact) fill(list []any) []string {
	expand := strings.NewReplacer("@contact.name", c.Name, "@contact.phone", c.Phone)
	all := texts(list)
	for i := range all {
		all[i] = strings.Join(strings.Fields(expand.Replace(all[i])), " ")
	}
	return all
}

// texts are the elements of a list of strings; null becomes "".
func texts(list []any) []string {
	all := make([]string, len(list))
	for i, p := range list {
		if p != nil {
			all[i] = fmt.Sprint(p)
		}
	}
	return all
}

// insert stores a template for a contact.
func (o *Organisation) insert(to *contact, t Template, parameters []string) *message {
	m := o.row(to, rendered(t.text(to.Language), parameters))
	m.templateID, m.parameters, m.kind = t.ID, parameters, t.Type
	m.number = len(to.messages) + 1
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
