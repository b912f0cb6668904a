package glifictest

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// SetPassword changes the API user's password; sessions live on.
func (o *Organisation) SetPassword(password string) {
	defer o.lock()()
	o.user.password = password
}

// SetRole gives the API user another role: Staff, Manager or Admin.
func (o *Organisation) SetRole(role string) {
	defer o.lock()()
	o.user.role = role
}

// RevokeSessions ends all sessions of the organisation.
func (o *Organisation) RevokeSessions() {
	defer o.lock()()
	clear(o.sessions)
}

// Pause refuses logins, as for an account that Glific's team has paused.
func (o *Organisation) Pause(paused bool) {
	defer o.lock()()
	o.paused = paused
}

// Suspend suspends or resumes sending, as Glific does without balance.
func (o *Organisation) Suspend(suspended bool) {
	defer o.lock()()
	o.suspended, o.suspendedUntil = suspended, time.Time{}
}

// SetGupshup says whether the provider is set up; without it messages are stored
// with status "error" and refused.
func (o *Organisation) SetGupshup(working bool) {
	defer o.lock()()
	o.gupshup = working
}

// RaceNextOptin lets somebody else create the contact a moment before the next
// opt-in of a new phone.
func (o *Organisation) RaceNextOptin() {
	defer o.lock()()
	o.race = true
}

// FailSearch makes searches answer as after an error in Glific's database: [] for
// contacts.
func (o *Organisation) FailSearch(failing bool) {
	defer o.lock()()
	o.searchFails = failing
}

// RemoveMessage deletes a message, as Glific does after two months.
func (o *Organisation) RemoveMessage(id string) {
	defer o.lock()()
	n, _ := strconv.Atoi(id) // no message has the id 0
	m := o.messages[n]
	if m == nil {
		return
	}
	delete(o.messages, n)
	same := func(other *message) bool { return other == m }
	m.contact.messages = slices.DeleteFunc(m.contact.messages, same)
	if m.group != nil {
		m.group.messages = slices.DeleteFunc(m.group.messages, same)
	}
}

// SetMostRootFields makes the server refuse documents with more root fields, as Glific
// may one day; 0: any number.
func (s *Server) SetMostRootFields(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mostRootFields = n
}

// SetInvalidStatus is the HTTP status for invalid documents: 200 as Absinthe answers,
// or 400 as Glific's documentation says.
func (s *Server) SetInvalidStatus(status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusedStatus = status
}

func (s *Server) invalidStatus() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return cmp.Or(s.refusedStatus, http.StatusOK)
}

// SetNodes lets a number of nodes handle the requests in turn. Each knows only the
// tokens it has issued, and counts its own limits.
func (s *Server) SetNodes(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nodes = n
}

// Restart is what a new version of Glific does to those who use it: all tokens are
// lost, and the limits start anew. Data and jobs stay.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.limits)
	for _, o := range s.organisations {
		clear(o.sessions)
	}
}

// Deactivate makes the server deny that there is such an organisation.
func (o *Organisation) Deactivate(inactive bool) {
	defer o.lock()()
	o.inactive = inactive
}
