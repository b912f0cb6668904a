package history_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
)

// The sample's subject is found by each way to write a number of theirs.
func TestPhoneNumbersAreFoundHoweverTheyAreWritten(t *testing.T) {
	s := newStage(t)
	for _, text := range []string{"+91 98765 00001", "098765-00001", "9876500001", "919876500001", "00919876500001", "९८७६५००००१", "(98765) 00001", "9876500099"} {
		x := s.explain(text)
		if len(x.People) != 1 || x.People[0].ID != 1001 || x.People[0].Phone != "+919876500001" {
			t.Errorf("%q finds %+v", text, x.People)
		}
	}
}

// Of people it is told why no message reaches them, or not at the number that was asked for.
func TestWhatIsToKnowOfANumber(t *testing.T) {
	s := newStage(t)
	for question, want := range map[string]string{
		"9876500099":   "Messages to them go to another of their numbers (…0001), which comes before this one.",
		"9876500005":   "Voided in Avni: no message is sent about them.",
		"Subject:1003": "Subject 1003 has no phone number. No message can be sent to them.",
		"Subject:1006": "The phone number of subject 1006 has 5 digits; a mobile number of region IN has 10. No message can be sent to them.",
		"9876500002":   "",
	} {
		x := s.explain(question)
		if len(x.People) != 1 || x.People[0].Note != want {
			t.Errorf("%s: %+v", question, x.People)
		}
	}
}

// Whom a message could not be sent to is found by the number that is not valid, however it is
// typed; by no other number, and not when it was corrected.
func TestNumbersThatAreNotValidAreFound(t *testing.T) {
	s := newStage(t)
	refused := func(rule, entity int64, to avnitest.Receiver) {
		t.Helper()
		id, err := s.avni.QueueRule(t.Context(), rule, entity, to, now)
		s.must(err)
		s.exec(`insert into messenger.delivery (request_id, organisation_id, state, reason, rule_id, entity_id, updated_at) values ($1, 101, 'refused', 'invalid_phone', $2, $3, `+ago(time.Hour)+`)`, id, rule, entity)
	}
	if x := s.explain("12345"); x.Known { // 1006 has it, but nobody has messaged them
		t.Errorf("it finds %+v", x.People)
	}
	refused(601, 1006, avnitest.Receiver{Type: "Subject", ID: 1006})
	refused(602, 1001, avnitest.Receiver{Type: "User", ID: 203})
	s.exec(`update users set phone_number = '0987-654 32 1 0 77' where id = 203`)
	for question, want := range map[string]string{
		"12345":             "Subject 1006",
		"+91 123-45":        "Subject 1006",
		"००12345":           "Subject 1006",
		"1234":              "",
		"2345":              "",
		"123456":            "",
		"98765 43210 77":    "User 203",
		"09876 54321 077":   "User 203",
		"५४३२१०७७":          "User 203",
		"+91 9876543210 78": "",
		"9876543210":        "User 202", // whose number it is, and valid
	} {
		x := s.explain(question)
		var found []string
		for _, p := range x.People {
			found = append(found, fmt.Sprintf("%s %d", p.Type, p.ID))
		}
		if strings.Join(found, ", ") != want || x.Known != (want != "") {
			t.Errorf("%q finds %q: %q", question, found, x.Notes)
		}
		if invalid := want == "Subject 1006" || want == "User 203"; invalid && (len(x.Stories) != 1 || !strings.Contains(x.People[0].Note, "No message can be sent to them.") ||
			!slices.ContainsFunc(x.Notes, func(note string) bool { return strings.HasPrefix(note, "Among those whom no message could be sent to") })) {
			t.Errorf("%q is answered with %+v, %q", question, x.People, x.Notes)
		}
	}
	s.exec(`update users set phone_number = '+919812345077' where id = 203`)
	if x := s.explain("98765 43210 77"); x.Known {
		t.Errorf("after it was corrected it finds %+v", x.People)
	}
}
