package glifictest

import (
	"errors"
	"fmt"
)

// search lists the newest messages of the contacts asked for, newest first. It
// leaves out blocked and unknown contacts, lists a contact without messages, and
// answers [] without a limit for the messages.
func (x *execution) search(a arguments) (any, error) {
	filter, opts := a.object("filter"), a.object("messageOpts")
	ids := filter.list("ids")
	if filter.has("id") {
		ids = append(ids, filter["id"])
	}
	if filter.flag("searchGroup") || len(ids) == 0 {
		return nil, errors.New("this fake of Glific searches only by contact id")
	}
	conversations := []object{}
	if !opts.has("limit") {
		return conversations, nil
	}
	for _, id := range ids {
		c := x.organisation.byID[fmt.Sprint(id)]
		if c == nil || c.Status == "BLOCKED" {
			continue
		}
		conversations = append(conversations, object{
			"id":       "contact_" + c.ID,
			"contact":  x.contact(c),
			"messages": x.newest(c, min(opts.integer("limit"), 250)),
		})
	}
	return conversations, nil
}

func (x *execution) newest(c *contact, limit int) []object {
	list := []object{}
	for i := len(c.messages) - 1; i >= 0 && len(list) < limit; i-- {
		list = append(list, x.message(c.messages[i]))
	}
	return list
}
