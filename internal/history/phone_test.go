package history_test

import "testing"

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
