package glifictest

import (
	"strconv"
	"strings"
	"time"
)

// notification is what Glific tells its users about a message it did not send.
type notification struct {
	id         int
	message    string
	entity     string // JSON
	insertedAt time.Time
}

// notify writes a notification about a template for a contact.
func (o *Organisation) notify(c *contact, text string) {
	o.server.notificationIDs++
	o.notifications = append(o.notifications, notification{
		id:      o.server.notificationIDs,
		message: text,
		entity: encoded(map[string]any{
			"id": c.ID, "name": c.Name, "phone": c.Phone, "is_hsm": true, "group_id": nil,
			"status": strings.ToLower(c.Status), "bsp_status": strings.ToLower(c.BSPStatus),
		}),
		insertedAt: o.server.options.Now(),
	})
}

func (x *execution) listNotifications(a arguments) (any, error) {
	found := x.matchingNotifications(a.object("filter"))
	objects := []object{}
	for _, n := range page(found, a.object("opts"), notification.column, len(found), 0) {
		objects = append(objects, object{
			"id":         strconv.Itoa(n.id),
			"category":   "Message",
			"entity":     n.entity,
			"message":    n.message,
			"severity":   `"Warning"`,
			"isRead":     false,
			"insertedAt": microseconds(n.insertedAt),
			"updatedAt":  microseconds(n.insertedAt),
		})
	}
	return objects, nil
}

func (x *execution) countNotifications(a arguments) (any, error) {
	return len(x.matchingNotifications(a.object("filter"))), nil
}

func (x *execution) matchingNotifications(filter arguments) []notification {
	var found []notification
	for _, n := range x.organisation.notifications {
		if filter.ilike("message", n.message) && filter.ilike("category", "Message") && filter.ilike("severity", "Warning") && !filter.flag("isRead") {
			found = append(found, n)
		}
	}
	return found
}

func (n notification) column(string) string { return strconv.Itoa(n.id) }
