package dispatch

import (
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// at is a clock that begins tomorrow at a time of day (UTC).
func at(clock time.Duration) *ahead {
	var a ahead
	now := time.Now()
	a.forward(now.UTC().Truncate(24 * time.Hour).Add(24*time.Hour + clock).Sub(now))
	return &a
}

// quietFromTenTo are quiet hours that begin at ten in the evening, UTC.
func quietFromTenTo(to time.Duration) QuietHours {
	return QuietHours{From: 22 * time.Hour, To: to, Location: time.UTC}
}

func TestQuietHoursHoldGroupsBack(t *testing.T) {
	t.Parallel()
	clock := at(23 * time.Hour)
	s := newStageOf(t, glifictest.Options{NoLimits: true, Now: clock.now})
	c := s.play(3)
	d, _ := s.start(patient, func(o *Options) {
		o.Settings.QuietHours, o.Now, o.Glific.Now = quietFromTenTo(time.Hour), clock.now, clock.now
	})
	s.await("it is quiet, with everything due", func() bool {
		return len(d.Status()) == 2 && d.Status()[0].Due == len(c.requests) && !d.Status()[0].QuietUntil.IsZero()
	})
	if n := len(s.glific.Requests()); n != 0 {
		t.Errorf("in the quiet hours Glific was asked %d times", n)
	}
	clock.forward(3 * time.Hour)
	d.Wake(avnitest.AshaGramin)
	s.end(c)
}

// Quiet hours that begin while the members of a group are messaged hold the others back.
func TestQuietHoursBeginAmidAGroup(t *testing.T) {
	t.Parallel()
	clock := at(21 * time.Hour)
	s := newStageOf(t, glifictest.Options{NoLimits: true, Now: clock.now})
	f := s.people(5)
	id := s.queueNamed(s.asha.AddGroup("camp", f.contacts...))
	forward := func() { clock.forward(90 * time.Minute) }
	var sends int
	d, _ := s.start(patient, func(o *Options) {
		o.Settings.InFlight, o.Settings.Lease = 1, time.Minute
		o.Settings.QuietHours, o.Now, o.Glific.Now = quietFromTenTo(23*time.Hour), clock.now, clock.now
		o.connect = func(a glific.Account) sender {
			return &mortal{sender: glific.NewClient(a, o.Glific), die: func(step string) bool {
				if step == "after send" {
					if sends++; sends == 1 {
						forward()
					}
				}
				return false
			}}
		}
	})
	s.await("it is quiet, and the others are given back", func() bool {
		return len(d.Status()) == 2 && !d.Status()[0].QuietUntil.IsZero() && s.count(id, stateAccepted) == 1 && s.count(id, stateWaiting) == 4
	})
	if n := len(s.glific.Ledger()); n != 1 {
		t.Errorf("%d messages, want the one before the quiet hours", n)
	}
	forward()
	d.Wake(avnitest.AshaGramin)
	s.awaitState(id, stateAccepted)
	s.wantNamed(f)
}

func TestPacingHoldsForGroups(t *testing.T) {
	s := newStage(t)
	f := s.people(10)
	group := s.asha.AddGroup("camp", f.contacts...)
	ids := []int64{s.queuePlain(group), s.queueNamed(group)}
	s.start(func(o *Options) { o.Settings.MessagesPerSecond = 10 })
	for _, id := range ids {
		s.awaitState(id, stateAccepted)
	}
	var first, last time.Time
	for _, r := range s.glific.Requests() {
		if glifictest.Operation("asha", "createAndSendMessage")(r)+glifictest.Operation("asha", "createAndSendMessageToGroup")(r) == 0 {
			continue
		}
		if last = r.At; first.IsZero() {
			first = last
		}
	}
	if took := last.Sub(first); took < 600*time.Millisecond {
		t.Errorf("11 messages at 10 per second took %s", took)
	}
}

// A message to a group that is cancelled midway goes to none of the members who are left.
func TestCancelOfGroupMessageStopsIt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(3)
	id := s.queueNamed(s.asha.AddGroup("camp", f.contacts...))
	s.asha.Suspend(true)
	d, _ := s.start()
	s.await("the organisation is paused amid the members", func() bool {
		return len(s.members(id)) == 3 && d.Status()[0].Paused == OrganisationSuspended
	})
	_, err := s.byHand().Cancel(t.Context(), id)
	s.must(err)
	d.Wake(avnitest.AshaGramin)
	s.awaitState(id, stateWithdrawn)
	s.await("the members' messages are withdrawn", func() bool { return s.count(id, stateWithdrawn) == 3 })
	s.asha.Suspend(false)
	last := s.queueRule(welcomeRule, asha, "Subject", asha)
	d.Wake(avnitest.AshaGramin)
	s.awaitState(last, stateAccepted)
	if n := len(s.glific.Ledger()); n != 1 {
		t.Errorf("%d messages, want only that to a subject", n)
	}
}

func TestRequeueOfRefusedGroupMessage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(2)
	group := s.asha.AddGroup("camp")
	ids := []int64{s.queueNamed(group), s.queuePlain(group)}
	d, _ := s.start()
	for _, id := range ids {
		s.awaitReason(id, stateRefused, GroupEmpty)
	}
	s.asha.AddToGroup(group, f.contacts...)
	for _, id := range ids {
		_, err := s.byHand().Requeue(t.Context(), id, RequeueOptions{})
		s.must(err)
	}
	d.Wake(avnitest.AshaGramin)
	for _, id := range ids {
		s.awaitState(id, stateAccepted)
	}
	s.wantNamed(f)
	s.broadcast()
	if n := len(s.glific.Ledger()); n != 4 {
		t.Errorf("%d messages, want two to each of two", n)
	}
}
