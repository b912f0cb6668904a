package glifictest

import (
	"maps"
	"slices"
	"strconv"
	"time"
)

// Organisation is one organisation of the server.
type Organisation struct {
	server    *Server
	name      string
	user      apiUser
	sessions  map[string]session // by access token
	logins    int
	templates map[int]Template
	contacts  map[string]*contact // by phone
	byID      map[string]*contact
	messages  map[int]*message
	groups    map[string]*group
	self      *contact // the organisation's own, sender and receiver of messages to groups; in no list

	notifications  []notification
	broadcasts     []*broadcast // in order of insertion
	broadcasting   bool         // a run is on its way
	providerFaults []*ProviderFault
	second         int64 // of the last message to the provider
	inSecond       int   // messages in it

	suspended      bool
	suspendedUntil time.Time
	inactive       bool // no organisation at all, for whoever asks
	paused         bool // the account: no login
	gupshup        bool // the provider is set up
	searchFails    bool
	race           bool // the next opt-in of a new phone comes too late
}

type apiUser struct {
	phone, password, name, role string
	hindi, restricted           bool
}

// Contact is a person an organisation knows.
type Contact struct {
	ID         string // given by the server
	Phone      string
	Name       string
	Status     string    // empty: VALID
	BSPStatus  string    // empty: NONE; HSM and SESSION_AND_HSM receive templates
	OptinTime  time.Time // zero: not opted in
	OptoutTime time.Time // zero: not opted out
	Language   string    // empty: en; a locale such as hi
}

// AddOrganisation adds an organisation with one API user of role Manager.
func (s *Server) AddOrganisation(name, phone, password string, templates ...Template) *Organisation {
	o := &Organisation{
		server:    s,
		name:      name,
		user:      apiUser{phone: phone, password: password, name: "API user of " + name, role: "Manager"},
		sessions:  map[string]session{},
		templates: map[int]Template{},
		contacts:  map[string]*contact{},
		byID:      map[string]*contact{},
		messages:  map[int]*message{},
		groups:    map[string]*group{},
		gupshup:   true,
	}
	o.self = &contact{Contact: Contact{ID: "0", Phone: phone, Name: name, Status: "VALID", BSPStatus: "SESSION_AND_HSM"}}
	for _, t := range templates {
		o.templates[t.ID] = t.withDefaults()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.organisations[name] = o
	return o
}

// AddContact stores a contact, or replaces the one with this phone, and returns its id.
func (o *Organisation) AddContact(c Contact) string {
	if c.Status == "" {
		c.Status = "VALID"
	}
	if c.BSPStatus == "" {
		c.BSPStatus = "NONE"
	}
	defer o.lock()()
	return o.addContact(c).ID
}

// AddOptedInContact stores a contact that can receive templates and returns its id.
func (o *Organisation) AddOptedInContact(phone, name string) string {
	return o.AddContact(Contact{Phone: phone, Name: name, BSPStatus: "HSM", OptinTime: o.server.options.Now()})
}

// addContact needs the server's lock.
func (o *Organisation) addContact(c Contact) *contact {
	if old := o.contacts[c.Phone]; old != nil {
		c.ID = old.ID
		old.Contact = c
		return old
	}
	o.server.contactIDs++
	c.ID = strconv.Itoa(o.server.contactIDs)
	added := &contact{Contact: c, insertedAt: o.server.options.Now()}
	o.contacts[c.Phone], o.byID[c.ID] = added, added
	return added
}

// RemoveContact deletes a contact; somebody who messages Glific again becomes a new one.
func (o *Organisation) RemoveContact(phone string) {
	defer o.lock()()
	if c := o.contacts[phone]; c != nil {
		delete(o.contacts, phone)
		delete(o.byID, c.ID)
	}
}

// Contact is the contact with this exact phone.
func (o *Organisation) Contact(phone string) (Contact, bool) {
	defer o.lock()()
	if c := o.contacts[phone]; c != nil {
		return c.Contact, true
	}
	return Contact{}, false
}

// Contacts are all contacts, ordered by phone.
func (o *Organisation) Contacts() []Contact {
	defer o.lock()()
	var all []Contact
	for _, phone := range slices.Sorted(maps.Keys(o.contacts)) {
		all = append(all, o.contacts[phone].Contact)
	}
	return all
}

// lock locks the server and returns what unlocks it.
func (o *Organisation) lock() (unlock func()) {
	o.server.mu.Lock()
	return o.server.mu.Unlock
}
