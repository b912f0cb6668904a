package dispatch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMessageToGroupGoesToGlificOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.contacts(3)
	id := s.queuePlain(s.asha.AddGroup("camp", f.contacts...))
	s.start()
	r := s.awaitState(id, stateAccepted)
	if r.Status != "Sent" || !r.Delivered || r.Outcomes != "accepted" || r.SendAt.IsZero() || r.Message != "" {
		t.Errorf("the request is %+v", r)
	}
	s.broadcast()
	want := map[string]int{f.phones[0]: 1, f.phones[1]: 1, f.phones[2]: 1}
	if diff := cmp.Diff(want, s.received(func(string) string { return "Welcome all of Kevadia" })); diff != "" {
		t.Error(diff)
	}
	if n := s.calls("asha", "createAndSendMessageToGroup"); n != 1 {
		t.Errorf("%d messages to the group, want 1", n)
	}
	if got := s.detail(id); got != "Glific passes it on to 3 contacts" {
		t.Errorf("detail %q", got)
	}
	var external string
	s.must(s.db.Pool().QueryRow(t.Context(), `select r.external_id from message_receiver r join message_request_queue q on q.message_receiver_id = r.id where q.id = $1`, id).Scan(&external))
	if external == "" || external[0] < '0' || external[0] > '9' {
		t.Errorf("external_id of the group's receiver has become %q", external)
	}
}

func TestNamedMessageReachesEachMember(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(12)
	strangers := s.contacts(2)
	worker := s.asha.AddOptedInContact(meenaPhone, "somebody")
	id := s.queueNamed(s.asha.AddGroup("camp", append(append(f.contacts, strangers.contacts...), worker)...))
	s.start()
	r := s.awaitState(id, stateAccepted)
	if r.Status != "Sent" || !r.Delivered || r.Message != "" {
		t.Errorf("the request is %+v", r)
	}
	if diff := cmp.Diff([]string{"Dear Meena Kumari, camp"}, s.bodies(meenaPhone)); diff != "" {
		t.Errorf("the user: %s", diff)
	}
	for i, phone := range f.phones {
		if diff := cmp.Diff([]string{f.body(i)}, s.bodies(phone)); diff != "" {
			t.Errorf("member %d: %s", i, diff)
		}
	}
	if n := len(s.glific.Ledger()); n != 13 {
		t.Errorf("%d messages, want 13", n)
	}
	members := s.members(id)
	for _, contact := range strangers.contacts {
		if diff := cmp.Diff(memberRow{"refused", "unknown_to_avni", ""}, members[contact]); diff != "" {
			t.Errorf("a stranger is listed as (-want +got):\n%s", diff)
		}
	}
	if diff := cmp.Diff(memberRow{"accepted", "", "accepted"}, members[worker]); diff != "" {
		t.Errorf("a member is listed as (-want +got):\n%s", diff)
	}
	if got := s.detail(id); got != "15 members, sent to 13, not to 2 unknown_to_avni" {
		t.Errorf("detail %q", got)
	}
	if n := s.calls("asha", "contactByPhone") + s.calls("asha", "optinContact"); n != 0 {
		t.Errorf("%d look-ups of contacts that the group names", n)
	}
}
