package glifictest

// Organisation returns the organisation of that name, or nil.
func (s *Server) Organisation(name string) *Organisation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.organisations[name]
}

// SetRestricted restricts the API user to the contacts of its own collections, as Glific's
// administrators can. Only what Glific says of the user is imitated.
func (o *Organisation) SetRestricted(restricted bool) {
	defer o.lock()()
	o.user.restricted = restricted
}
