package glifictest

import (
	"errors"
	"fmt"
)

// mostSearched is the clamp of search on messages per conversation.
const mostSearched = 250

// search lists the newest messages of contacts or groups, newest first. Without a
// limit for the messages, or with FailSearch, it answers [] for contacts.
func (x *execution) search(a arguments) (any, error) {
	filter, opts := a.object("filter"), a.object("messageOpts")
	if filter.flag("searchGroup") {
		return x.searchGroups(filter, a.object("contactOpts"), opts)
	}
	ids := filter.list("ids")
	if filter.has("id") {
		ids = append(ids, filter["id"])
	}
	if len(ids) == 0 {
		return nil, errors.New("this fake of Glific searches only by the ids of contacts or groups")
	}
	if !opts.has("limit") || x.organisation.searchFails {
		return []object{}, nil
	}
	return x.conversations(ids, opts.integer("limit")), nil
}

// conversations leaves out blocked and unknown contacts, and lists a contact without
// messages. The limit of contactOpts says nothing with ids.
func (x *execution) conversations(ids []any, limit int) []object {
	list := []object{}
	for _, id := range ids {
		c := x.organisation.byID[fmt.Sprint(id)]
		if c == nil || c.Status == "BLOCKED" {
			continue
		}
		list = append(list, object{"id": "contact_" + c.ID, "contact": x.contact(c), "messages": x.newest(c.messages, limit)})
	}
	return list
}

// searchGroups lists the messages to groups, not those to their members. It fails
// without limits, which a search for contacts survives.
func (x *execution) searchGroups(filter, contactOpts, messageOpts arguments) (any, error) {
	if !contactOpts.has("limit") || !messageOpts.has("limit") || x.organisation.searchFails {
		return nil, glificError(unexpected)
	}
	ids := filter.list("includeGroups")
	if len(ids) == 0 {
		ids = append(filter.list("ids"), filter.list("id")...)
	}
	list := []object{}
	for _, g := range x.organisation.groupsByID() {
		wanted := len(ids) == 0
		for _, id := range ids {
			wanted = wanted || fmt.Sprint(id) == g.textID()
		}
		if wanted && len(list) < contactOpts.integer("limit") {
			list = append(list, object{
				"id":       fmt.Sprintf("group_%d", g.id),
				"group":    x.group(g),
				"messages": x.newest(g.messages, messageOpts.integer("limit")),
			})
		}
	}
	return list, nil
}

func (x *execution) newest(messages []*message, limit int) []object {
	limit = min(limit, mostSearched)
	list := []object{}
	for i := len(messages) - 1; i >= 0 && len(list) < limit; i-- {
		list = append(list, x.message(messages[i]))
	}
	return list
}
