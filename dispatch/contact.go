package dispatch

import (
	"context"
	"sync"
	"time"

	"avni-messenger/dispatch/glific"
)

const (
	contactTTL   = 10 * time.Minute // long enough for a burst to one person
	contactLimit = 20_000           // then all are forgotten
)

// contactBook remembers which contact a number belongs to at one Glific account. It is
// safe for concurrent use.
type contactBook struct {
	mu      sync.Mutex
	entries map[Phone]contactEntry
}

type contactEntry struct {
	id    string
	until time.Time
}

func (b *contactBook) find(phone Phone, now time.Time) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	entry, ok := b.entries[phone]
	return entry.id, ok && now.Before(entry.until)
}

func (b *contactBook) remember(phone Phone, id string, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.entries == nil || len(b.entries) >= contactLimit {
		b.entries = make(map[Phone]contactEntry)
	}
	b.entries[phone] = contactEntry{id: id, until: now.Add(contactTTL)}
}

func (b *contactBook) forget(phone Phone) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.entries, phone)
}

// contact is Glific's id of the message's receiver. That of a member of a group is known
// from Glific. Otherwise it is found by the phone number alone:
// what Avni remembers of it may belong to an older number. A number that Glific does
// not know is opted in, as avni-server does; a contact that Glific knows never is.
func (w *worker) contact(ctx context.Context, m message) (string, error) {
	if m.contactID != "" {
		return m.contactID, nil
	}
	if id, ok := w.contacts.find(m.phone, w.now()); ok {
		return id, nil
	}
	contact, found, err := w.client.ContactByPhone(ctx, string(m.phone))
	if err == nil && !found {
		contact, err = w.client.OptinContact(ctx, string(m.phone), m.name)
	}
	if err != nil {
		return "", err
	}
	w.answered(false)
	if err := consent(contact); err != nil {
		return "", err
	}
	w.contacts.remember(m.phone, contact.ID, w.now())
	return contact.ID, nil
}

// consent refuses contacts that Glific would not send templates to, or that must not
// get them.
func consent(contact glific.Contact) error {
	switch {
	case contact.Status == glific.StatusBlocked:
		return refuse(Blocked, "contact %s", contact.ID)
	case !contact.OptoutTime.IsZero():
		return refuse(OptedOut, "contact %s, at %s", contact.ID, contact.OptoutTime.Local().Format("2006-01-02 15:04:05 MST"))
	case contact.CanReceiveTemplates():
		return nil
	case contact.Status != glific.StatusValid:
		return refuse(ContactInvalid, "contact %s has status %s", contact.ID, contact.Status)
	}
	return refuse(NeverOptedIn, "contact %s", contact.ID)
}
