package dispatch

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

func (m *mortal) SendToGroup(ctx context.Context, message glific.GroupMessage) (glific.GroupSent, error) {
	if m.die("before send_to_group") {
		return glific.GroupSent{}, errDead
	}
	sent, err := m.sender.SendToGroup(ctx, message)
	m.die("after send_to_group")
	return sent, err
}

func (m *mortal) FindSentToGroup(ctx context.Context, message glific.GroupMessage) (glific.Found, error) {
	if m.die("before find_sent_to_group") {
		return glific.Found{}, errDead
	}
	found, err := m.sender.FindSentToGroup(ctx, message)
	m.die("after find_sent_to_group")
	return found, err
}

func (m *mortal) GroupMembers(ctx context.Context, group string, offset, limit int) ([]glific.Member, error) {
	members, err := m.sender.GroupMembers(ctx, group, offset, limit)
	m.die("after group_members")
	return members, err
}

func TestLostAnswerOfGroupSendLeadsToOneMessage(t *testing.T) {
	for name, test := range map[string]struct {
		fault glifictest.Fault
		sends int
	}{
		"committed, connection cut":     {glifictest.Fault{Kind: glifictest.LoseAnswer}, 1},
		"not committed, connection cut": {glifictest.Fault{Kind: glifictest.DropRequest}, 2},
		"committed, 502":                {glifictest.Fault{Kind: glifictest.ExecuteThenFail, Status: 502}, 1},
		"committed, no answer in time":  {glifictest.Fault{Kind: glifictest.AnswerLate, Delay: 3 * time.Second}, 1},
		"committed, exception":          {glifictest.Fault{Kind: glifictest.FailAfterwards}, 1},
		"not committed, unknown text":   {glifictest.Fault{Kind: glifictest.Refuse, Text: "समूह नहीं मिला"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			f := s.contacts(2)
			test.fault.Operation = "createAndSendMessageToGroup"
			s.glific.Inject(test.fault)
			id := s.queuePlain(s.asha.AddGroup("camp", f.contacts...))
			s.start()
			before := s.awaitReason(id, stateUncertain, LostAnswer)
			if before.Status != "NotSent" {
				t.Errorf("while it is uncertain the request is %+v", before)
			}
			r := s.awaitState(id, stateAccepted)
			if r.Status != "Sent" || !r.SendAt.Equal(before.SendAt) {
				t.Errorf("the request is %+v", r)
			}
			s.broadcast()
			for _, phone := range f.phones {
				if n := len(s.bodies(phone)); n != 1 {
					t.Errorf("a member got %d messages, want 1", n)
				}
			}
			if n := s.calls("asha", "createAndSendMessageToGroup"); n != test.sends {
				t.Errorf("Glific got %d sends, want %d", n, test.sends)
			}
		})
	}
}

func TestLostAnswersOfMemberSendsLeadToOneMessageEach(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(12)
	for _, kind := range []glifictest.FaultKind{glifictest.LoseAnswer, glifictest.DropRequest, glifictest.FailAfterwards, glifictest.TruncateBody} {
		s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: kind})
	}
	s.glific.Inject(glifictest.Fault{Operation: "contactGroups", Kind: glifictest.DropRequest, Times: 4})
	id := s.queueNamed(s.asha.AddGroup("camp", f.contacts...))
	s.start()
	s.awaitState(id, stateAccepted)
	s.wantNamed(f)
	lost := 0
	for _, m := range s.members(id) {
		if strings.HasPrefix(m.Outcomes, "uncertain") {
			lost++
		}
	}
	if lost == 0 {
		t.Error("no member's answer was lost")
	}
}

func TestCrashAtAnyStepOfGroupMessageLeadsToOneMessageEach(t *testing.T) {
	for _, test := range []struct {
		named bool
		steps []string
	}{
		{false, []string{"before send_to_group"}}, {false, []string{"after send_to_group"}},
		{false, []string{"before send_to_group", "before find_sent_to_group"}},
		{false, []string{"after send_to_group", "before find_sent_to_group"}},
		{false, []string{"after send_to_group", "after find_sent_to_group"}},
		{true, []string{"after group_members"}}, {true, []string{"before send"}}, {true, []string{"after send"}},
		{true, []string{"after send", "before find_sent"}}, {true, []string{"after group_members", "after send", "after find_sent"}},
	} {
		t.Run(fmt.Sprint(test.named, " ", strings.Join(test.steps, ", ")), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			f := s.people(6)
			group := s.asha.AddGroup("camp", f.contacts...)
			id := s.queuePlain
			if test.named {
				id = s.queueNamed
			}
			request := id(group)
			for _, step := range test.steps {
				select {
				case <-s.startMortal(step):
				case <-time.After(avnitest.Patience):
					t.Fatalf("the step %q was never reached\n%s", step, s.log)
				}
			}
			s.start()
			s.awaitState(request, stateAccepted)
			s.broadcast()
			if test.named {
				s.wantNamed(f)
				return
			}
			for _, phone := range f.phones {
				if n := len(s.bodies(phone)); n != 1 {
					t.Errorf("a member got %d messages, want 1", n)
				}
			}
		})
	}
}

// Killed in the middle, a message to 4,000 members goes on with those who did not get it.
func TestGroupOfThousandsSurvivesACrash(t *testing.T) {
	s := newStage(t)
	const known, unknown, half = 3900, 100, 1500
	f := s.people(known)
	id := s.queueNamed(s.asha.AddGroup("camp", append(f.contacts, s.contacts(unknown).contacts...)...))
	dead := s.startMortalAfter("after send", half)
	select {
	case <-dead:
	case <-time.After(avnitest.Patience):
		t.Fatalf("%d sends were never reached\n%s", half, s.log)
	}
	if r := s.row(id); r.Status != "PartiallySent" || r.State != "waiting" || r.Reason != string(GroupUnderWay) {
		t.Errorf("after the crash the request is %+v", r)
	}
	if n := len(s.glific.Ledger()); n < half || n > known-half {
		t.Errorf("the crash came after %d messages", n)
	}
	for range 2 {
		pool := s.pool()
		s.start(func(o *Options) { o.Pool = pool })
	}
	if r := s.awaitState(id, stateAccepted); r.Status != "Sent" || !r.Delivered {
		t.Errorf("the request is %+v", r)
	}
	s.wantNamed(f)
	skipped := 0
	for _, m := range s.members(id) {
		if m.Reason == string(UnknownToAvni) && m.State == "refused" {
			skipped++
		}
	}
	if skipped != unknown {
		t.Errorf("%d members are listed as unknown to Avni, want %d", skipped, unknown)
	}
}

func TestReplicasMessageEachMemberOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(60)
	group := s.asha.AddGroup("camp", f.contacts...)
	ids := []int64{s.queueNamed(group), s.queuePlain(group)}
	for range 2 {
		pool := s.pool()
		s.start(func(o *Options) { o.Pool = pool; o.Settings.InFlight = 4 })
	}
	for _, id := range ids {
		s.awaitState(id, stateAccepted)
	}
	if n := s.calls("asha", "createAndSendMessageToGroup"); n != 1 {
		t.Errorf("%d messages to the group, want 1", n)
	}
	s.wantNamed(f)
}
