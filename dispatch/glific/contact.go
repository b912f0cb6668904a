package glific

import (
	"context"
	"time"
)

// ContactStatus is Glific's status of a contact.
type ContactStatus string

// The contact statuses that matter here. Templates can be sent only to StatusValid; the
// others of Glific are INVALID (opted out, or not on WhatsApp), FAILED and PROCESSING.
const (
	StatusValid   ContactStatus = "VALID"
	StatusBlocked ContactStatus = "BLOCKED"
)

// BSPStatus is what WhatsApp's provider allows to be sent to a contact.
type BSPStatus string

// BSPNone is the provider status of who never opted in. Templates can be sent to those
// with any other: HSM, SESSION and SESSION_AND_HSM.
const BSPNone BSPStatus = "NONE"

// Contact is a person as Glific knows them.
type Contact struct {
	ID        string
	Status    ContactStatus
	BSPStatus BSPStatus // empty if Glific has none
	OptinTime time.Time // zero if never opted in
	// OptoutTime is when the person said stop, zero if they did not: OptinContact must not
	// be called.
	OptoutTime time.Time
}

// CanReceiveTemplates reports whether Glific would accept a template message now.
func (c Contact) CanReceiveTemplates() bool {
	return c.Status == StatusValid && !c.OptinTime.IsZero() &&
		c.BSPStatus != "" && c.BSPStatus != BSPNone
}

// ContactByPhone looks a contact up by the exact phone number, blocked ones too.
// The phone is digits with country code, no plus. False: Glific has none.
func (c *Client) ContactByPhone(ctx context.Context, phone string) (found Contact, ok bool, err error) {
	defer func() { c.metrics.count(OpContactByPhone, err) }()
	r, err := c.call(ctx, contactByPhone, map[string]any{"phone": phone})
	if err != nil {
		return Contact{}, false, err
	}
	found, err = c.contact(r)
	if hasCode(err, contactNotFound) {
		return Contact{}, false, nil
	}
	return found, err == nil, err
}

// OptinContact creates the contact, or opts an existing one in. It overwrites the
// name of a contact that is not opted in and undoes an opt-out, so it must only be
// called for phones that ContactByPhone did not find, or that never opted in and
// never opted out. A blocked contact stays blocked and is returned without an error.
// If somebody else creates the contact at the same moment, that contact is returned.
func (c *Client) OptinContact(ctx context.Context, phone, name string) (Contact, error) {
	contact, err := c.optin(ctx, phone, name)
	if !hasCode(err, PhoneTaken) {
		return contact, err
	}
	contact, ok, lookupErr := c.ContactByPhone(ctx, phone)
	if lookupErr != nil {
		return Contact{}, lookupErr
	}
	if !ok {
		return Contact{}, err
	}
	return contact, nil
}

func (c *Client) optin(ctx context.Context, phone, name string) (contact Contact, err error) {
	defer func() { c.metrics.count(OpOptinContact, err) }()
	r, err := c.call(ctx, optinContact, map[string]any{"phone": phone, "name": name})
	if err != nil {
		return Contact{}, err
	}
	return c.contact(r)
}

// contact reads a ContactResult.
func (c *Client) contact(r reply) (Contact, error) {
	var payload struct {
		Contact *wireContact `json:"contact"`
		Errors  inputErrors  `json:"errors"`
	}
	if err := c.decode(r, &payload); err != nil {
		return Contact{}, err
	}
	if payload.Contact == nil || payload.Contact.ID == "" {
		return Contact{}, c.failure(r, payload.Errors)
	}
	return payload.Contact.contact(), nil
}

// wireContact is a contact as Glific writes it.
type wireContact struct {
	ID         identifier    `json:"id"`
	Status     ContactStatus `json:"status"`
	BSPStatus  BSPStatus     `json:"bspStatus"`
	OptinTime  instant       `json:"optinTime"`
	OptoutTime instant       `json:"optoutTime"`
}

func (w wireContact) contact() Contact {
	return Contact{
		ID:         string(w.ID),
		Status:     w.Status,
		BSPStatus:  w.BSPStatus,
		OptinTime:  time.Time(w.OptinTime),
		OptoutTime: time.Time(w.OptoutTime),
	}
}
