package history_test

import (
	"errors"
	"strings"
	"testing"

	"avni-messenger/internal/history"
)

// Whoever types a phone number where an id belongs is told so, and PostgreSQL is not asked.
func TestNoIDIsThatGreat(t *testing.T) {
	s := newStage(t)
	for _, kind := range []string{"Subject", "ProgramEnrolment", "Encounter", "ProgramEncounter", "User", "Rule", "Request"} {
		for _, id := range []string{"9876500001", "2147483648", "99999999999999999999"} {
			x, err := s.reader().Explain(t.Context(), history.Question{Text: kind + ":" + id})
			if err != nil || x.Known || !strings.Contains(strings.Join(x.Notes, " "), "No id in Avni is greater than 2147483647") || strings.Contains(x.Read, id) {
				t.Errorf("%s:%s: %v, read %q, notes %q", kind, id, err, x.Read, x.Notes)
			}
		}
		if x := s.explain(kind + ":2147483647"); x.Known || strings.Contains(strings.Join(x.Notes, " "), "No id") {
			t.Errorf("%s: the greatest id is read as %q, %q", kind, x.Read, x.Notes)
		}
	}
}

// What no Page.Next can be is told from one that is.
func TestWrongPlacesInTheList(t *testing.T) {
	s := newStage(t)
	for _, after := range []string{"x", "1", "1-9876500001", "9223372036854775807-1", "-9223372036854775808-1"} {
		_, err := s.reader().Messages(t.Context(), history.Filter{OrganisationID: 101, After: after})
		if wrong := (*history.BadCursor)(nil); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", after, err)
		}
	}
}

func TestOrganisations(t *testing.T) {
	s := newStage(t)
	found, err := s.reader().Organisations(t.Context())
	s.must(err)
	var names []string
	for _, o := range found {
		names = append(names, o.Name)
	}
	if got := strings.Join(names, " "); got != "asha_gramin seva_nepal" || found[0].ID != 101 {
		t.Errorf("the organisations are %v", found)
	}
}
