package glifictest

import (
	"slices"
	"strconv"
	"strings"
)

func (x *execution) createGroup(a arguments) (any, error) {
	in := a.object("input")
	if err := x.organisation.labelIsFree(in, nil); err != nil {
		return nil, err
	}
	return object{"group": x.group(x.organisation.addGroup(in.text("label"), in.text("description")))}, nil
}

func (x *execution) updateGroup(a arguments) (any, error) {
	g, in := x.organisation.groups[a.text("id")], a.object("input")
	if g == nil {
		return nil, noSuchGroup
	}
	if err := x.organisation.labelIsFree(in, g); err != nil {
		return nil, err
	}
	if in.has("label") {
		g.label = in.text("label")
	}
	if in.has("description") {
		g.description = in.text("description")
	}
	return object{"group": x.group(g)}, nil
}

func (x *execution) deleteGroup(a arguments) (any, error) {
	g := x.organisation.groups[a.text("id")]
	if g == nil {
		return nil, noSuchGroup
	}
	delete(x.organisation.groups, a.text("id"))
	return object{"group": x.group(g)}, nil
}

// updateGroupContacts says nothing of contacts and groups it does not know.
func (x *execution) updateGroupContacts(a arguments) (any, error) {
	in := a.object("input")
	g := x.organisation.groups[in.text("groupId")]
	joined, left := []object{}, 0
	if g != nil {
		for _, m := range x.organisation.join(g, texts(in.list("addContactIds"))) {
			joined = append(joined, x.membership(g, m))
		}
		left = g.leave(texts(in.list("deleteContactIds")))
	}
	return object{"groupContacts": joined, "numberDeleted": left}, nil
}

func (x *execution) countGroups(a arguments) (any, error) {
	return len(x.matchingGroups(a.object("filter"))), nil
}

// labelIsFree refuses a label that another group has.
func (o *Organisation) labelIsFree(in arguments, except *group) error {
	taken := slices.ContainsFunc(o.groupsByID(), func(g *group) bool {
		return g != except && strings.EqualFold(g.label, in.text("label"))
	})
	if taken {
		return payloadError{"label", "Label: has already been taken"}
	}
	return nil
}

var noSuchGroup = payloadError{"Elixir.Glific.Groups.Group", notFound}

func (g *group) textID() string { return strconv.Itoa(g.id) }
