package glific_test

import (
	"fmt"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

func (s setup) groupMessage(members int) glific.GroupMessage {
	var ids []string
	for _, m := range s.messages(members) {
		ids = append(ids, m.ContactID)
	}
	return glific.GroupMessage{TemplateID: 7001, GroupID: s.asha.AddGroup("Kevadia", ids...), Parameters: []string{"Sita", "Kevadia"}, SendAt: sendTime}
}

func (s setup) wantFoundInGroup(t *testing.T, m glific.GroupMessage, want glific.Presence) {
	t.Helper()
	found, err := s.FindSentToGroup(t.Context(), m)
	if err != nil || found.Presence != want || (want == glific.Accepted) == (found.MessageID == "") {
		t.Errorf("found is %s %q, %v; want %s", found.Presence, found.MessageID, err, want)
	}
}

func TestSendToGroup(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	m := s.groupMessage(3)
	s.asha.AddToGroup(m.GroupID, s.asha.AddContact(glifictest.Contact{Phone: mother, Status: "BLOCKED"}))
	s.wantFoundInGroup(t, m, glific.Absent)
	sent, err := s.SendToGroup(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"1", "2", "3"}, sent.ContactIDs); d != "" {
		t.Error(d)
	}
	s.wantFoundInGroup(t, m, glific.Accepted)
	later, other := m, m
	later.SendAt, other.TemplateID = sendTime.Add(time.Second), 700
	s.wantFoundInGroup(t, later, glific.Absent)
	s.wantFoundInGroup(t, other, glific.Absent)
	s.asha.RunBroadcast()
	if d := cmp.Diff(map[string]int{phoneOf(0): 1, phoneOf(1): 1, phoneOf(2): 1}, delivered(s.server)); d != "" {
		t.Error(d)
	}
}

func TestSendToGroupThatCannotBe(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	m := s.groupMessage(0)
	_, err := s.SendToGroup(t.Context(), m)
	wantError(t, err, glific.Refused, glific.GroupEmpty)
	s.asha.RemoveGroup(m.GroupID)
	_, err = s.SendToGroup(t.Context(), m)
	wantError(t, err, glific.Refused, glific.ResourceNotFound)
	s.wantFoundInGroup(t, m, glific.Unknown)
}

// The answers that leave a message to a group in doubt, and what Glific then knows.
func TestFaultsOfSendToGroup(t *testing.T) {
	for name, test := range map[string]struct {
		fault glifictest.Fault
		code  glific.Code
		found glific.Presence
	}{
		"dropped":     {glifictest.Fault{Kind: glifictest.DropRequest}, glific.ConnectionLost, glific.Absent},
		"answer lost": {glifictest.Fault{Kind: glifictest.LoseAnswer}, glific.ConnectionLost, glific.Accepted},
		"504":         {glifictest.Fault{Kind: glifictest.ExecuteThenFail, Status: 504}, glific.ServerError, glific.Accepted},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t, glifictest.Options{})
			m := s.groupMessage(2)
			test.fault.Operation = "createAndSendMessageToGroup"
			s.server.Inject(test.fault)
			_, err := s.SendToGroup(t.Context(), m)
			wantError(t, err, glific.Uncertain, test.code)
			s.wantFoundInGroup(t, m, test.found)
			if n := countOf(s.server, "createAndSendMessageToGroup"); n != 1 {
				t.Errorf("%d requests, want 1", n)
			}
		})
	}
}

// A Glific that does not keep the send time of messages to groups cannot tell.
func TestFindSentToGroupWithoutMarkers(t *testing.T) {
	const row = `{"data":{"search":[{"group":{"id":"5"},"messages":[{"id":"1","body":"Sending HSM template 7001, params: a","sendAt":%s,"insertedAt":"%s"}]}]}}`
	const reworded = `{"data":{"search":[{"group":{"id":"5"},"messages":[{"id":"1","body":"%s","sendAt":"2026-11-20T06:30:00Z","insertedAt":"2026-11-20T06:31:00Z"}]}]}}`
	for said, want := range map[string]glific.Presence{
		fmt.Sprintf(row, `null`, "2026-11-20T06:31:00Z"):                   glific.Unknown,
		fmt.Sprintf(row, `null`, "2026-11-20T05:31:00Z"):                   glific.Absent, // long before
		fmt.Sprintf(row, `"2026-11-20T06:30:01Z"`, "2026-11-20T06:31:00Z"): glific.Absent,
		fmt.Sprintf(reworded, "HSM template 7001 goes out"):                glific.Unknown, // by another version of Glific
		fmt.Sprintf(reworded, "Sending HSM template 7002, params: a"):      glific.Absent,
		`{"data":{"search":[{"group":{"id":"6"},"messages":[]}]}}`:         glific.Unknown,
		`{"data":{"search":[]}}`:                                           glific.Unknown,
	} {
		c := newFixedAnswer(t, said)
		found, err := c.FindSentToGroup(t.Context(), glific.GroupMessage{TemplateID: 7001, GroupID: "5", SendAt: sendTime})
		if err != nil || found.Presence != want {
			t.Errorf("found is %s, %v; want %s for %s", found.Presence, err, want, said)
		}
	}
}

func TestGroupMembers(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	m := s.groupMessage(120)
	s.asha.AddToGroup(m.GroupID, s.asha.AddContact(glifictest.Contact{Phone: mother, Name: "Rude", Status: "BLOCKED"}))
	var all []glific.Member
	for {
		page, err := s.GroupMembers(t.Context(), m.GroupID, len(all), 60)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if len(page) < 60 {
			break
		}
	}
	if len(all) != 121 || countOf(s.server, "contactGroups") != 3 {
		t.Fatalf("%d members by %d requests, want 121 by 3", len(all), countOf(s.server, "contactGroups"))
	}
	for i, member := range all[:120] {
		if member.Phone != phoneOf(i) || !member.Contact().CanReceiveTemplates() || member.Name != "Sita" {
			t.Errorf("member %d is %+v", i, member)
		}
	}
	if d := cmp.Diff(glific.Member{ContactID: "121", Phone: mother, Name: "Rude", Status: glific.StatusBlocked, BSPStatus: "NONE"}, all[120]); d != "" {
		t.Error(d)
	}
	if gone, err := s.GroupMembers(t.Context(), "4711", 0, 60); len(gone) != 0 || err != nil {
		t.Errorf("members of no group: %v, %v", gone, err)
	}
}

func TestMemberWithoutContact(t *testing.T) {
	c := newFixedAnswer(t, `{"data":{"contactGroups":[{"contact":null},{"contact":{"id":5,"phone":"1"}}]}}`)
	got, err := c.GroupMembers(t.Context(), "1", 0, 2)
	if d := cmp.Diff([]glific.Member{{}, {ContactID: "5", Phone: "1"}}, got); d != "" || err != nil {
		t.Error(d, err)
	}
}
