package dispatch

import (
	"slices"
	"testing"

	"avni-messenger/dispatch/glific/glifictest"
)

// A backlog of other requests leaves the members of a group a share of the turns.
func TestMembersOfGroupsGetATurnInABacklog(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(1)
	s.queueNamed(s.asha.AddGroup("camp", f.contacts...))
	const backlog = 60
	var last int64
	for i := range int64(backlog) {
		last = s.queueRule(welcomeRule, 5000+i, "Subject", asha)
	}
	s.start(func(o *Options) { o.Settings.InFlight, o.Settings.ClaimSize = 1, 4 })
	s.awaitState(last, stateAccepted)
	s.await("the member got the message", func() bool { return len(s.bodies(f.phones[0])) == 1 })
	place := slices.IndexFunc(s.glific.Ledger(), func(d glifictest.Delivery) bool { return d.Phone == f.phones[0] })
	if place > backlog/2 {
		t.Errorf("the member got the message after %d others, want at most %d", place, backlog/2)
	}
}
