package glifictest_test

import (
	"fmt"
	"strings"
	"testing"

	"avni-messenger/dispatch/glific/glifictest"
)

// members adds opted-in contacts and returns their ids.
func (f *fake) members(n int) []string {
	var ids []string
	for i := range n {
		ids = append(ids, f.asha.AddOptedInContact(fmt.Sprintf("9198%08d", i), fmt.Sprintf("Member %d", i)))
	}
	return ids
}

// Unlike contacts, contactGroups takes any limit and has an order of its own: by id.
func TestContactGroupsPages(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	members := f.members(120)
	g := f.asha.AddGroup("Ward 1", members...)
	f.asha.AddGroup("Ward 2", members[:3]...)
	page := func(opts string) string {
		return f.query(`{ contactGroups(filter: {groupId: `+g+`}`+opts+`) { contact { id phone } } }`, "")
	}
	for opts, want := range map[string]int{``: 120, `, opts: {limit: 100}`: 100, `, opts: {limit: 100, offset: 100}`: 20, `, opts: {offset: 120}`: 0} {
		if got := strings.Count(page(opts), `"id"`); got != want {
			t.Errorf("contactGroups%s: %d, want %d", opts, got, want)
		}
	}
	f.want(page(`, opts: {limit: 2, offset: 118}`), `{"data":{"contactGroups":[`+
		`{"contact":{"id":"119","phone":"919800000118"}},{"contact":{"id":"120","phone":"919800000119"}}]}}`)
	f.want(f.query(`{ countContactGroups(filter: {contactId: 2}) c: contact(id: 2) { contact { groups { label contactsCount } } } }`, ""),
		`{"data":{"c":{"contact":{"groups":[{"contactsCount":120,"label":"Ward 1"},{"contactsCount":3,"label":"Ward 2"}]}},"countContactGroups":2}}`)
}

func TestGroupsChange(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.members(3)
	f.want(f.query(`mutation { createGroup(input: {label: "Ward 1", description: "mothers"}) { group { id label } } }`, ""),
		`{"data":{"createGroup":{"group":{"id":"1","label":"Ward 1"}}}}`)
	f.want(f.query(`mutation { createGroup(input: {label: "Ward 1"}) { errors { key message } } }`, ""),
		`{"data":{"createGroup":{"errors":[{"key":"label","message":"Label: has already been taken"}]}}}`)
	f.want(f.query(`mutation { updateGroupContacts(input: {groupId: 1, addContactIds: [1, 2, 2, 9], deleteContactIds: []}) { numberDeleted groupContacts { contact { id } } } }`, ""),
		`{"data":{"updateGroupContacts":{"groupContacts":[{"contact":{"id":"1"}},{"contact":{"id":"2"}}],"numberDeleted":0}}}`)
	f.asha.AddToGroup("1", "3")
	f.asha.RemoveFromGroup("1", "1")
	f.want(f.query(`mutation { same: updateGroup(id: 1, input: {label: "Ward 1"}) { group { label } } updateGroup(id: 1, input: {label: "Ward one"}) { group { description } }
		updateGroupContacts(input: {groupId: 1, addContactIds: [], deleteContactIds: [2, 1]}) { numberDeleted } }`, ""),
		`{"data":{"same":{"group":{"label":"Ward 1"}},"updateGroup":{"group":{"description":"mothers"}},"updateGroupContacts":{"numberDeleted":1}}}`)
	f.want(f.query(`{ groups(filter: {label: "ONE"}) { id label contacts { id } } countGroups group(id: 2) { errors { key message } } }`, ""),
		`{"data":{"countGroups":1,"group":{"errors":[{"key":"Elixir.Glific.Groups.Group","message":"Resource not found"}]},`+
			`"groups":[{"contacts":[{"id":"3"}],"id":"1","label":"Ward one"}]}}`)
	f.asha.SetRole("Staff")
	f.want(f.query(`mutation { deleteGroup(id: 1) { group { id } } }`, ""),
		`{"data":{"deleteGroup":null},"errors":[{"message":"Unauthorized","locations":[{"line":1,"column":12}],"path":["deleteGroup"]}]}`)
	f.asha.SetRole("Manager")
	f.want(f.query(`mutation { deleteGroup(id: 1) { group { id } } }`, ""), `{"data":{"deleteGroup":{"group":{"id":"1"}}}}`)
	f.want(f.query(`{ countGroups }`, ""), `{"data":{"countGroups":0}}`)
}
