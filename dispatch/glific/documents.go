package glific

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// document is what a call asks of Glific: one root field, of which a GraphQL document
// may hold several.
type document struct {
	operation  Operation
	name       string // of the GraphQL operation
	mutation   bool
	repeatable bool // may run twice without harm
	most       int  // root fields of this kind in one document
	field      string
	parameters []parameter
	arguments  string // of the field, with its variables
	selection  string
	texts      sync.Map // by number of root fields
}

// parameter is a variable of a document.
type parameter struct{ name, kind string }

// atOnce is how many sends, contact look-ups or the like go in one document at most.
// Glific runs them one after another and drops a request after 60 s.
const atOnce = 10

const contactFields = `id status bspStatus optinTime optoutTime`

var contactByPhone = &document{
	operation: OpContactByPhone, name: "ContactByPhone", repeatable: true, most: atOnce,
	field: "contactByPhone", parameters: []parameter{{"phone", "String!"}}, arguments: `phone: $phone`,
	selection: `
    contact { ` + contactFields + ` }
    errors { key message }`,
}

// A repeated opt-in would overwrite what somebody changed in between.
var optinContact = &document{
	operation: OpOptinContact, name: "OptinContact", mutation: true, most: atOnce,
	field: "optinContact", parameters: []parameter{{"phone", "String!"}, {"name", "String"}}, arguments: `phone: $phone, name: $name`,
	selection: `
    contact { ` + contactFields + ` }
    errors { key message }`,
}

// sendHsmMessage would be the simpler mutation, but it takes no sendAt, so that
// nobody could tell afterwards whether a message was accepted.
var createAndSendMessage = &document{
	operation: OpSend, name: "Send", mutation: true, most: atOnce,
	field: "createAndSendMessage", parameters: []parameter{{"input", "MessageInput!"}}, arguments: `input: $input`,
	selection: `
    message { id templateId sendAt status bspStatus isHsm }
    errors { key message }`,
}

var search = &document{
	operation: OpFindSent, name: "FindSent", repeatable: true, most: atOnce,
	field: "search", parameters: []parameter{{"contact", "Gid!"}, {"limit", "Int!"}},
	arguments: `filter: {ids: [$contact]}, contactOpts: {limit: 1}, messageOpts: {limit: $limit}`,
	selection: `
    contact { id }
    messages { id templateId isHsm sendAt status bspStatus insertedAt }`,
}

var messageByID = &document{
	operation: OpReceipts, name: "Receipts", repeatable: true, most: ReceiptsAtOnce,
	field: "message", parameters: []parameter{{"id", "ID!"}}, arguments: `id: $id`,
	selection: `
    message { id status bspStatus errors updatedAt }
    errors { key message }`,
}

var sessionTemplate = &document{
	operation: OpTemplate, name: "Template", repeatable: true, most: atOnce,
	field: "sessionTemplate", parameters: []parameter{{"id", "ID!"}}, arguments: `id: $id`,
	selection: `
    sessionTemplate { id numberParameters type status isActive body language { locale } }
    errors { key message }`,
}

var organization = &document{
	operation: OpOrganization, name: "Organization", repeatable: true, most: 1, field: "organization",
	selection: `
    organization { isSuspended suspendedUntil }
    errors { key message }`,
}

var currentUser = &document{
	operation: OpCurrentUser, name: "CurrentUser", repeatable: true, most: 1, field: "currentUser",
	selection: `
    user { roles isRestricted language { locale } }
    errors { key message }`,
}

// sendHsmMessageToGroup exists, but does not send templates.
var createAndSendMessageToGroup = &document{
	operation: OpSendToGroup, name: "SendToGroup", mutation: true, most: 1,
	field: "createAndSendMessageToGroup", parameters: []parameter{{"input", "MessageInput!"}, {"group", "ID!"}},
	arguments: `input: $input, groupId: $group`,
	selection: `
    success
    contactIds
    errors { key message }`,
}

var searchGroup = &document{
	operation: OpFindSentToGroup, name: "FindSentToGroup", repeatable: true, most: atOnce,
	field: "search", parameters: []parameter{{"group", "Gid!"}, {"limit", "Int!"}},
	arguments: `filter: {searchGroup: true, includeGroups: [$group]}, contactOpts: {limit: 1}, messageOpts: {limit: $limit}`,
	selection: `
    group { id }
    messages { id body sendAt insertedAt }`,
}

// contacts would be clamped to 50 at a time.
var contactGroups = &document{
	operation: OpGroupMembers, name: "GroupMembers", repeatable: true, most: 1,
	field: "contactGroups", parameters: []parameter{{"group", "ID!"}, {"limit", "Int!"}, {"offset", "Int!"}},
	arguments: `filter: {groupId: $group}, opts: {orderWith: "id", order: ASC, limit: $limit, offset: $offset}`,
	selection: `
    contact { phone name ` + contactFields + ` }`,
}

// text is the document for so many root fields: the field as it is if it is one, else
// under the aliases a1, a2, … with the variables numbered likewise.
func (d *document) text(fields int) string {
	if text, ok := d.texts.Load(fields); ok {
		return text.(string)
	}
	text := d.build(fields)
	d.texts.Store(fields, text)
	return text
}

func (d *document) build(fields int) string {
	var declarations []string
	var body strings.Builder
	for i := range fields {
		alias, number := "", ""
		if fields > 1 {
			alias, number = aliasOf(i)+": ", fmt.Sprint(i+1)
		}
		for _, p := range d.parameters {
			declarations = append(declarations, "$"+p.name+number+": "+p.kind)
		}
		arguments := variable.ReplaceAllString(inBrackets(d.arguments), "${0}"+number)
		fmt.Fprintf(&body, "  %s%s%s {%s\n  }\n", alias, d.field, arguments, d.selection)
	}
	kind := "query"
	if d.mutation {
		kind = "mutation"
	}
	return fmt.Sprintf("%s %s%s {\n%s}", kind, d.name, inBrackets(strings.Join(declarations, ", ")), body.String())
}

// inBrackets is a list as GraphQL wants it: without brackets if there is nothing in it.
func inBrackets(list string) string {
	if list == "" {
		return ""
	}
	return "(" + list + ")"
}

var variable = regexp.MustCompile(`\$\w+`)

func aliasOf(i int) string { return fmt.Sprintf("a%d", i+1) }

// numbered are the variables of so many calls as text names them.
func numbered(calls []map[string]any) map[string]any {
	if len(calls) == 1 {
		return calls[0]
	}
	all := make(map[string]any)
	for i, variables := range calls {
		for name, value := range variables {
			all[fmt.Sprintf("%s%d", name, i+1)] = value
		}
	}
	return all
}
