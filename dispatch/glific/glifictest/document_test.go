package glifictest_test

import (
	"encoding/json"
	"testing"

	"avni-messenger/dispatch/glific/glifictest"
)

// TestStrictInput shows that what Absinthe refuses is refused, without data, and that
// what it takes is taken.
func TestStrictInput(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	const send = `mutation($i: MessageInput!) { createAndSendMessage(input: $i) { message { id } } }`
	const search = `query($ids: [Gid], $o: Opts!) { search(filter: {ids: $ids}, contactOpts: $o, messageOpts: $o) { id } }`
	for _, test := range []struct {
		valid               bool
		document, variables string
	}{
		{true, send, `{"i":{"isHsm":true,"templateId":1,"receiverId":1,"params":["x",null],"sendAt":"2026-01-01T00:00:00+05:30"}}`},
		{true, send, `{"i":{"receiverId":"1","mediaId":null}}`},
		{true, send, `{"i":{"params":"one"}}`},
		{false, send, `{"i":{"templateId":"1"}}`},
		{false, send, `{"i":{"templateId":1.5}}`},
		{false, send, `{"i":{"templateId":9007199254740992}}`},
		{false, send, `{"i":{"receiverId":1.5}}`},
		{false, send, `{"i":{"params":[1]}}`},
		{false, send, `{"i":{"isHsm":"true"}}`},
		{false, send, `{"i":{"sendAt":"2026-01-01"}}`},
		{false, send, `{"i":{"sendAt":"2026-01-01T00:00:00"}}`},
		{false, send, `{"i":{"type":"text"}}`},
		{false, send, `{"i":{"is_hsm":true}}`},
		{false, send, `{"i":"x"}`},
		{false, send, `{"i":null}`},
		{false, send, `{}`},
		{true, search, `{"ids":["1"],"o":{"limit":1}}`},
		{true, search, `{"ids":"1","o":{}}`},
		{false, search, `{"ids":[1],"o":{"limit":1}}`},
		{false, search, `{"ids":["x"],"o":{"limit":1}}`},
		{false, search, `{"ids":["1"],"o":{"limit":"1"}}`},
		{false, `{ search(filter: {ids: [1]}, contactOpts: {}, messageOpts: {}) { id } }`, ``},
		{true, `{ search(filter: {ids: ["1"]}, contactOpts: {}, messageOpts: {}) { id } }`, ``},
		{false, `mutation { createAndSendMessage(input: {templateId: "1"}) { message { id } } }`, ``},
		{false, `mutation { createAndSendMessage(input: {sendAt: "2026-01-01"}) { message { id } } }`, ``},
		{false, `mutation { createAndSendMessage(input: {params: ["a", 1]}) { message { id } } }`, ``},
		{false, `mutation { createAndSendMessage(input: {isHsm: "true", params: []}) { message { id } } }`, ``},
		{false, `mutation { optinContact(phone: "91", phones: "92") { contact { id } } }`, ``},
		{false, `query($id: Int!) { message(id: $id) { message { id } } }`, `{"id":1}`},
		{false, `query($id: ID!) { search(filter: {id: $id}, contactOpts: {}, messageOpts: {}) { id } }`, `{"id":"1"}`},
		{false, `query { message(id: $id) { message { id } } }`, `{"id":1}`},
		{false, `{ messages(opts: {order: "ASC"}) { id } }`, ``},
		{true, `{ messages(opts: {order: ASC}) { id } }`, ``},
		{false, `{ message(id: 1) }`, ``},
		{false, `{ messages(filter: {dateRange: {from: "yesterday"}}) { id } }`, ``},
		{false, `mutation { startContactFlow(flowId: 1, contactId: 1, defaultResults: "{") { success } }`, ``},
		{false, `mutation { startContactFlow(flowId: 1, contactId: 1, defaultResults: {a: 1}) { success } }`, ``},
		{false, `{ contactByPhone { contact { id } } }`, ``},
		{false, `{ contactByPhone(phone: 91) { contact { id } } }`, ``},
		{false, `{ contactByPhone(phone: "91") { contact { id nope } } }`, ``},
		{false, `{ contactByPhone(phone: "91")`, ``},
	} {
		var answer map[string]json.RawMessage
		body := f.query(test.document, test.variables)
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		_, hasData := answer["data"]
		_, hasErrors := answer["errors"]
		if hasData != test.valid || !test.valid && !hasErrors {
			t.Errorf("%s %s: valid %t, want %t: %s", test.document, test.variables, hasData, test.valid, body)
		}
	}
}

// Root fields run in order and fail alone, in the two ways in which Glific reports errors.
func TestAliasesFailAlone(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.asha.AddOptedInContact(mother, "Sita")
	f.want(f.query(`query {
  a: contactByPhone(phone: "919876512345") { ...R }
  b: contactByPhone(phone: "1") { ...R }
  c: bspbalance
}
fragment R on ContactResult { __typename contact { id } errors { key message } }`, ""),
		`{"data":{"a":{"__typename":"ContactResult","contact":{"id":"1"},"errors":null},`+
			`"b":{"__typename":"ContactResult","contact":null,"errors":[{"key":"Contact","message":"Contact not found or permission denied."}]},"c":null},`+
			`"errors":[{"message":"this fake of Glific does not implement bspbalance","locations":[{"line":4,"column":3}],"path":["c"]}]}`)
	f.asha.SetRole("Staff")
	f.want(f.query(`mutation { optinContact(phone: "91") { contact { id } } }`, ""),
		`{"data":{"optinContact":null},"errors":[{"message":"Unauthorized","locations":[{"line":1,"column":12}],"path":["optinContact"]}]}`)
	const whoAmI = `{ contactByPhone(phone: "919876512345") { contact { phone } } currentUser { user { name phone roles isRestricted } } }`
	f.want(f.query(whoAmI, ""), `{"data":{"contactByPhone":{"contact":{"phone":""}},`+
		`"currentUser":{"user":{"isRestricted":null,"name":"API user of asha","phone":"919999900001","roles":["Staff"]}}}}`)
	f.asha.SetRole("Admin")
	f.want(f.query(whoAmI, ""), `{"data":{"contactByPhone":{"contact":{"phone":"919876512345"}},`+
		`"currentUser":{"user":{"isRestricted":false,"name":"API user of asha","phone":"919999900001","roles":["Admin"]}}}}`)
}
