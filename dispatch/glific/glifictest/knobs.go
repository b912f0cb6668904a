package glifictest

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
	o.suspended = suspended
}

// SetGupshup says whether the provider is set up; without it messages are stored
// with status "error" and refused.
func (o *Organisation) SetGupshup(working bool) {
	defer o.lock()()
	o.gupshup = working
}

// NotOnWhatsApp makes messages to a phone fail after acceptance with code 1002.
func (o *Organisation) NotOnWhatsApp(phone string) {
	defer o.lock()()
	o.offline[phone] = true
}

// RaceNextOptin lets somebody else create the contact a moment before the next
// opt-in of a new phone.
func (o *Organisation) RaceNextOptin() {
	defer o.lock()()
	o.race = true
}
