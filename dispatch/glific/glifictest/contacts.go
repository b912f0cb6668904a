package glifictest

import (
	"slices"
	"strings"
	"time"
)

// contact is a Contact with what belongs to it.
type contact struct {
	Contact
	insertedAt time.Time
	messages   []*message // in order of sending
}

func (x *execution) contactByPhone(a arguments) (any, error) {
	c := x.organisation.contacts[a.text("phone")]
	if c == nil {
		return nil, payloadError{"Contact", "Contact not found or permission denied."}
	}
	return object{"contact": x.contact(c)}, nil
}

func (x *execution) contactByID(a arguments) (any, error) {
	c := x.organisation.byID[a.text("id")]
	if c == nil {
		return nil, payloadError{"Elixir.Glific.Contacts.Contact", notFound}
	}
	return object{"contact": x.contact(c)}, nil
}

func (x *execution) listContacts(a arguments) (any, error) {
	objects := []object{}
	for _, c := range page(x.matchingContacts(a.object("filter")), a.object("opts"), contactColumn, 25, 50) {
		objects = append(objects, x.contact(c))
	}
	return objects, nil
}

func (x *execution) countContacts(a arguments) (any, error) {
	return len(x.matchingContacts(a.object("filter"))), nil
}

// matchingContacts hides blocked contacts unless a status is asked for.
func (x *execution) matchingContacts(filter arguments) []*contact {
	var found []*contact
	for _, c := range x.organisation.byID {
		hidden := c.Status == "BLOCKED" && !filter.has("status")
		named := filter.ilike("name", c.Name) && filter.ilike("phone", c.Phone) && filter.ilike("term", c.Name+" "+c.Phone)
		if !hidden && named && filter.equals("status", c.Status) && filter.equals("bspStatus", c.BSPStatus) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(x, y *contact) int { return compare(x.ID, y.ID) })
	return found
}

func contactColumn(c *contact, column string) string {
	switch column {
	case "id":
		return c.ID
	case "phone":
		return c.Phone
	case "inserted_at", "updated_at":
		return c.insertedAt.UTC().Format(time.RFC3339Nano)
	default:
		return strings.ToLower(c.Name)
	}
}

// optinContact creates a contact or opts one in. It undoes an opt-out, but leaves a
// blocked contact blocked and says success all the same. It looks at no phone's shape.
func (x *execution) optinContact(a arguments) (any, error) {
	o, phone, now := x.organisation, a.text("phone"), x.now()
	fresh := Contact{Phone: phone, Name: a.text("name"), Status: "VALID", BSPStatus: "HSM", OptinTime: now}
	c := o.contacts[phone]
	switch {
	case c == nil && o.race:
		o.race = false
		fresh.Name = "Somebody else"
		o.addContact(fresh)
		return nil, payloadError{"phone", "Phone: has already been taken"}
	case c == nil:
		c = o.addContact(fresh)
	case c.Status != "BLOCKED":
		if c.OptinTime.IsZero() && a.has("name") {
			c.Name = a.text("name")
		}
		c.Status, c.OptinTime, c.OptoutTime = "VALID", now, time.Time{}
		c.BSPStatus = withHSM(c.BSPStatus)
	}
	return object{"contact": x.contact(c)}, nil
}

// withHSM is a bspStatus after an opt-in: an open conversation stays open.
func withHSM(bspStatus string) string {
	if strings.HasPrefix(bspStatus, "SESSION") {
		return "SESSION_AND_HSM"
	}
	return "HSM"
}

func (x *execution) contact(c *contact) object {
	phone := c.Phone
	if roleOf(x.organisation.user.role) <= staff {
		phone = ""
	}
	return object{
		"id":                c.ID,
		"name":              c.Name,
		"maskedPhone":       c.Phone[:len(c.Phone)/2] + strings.Repeat("*", len(c.Phone)-len(c.Phone)/2),
		"phone":             phone,
		"status":            c.Status,
		"bspStatus":         c.BSPStatus,
		"optinTime":         seconds(c.OptinTime),
		"optoutTime":        seconds(c.OptoutTime),
		"lastMessageNumber": len(c.messages),
		"insertedAt":        microseconds(c.insertedAt),
		"updatedAt":         microseconds(c.insertedAt),
		"fields":            "{}",
		"settings":          "{}",
		"tags":              []object{},
		"groups":            func() any { return x.groupsOf(c) },
	}
}

func (x *execution) now() time.Time { return x.organisation.server.options.Now() }
