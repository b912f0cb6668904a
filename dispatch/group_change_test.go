package dispatch

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// queueBegun queues a message to a group and has it come to the first of some people,
// while all others wait for theirs: they are no test numbers. The returned function
// stops that dispatcher; the next one may send to everybody.
func (s *stage) queueBegun(group string, f fellows, change ...func(*Options)) (id int64, stop func()) {
	s.Helper()
	id = s.queueNamed(group)
	_, stop = s.start(append(change, func(o *Options) { o.Settings.TestNumbers = []Phone{Phone(f.phones[0])} })...)
	s.await("one has the message and the others are held", func() bool {
		members := s.members(id)
		held := 0
		for _, m := range members {
			if m.State == "waiting" && m.Reason == string(NotTestNumber) {
				held++
			}
		}
		return len(members) > 0 && held == len(members)-1 && members[f.contacts[0]].State == "accepted"
	})
	s.awaitReason(id, stateWaiting, GroupUnderWay)
	return id, stop
}

// listUntil has a group listed again until something holds.
func (s *stage) listUntil(id int64, what string, holds func() bool) {
	s.Helper()
	s.await(what, func() bool { s.lookAgain(id); return holds() })
}

// wantNamedBut checks that all but some of the people got their message once.
func (s *stage) wantNamedBut(f fellows, but ...int) {
	s.Helper()
	want, got := make(map[string]int), make(map[string]int)
	for i, phone := range f.phones {
		if !slices.Contains(but, i) {
			want[f.body(i)] = 1
		}
		for _, body := range s.bodies(phone) {
			got[body]++
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("messages (-want +got):\n%s", diff)
	}
}

// left counts the members who have left.
func (s *stage) left(request int64) (n int) {
	s.Helper()
	s.must(s.db.Pool().QueryRow(s.Context(), `select count(*) from messenger.group_member where request_id = $1 and left_at is not null`, request).Scan(&n))
	return n
}

// count counts the members in some states.
func (s *stage) count(request int64, states ...state) int {
	s.Helper()
	n := 0
	for _, m := range s.members(request) {
		if slices.Contains(states, state(m.State)) {
			n++
		}
	}
	return n
}

func TestMembersThatJoinGetTheMessageAndThoseThatLeftDoNot(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(8)
	group := s.asha.AddGroup("camp", f.contacts[:6]...)
	id, stop := s.queueBegun(group, f)
	if r := s.row(id); r.Status != "PartiallySent" || r.Delivered {
		t.Errorf("while it is under way the request is %+v", r)
	}
	s.asha.RemoveFromGroup(group, f.contacts[0], f.contacts[4], f.contacts[5])
	s.asha.AddToGroup(group, f.contacts[6:]...)
	left := memberRow{"withdrawn", "left_group", "held"}
	s.listUntil(id, "those who left and joined are noted", func() bool {
		members := s.members(id)
		return len(members) == 8 && members[f.contacts[4]] == left && members[f.contacts[5]] == left
	})
	stop()
	s.start()
	s.awaitState(id, stateAccepted)
	s.wantNamedBut(f, 4, 5)
	if got := s.detail(id); got != "5 members, sent to 6, not to 2 left_group" {
		t.Errorf("detail %q", got)
	}
}

func TestMemberThatJoinsAtTheLastMomentGetsTheMessage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(3)
	group := s.asha.AddGroup("camp", f.contacts[:2]...)
	id, stop := s.queueBegun(group, f)
	stop()
	s.asha.AddToGroup(group, f.contacts[2]) // the group is listed once more only when nobody is left
	s.start()
	s.awaitState(id, stateAccepted)
	s.wantNamed(f)
}

func TestMemberThatComesBackGetsTheMessage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(3)
	group := s.asha.AddGroup("camp", f.contacts...)
	id, stop := s.queueBegun(group, f)
	s.asha.RemoveFromGroup(group, f.contacts[2])
	s.listUntil(id, "a member has left", func() bool { return s.count(id, stateWithdrawn) == 1 })
	s.asha.AddToGroup(group, f.contacts[2])
	s.listUntil(id, "the member is back", func() bool { return s.left(id) == 0 && s.count(id, stateWithdrawn) == 0 })
	stop()
	s.start()
	s.awaitState(id, stateAccepted)
	s.wantNamed(f)
}

func TestGroupMessageVoidedMidwayStops(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(6)
	id, stop := s.queueBegun(s.asha.AddGroup("camp", f.contacts...), f)
	stop()
	s.exec(`update message_request_queue set is_voided = true, last_modified_date_time = now() where id = $1`, id)
	s.start()
	s.awaitState(id, stateWithdrawn)
	s.await("no member waits", func() bool { return s.count(id, stateWithdrawn) == 5 })
	if n := len(s.glific.Ledger()); n != 1 {
		t.Errorf("%d messages, want the one from before", n)
	}
	s.exec(`update message_request_queue set is_voided = false, last_modified_date_time = now() where id = $1`, id)
	s.awaitState(id, stateAccepted) // it goes on when that is taken back
	s.wantNamed(f)
}

func TestGroupThatGoesMidwayEndsTheMessage(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(4)
	group := s.asha.AddGroup("camp", f.contacts...)
	id, _ := s.queueBegun(group, f)
	s.asha.RemoveGroup(group)
	s.lookAgain(id)
	if r := s.awaitState(id, stateAccepted); r.Status != "Sent" { // all there were have it
		t.Errorf("the request is %+v", r)
	}
	s.await("no member waits", func() bool { return s.count(id, stateWithdrawn) == 3 })
	s.wantNamedBut(f, 1, 2, 3)
}

func TestGroupMessageThatAvniServerBeganGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(5)
	group := s.asha.AddGroup("camp", f.contacts...)
	id := s.queueNamed(group)
	s.exec(`update manual_message set next_trigger_details = json_build_object('pageNo', 0, 'contactId', $2::text)
		where id = (select manual_message_id from message_request_queue where id = $1)`, id, f.contacts[2])
	s.exec(`update message_request_queue set delivery_status = 'PartiallySent' where id = $1`, id)
	s.asha.Suspend(true)
	s.start()
	s.await("the members are listed", func() bool { return len(s.members(id)) == 5 })
	s.await("Avni's row is as it was", func() bool { return s.row(id).Status == "PartiallySent" })
	early := s.people(1) // joins now; where avni-server stopped does not matter any more
	s.asha.AddToGroup(group, early.contacts...)
	s.asha.Suspend(false)
	s.lookAgain(id)
	s.awaitState(id, stateAccepted)
	s.wantNamedBut(f, 0, 1)
	if got, want := s.members(id)[f.contacts[0]], (memberRow{"withdrawn", "sent_before", ""}); got != want {
		t.Errorf("a member whom avni-server had served is listed as %+v", got)
	}
	if n := len(s.bodies(early.phones[0])); n != 1 {
		t.Errorf("the member that joined got %d messages, want 1", n)
	}
}

func TestGroupMessageThatIsTooLateEnds(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(4)
	short := func(o *Options) { o.Settings.Window = time.Hour }
	id, stop := s.queueBegun(s.asha.AddGroup("camp", f.contacts...), f, short)
	stop()
	s.exec(`update message_request_queue set scheduled_date_time = now() - interval '2 hours' where id = $1`, id)
	s.start(short)
	if r := s.awaitState(id, stateExpired); r.Status != "PartiallySent" {
		t.Errorf("the request is %+v", r)
	}
	s.await("no member waits", func() bool { return s.count(id, stateExpired) == 3 })
	s.wantNamedBut(f, 1, 2, 3)
}
