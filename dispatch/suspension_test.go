package dispatch

import (
	"strings"
	"testing"
	"time"
)

// Glific accepts a message to a group from a suspended organisation, and passes it on to
// nobody: it waits.
func TestGroupMessageOfASuspendedOrganisationWaits(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.contacts(2)
	s.asha.Suspend(true)
	id := s.queuePlain(s.asha.AddGroup("camp", f.contacts...))
	d, _ := s.start(calm)
	s.awaitReason(id, stateWaiting, OrganisationSuspended)
	s.await("the organisation is paused", func() bool { return d.Status()[0].Paused == OrganisationSuspended })
	s.broadcast()
	if n := s.asked("createAndSendMessageToGroup"); n != 0 {
		t.Errorf("Glific got it %d times", n)
	}
	s.asha.Suspend(false)
	if r := s.awaitState(id, stateAccepted); r.Attempts != 1 {
		t.Errorf("the request is %+v", r)
	}
	s.broadcast()
	for _, phone := range f.phones {
		if n := len(s.bodies(phone)); n != 1 {
			t.Errorf("a member got %d messages, want 1", n)
		}
	}
}

func TestStatusSaysUntilWhenTheOrganisationIsSuspended(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	until := time.Now().Add(3 * time.Hour)
	s.asha.SuspendUntil(until)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start()
	s.awaitReason(id, stateWaiting, OrganisationSuspended)
	s.await("the status says until when", func() bool {
		return strings.Contains(d.Status()[0].PausedFor, "sending is suspended until "+until.Format("2006-01-02 15:04:05 MST"))
	})
}
