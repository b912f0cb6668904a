package glific_test

import (
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

func TestContactByPhone(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	left := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	s.asha.AddContact(glifictest.Contact{Phone: "919876512345", Name: "Sita", Status: "INVALID", OptoutTime: left})
	s.asha.AddContact(glifictest.Contact{Phone: "919876500000", Name: "Rude", Status: "BLOCKED", BSPStatus: "HSM"})
	for phone, want := range map[string]glific.Contact{
		"919876512345": {ID: "1", Status: "INVALID", BSPStatus: "NONE", OptoutTime: left},
		"919876500000": {ID: "2", Status: glific.StatusBlocked, BSPStatus: "HSM"},
	} {
		got, ok, err := s.ContactByPhone(t.Context(), phone)
		if err != nil || !ok {
			t.Fatalf("contact found: %t, %v", ok, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if got.CanReceiveTemplates() {
			t.Errorf("contact %s can receive templates", got.ID)
		}
	}
	if c, ok, err := s.ContactByPhone(t.Context(), "9198765"); ok || err != nil {
		t.Errorf("a part of a phone found %v, %v", c, err)
	}
}

func TestOptinContact(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	c, err := s.OptinContact(t.Context(), mother, "Sita")
	if err != nil {
		t.Fatal(err)
	}
	if held, _ := s.asha.Contact(mother); !c.CanReceiveTemplates() || c.ID != held.ID {
		t.Errorf("contact is %+v, want one that can receive templates", c)
	}
}

func TestOptinContactLosesTheRace(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	s.asha.RaceNextOptin()
	c, err := s.OptinContact(t.Context(), mother, "Sita")
	if held, _ := s.asha.Contact(mother); err != nil || c.ID != held.ID || !c.CanReceiveTemplates() {
		t.Errorf("contact is %+v, %v; want the one that somebody else created", c, err)
	}
}

func TestStaffMayNotOptIn(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	s.asha.SetRole("Staff")
	_, err := s.OptinContact(t.Context(), mother, "Sita")
	wantError(t, err, glific.Wait, glific.RoleTooLow)
}

func TestNumberThatIsNotOnWhatsApp(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	s.asha.NotOnWhatsApp(mother)
	m := s.message()
	if _, err := s.Send(t.Context(), m); err != nil { // Glific does not know yet
		t.Fatal(err)
	}
	_, err := s.Send(t.Context(), m)
	wantError(t, err, glific.Refused, glific.ContactInvalid)
}
