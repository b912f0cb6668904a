package glifictest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// group is a collection of contacts.
type group struct {
	id          int
	label       string
	description string
	members     []membership // ordered by id
	messages    []*message   // the rows of messages to it, in order
	usedAt      time.Time    // of the last message to it; zero: none
}

type membership struct {
	id      int
	contact *contact
}

// AddGroup stores a collection of these contacts and returns its id.
func (o *Organisation) AddGroup(label string, contactIDs ...string) string {
	defer o.lock()()
	g := o.addGroup(label, "")
	o.join(g, contactIDs)
	return g.textID()
}

// AddToGroup adds contacts to a collection.
func (o *Organisation) AddToGroup(groupID string, contactIDs ...string) {
	defer o.lock()()
	if g := o.groups[groupID]; g != nil {
		o.join(g, contactIDs)
	}
}

// RemoveFromGroup takes contacts out of a collection.
func (o *Organisation) RemoveFromGroup(groupID string, contactIDs ...string) {
	defer o.lock()()
	if g := o.groups[groupID]; g != nil {
		g.leave(contactIDs)
	}
}

// RemoveGroup deletes a collection.
func (o *Organisation) RemoveGroup(groupID string) {
	defer o.lock()()
	delete(o.groups, groupID)
}

func (o *Organisation) addGroup(label, description string) *group {
	o.server.groupIDs++
	g := &group{id: o.server.groupIDs, label: label, description: description}
	o.groups[g.textID()] = g
	return g
}

// join returns the memberships that are new; unknown contacts are left out.
func (o *Organisation) join(g *group, contactIDs []string) []membership {
	old := len(g.members)
	for _, id := range contactIDs {
		c := o.byID[id]
		in := slices.ContainsFunc(g.members, func(m membership) bool { return m.contact == c })
		if c == nil || in {
			continue
		}
		o.server.membershipIDs++
		g.members = append(g.members, membership{o.server.membershipIDs, c})
	}
	return g.members[old:]
}

// leave returns how many were members.
func (g *group) leave(contactIDs []string) int {
	before := len(g.members)
	g.members = slices.DeleteFunc(g.members, func(m membership) bool { return slices.Contains(contactIDs, m.contact.ID) })
	return before - len(g.members)
}

// groupsByID are the collections in order of id.
func (o *Organisation) groupsByID() []*group {
	return slices.SortedFunc(maps.Values(o.groups), func(x, y *group) int { return x.id - y.id })
}

func (x *execution) groupByID(a arguments) (any, error) {
	g := x.organisation.groups[a.text("id")]
	if g == nil {
		return nil, noSuchGroup
	}
	return object{"group": x.group(g)}, nil
}

func (x *execution) listGroups(a arguments) (any, error) {
	found := x.matchingGroups(a.object("filter"))
	objects := []object{}
	for _, g := range page(found, a.object("opts"), (*group).column, len(found), 0) {
		objects = append(objects, x.group(g))
	}
	return objects, nil
}

func (x *execution) matchingGroups(filter arguments) []*group {
	var found []*group
	for _, g := range x.organisation.groupsByID() {
		if filter.ilike("label", g.label) {
			found = append(found, g)
		}
	}
	return found
}

func (g *group) column(name string) string {
	if name == "id" {
		return g.textID()
	}
	return strings.ToLower(g.label)
}

// memberships are those a ContactGroupFilter asks for, ordered by id.
func (x *execution) memberships(filter arguments) []object {
	list := []object{}
	for _, g := range x.organisation.groupsByID() {
		if !filter.equals("groupId", g.textID()) {
			continue
		}
		for _, m := range g.members {
			if filter.equals("contactId", m.contact.ID) {
				list = append(list, x.membership(g, m))
			}
		}
	}
	slices.SortFunc(list, func(x, y object) int { return compare(x["id"].(string), y["id"].(string)) })
	return list
}

func (x *execution) membership(g *group, m membership) object {
	return object{
		"id":      strconv.Itoa(m.id),
		"contact": func() any { return x.contact(m.contact) },
		"group":   func() any { return x.group(g) },
	}
}

// contactGroups clamps no limit, and without one lists all.
func (x *execution) contactGroups(a arguments) (any, error) {
	all := x.memberships(a.object("filter"))
	byID := func(o object, _ string) string { return o["id"].(string) }
	return page(all, a.object("opts"), byID, len(all), 0), nil
}

func (x *execution) countContactGroups(a arguments) (any, error) {
	return len(x.memberships(a.object("filter"))), nil
}

func (x *execution) groupsOf(c *contact) []object {
	list := []object{}
	for _, g := range x.organisation.groupsByID() {
		if slices.ContainsFunc(g.members, func(m membership) bool { return m.contact == c }) {
			list = append(list, x.group(g))
		}
	}
	return list
}

func (x *execution) group(g *group) object {
	return object{
		"id":                  g.textID(),
		"label":               g.label,
		"description":         orNull(g.description),
		"isRestricted":        false,
		"lastCommunicationAt": microseconds(g.usedAt),
		"contactsCount":       len(g.members),
		"usersCount":          0,
		"users":               []object{},
		"contacts": func() any {
			contacts := []object{}
			for _, m := range g.members {
				contacts = append(contacts, x.contact(m.contact))
			}
			return contacts
		},
	}
}
