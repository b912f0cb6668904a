package glific_test

import (
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
)

func (s setup) wantFound(t *testing.T, contact string, want glific.Presence, id string) {
	t.Helper()
	found, err := s.FindSent(t.Context(), contact, 7001, sendTime)
	if err != nil {
		t.Fatal(err)
	}
	if found.Presence != want || found.MessageID != id {
		t.Errorf("found is %s %q, want %s %q", found.Presence, found.MessageID, want, id)
	}
}

func TestFindSentAfterALostAnswer(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	m := s.message()
	s.wantFound(t, m.ContactID, glific.Absent, "")

	s.server.Inject(glifictest.Fault{Kind: glifictest.DropRequest, Operation: "createAndSendMessage"})
	_, err := s.Send(t.Context(), m)
	wantError(t, err, glific.Uncertain, glific.ConnectionLost)
	s.wantFound(t, m.ContactID, glific.Absent, "")

	s.server.Inject(glifictest.Fault{Kind: glifictest.LoseAnswer, Operation: "createAndSendMessage"})
	_, err = s.Send(t.Context(), m)
	wantError(t, err, glific.Uncertain, glific.ConnectionLost)
	s.wantFound(t, m.ContactID, glific.Accepted, s.server.Ledger()[0].MessageID)
}

// Messages that resemble ours in all but one mark are not ours.
func TestFindSentKnowsItsOwn(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	m := s.message()
	s.asha.SetGupshup(false)
	_, err := s.Send(t.Context(), m) // stored with status "error"
	wantError(t, err, glific.Uncertain, glific.GupshupSettings)
	s.asha.SetGupshup(true)
	later, otherTemplate, otherContact := m, m, m
	later.SendAt = sendTime.Add(time.Second)
	otherTemplate.TemplateID = reminder.ID
	otherContact.ContactID = s.asha.AddOptedInContact("919876500001", "Gita")
	for _, other := range []glific.Message{later, otherTemplate, otherContact} {
		if _, err := s.Send(t.Context(), other); err != nil {
			t.Fatal(err)
		}
	}
	s.wantFound(t, m.ContactID, glific.Absent, "")
}

func TestFindSentCannotTell(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	blocked := s.asha.AddContact(glifictest.Contact{Phone: mother, Status: "BLOCKED"})
	s.wantFound(t, blocked, glific.Unknown, "")
	s.wantFound(t, "4711", glific.Unknown, "")
}

// A contact with a long history: the second, larger search finds the message, and
// past what Glific lists the answer is that nobody knows.
func TestFindSentInALongHistory(t *testing.T) {
	s := newSetup(t, glifictest.Options{NoLimits: true})
	ours := s.message()
	sent, err := s.Send(t.Context(), ours)
	if err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(-150 * time.Minute) // near sendTime: nothing can be concluded from age
	fill := func(n int) {
		for i := range n {
			other := ours
			other.SendAt = sendTime.Add(time.Duration(i+1) * time.Second)
			if _, err := s.Send(t.Context(), other); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(60)
	s.wantFound(t, ours.ContactID, glific.Accepted, sent.MessageID)
	fill(200)
	s.wantFound(t, ours.ContactID, glific.Unknown, "")
}
