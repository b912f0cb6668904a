package history_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/history"
)

// requestsIn are the requests that an explanation tells of.
func requestsIn(x history.Explanation) []int64 {
	var ids []int64
	for _, s := range x.Stories {
		if s.RequestID != 0 {
			ids = append(ids, s.RequestID)
		}
	}
	slices.Sort(ids)
	return ids
}

func TestWhatMayBeAskedAbout(t *testing.T) {
	s := newStage(t)
	enrolment, err := s.avni.QueueRule(t.Context(), 602, 1001, avnitest.Receiver{Type: "User", ID: 203}, now) // enrolment 1001 of subject 1001, to a worker
	s.must(err)
	visit, err := s.avni.QueueRule(t.Context(), 603, 1001, avnitest.Receiver{Type: "Subject", ID: 1001}, now) // programme visit 1001
	s.must(err)
	home, err := s.avni.QueueRule(t.Context(), 604, 1002, avnitest.Receiver{Type: "Subject", ID: 1001}, now) // visit 1002
	s.must(err)
	for question, want := range map[string][]int64{
		"921":                                  {921},
		" 921 ":                                {921},
		"Request:921":                          {921},
		"96000000-0000-4000-8000-000000000921": {921},
		"95000000-0000-4000-8000-000000000601": {921},
		"Rule:601":                             {921},
		"subject:1002":                         {921, 922},
		"individual:1002":                      {921, 922},
		"10000000-0000-4000-8000-000000001002": {921, 922},
		"10000000-0000-4000-8000-000000001001": {enrolment, visit, home},
		"Subject:1001":                         {enrolment, visit, home},
		"9876500001":                           {enrolment, visit, home},
		"+91 98765-00099":                      {enrolment, visit, home}, // another number of theirs
		"ProgramEnrolment:1001":                {enrolment, visit},
		"20000000-0000-4000-8000-000000001001": {enrolment, visit},
		"ProgramEncounter:1001":                {visit},
		"30000000-0000-4000-8000-000000001001": {visit},
		"Encounter:1002":                       {home},
		"40000000-0000-4000-8000-000000001002": {home},
		"User:202":                             {925},
		"09876543210":                          {925},
		"b0000000-0000-4000-8000-000000000202": {925},
		"User:203":                             {enrolment},
	} {
		x := s.explain(question)
		if got := requestsIn(x); !slices.Equal(got, want) || !x.Known {
			t.Errorf("%q is answered with %v, want %v: %+v", question, got, want, x.Notes)
		}
	}
}

// That nothing is found is an answer, too.
func TestNothingIsFound(t *testing.T) {
	s := newStage(t)
	for question, want := range map[string]string{
		"hello":                                "Write a phone number with or without country code",
		"":                                     "Write a phone number with or without country code",
		"4711":                                 "There is no request 4711 in Avni's queue.",
		"Subject:4711":                         "There is no Subject 4711.",
		"Rule:4711":                            "There is no message rule 4711.",
		"00000000-0000-4000-8000-000000000000": "No subject, enrolment, visit, user, request or message rule has this uuid.",
		"+91 98765 43999":                      "Searched: users and subjects of asha_gramin, seva_nepal (all that are served here)",
		"+91 12":                               "Write a phone number with or without country code",
		"+91 12345":                            "This is not a valid phone number in region IN or NP",
	} {
		x := s.explain(question)
		if x.Known || len(x.Stories)+len(x.People) > 0 || !strings.Contains(strings.Join(x.Notes, "\n"), want) {
			t.Errorf("%q is answered with %+v", question, x)
		}
		if !strings.Contains(strings.Join(x.Notes, "\n"), "asha_gramin in mode full, seva_nepal in mode full") {
			t.Errorf("%q: who is served is not told: %v", question, x.Notes)
		}
	}
}

func TestOneOrganisation(t *testing.T) {
	s := newStage(t)
	delete(s.served, avnitest.AshaGramin)
	if x := s.explain("9876500002"); x.Known {
		t.Errorf("organisations that are not served are searched: %+v", x)
	}
	for organisation, want := range map[string]int{"asha_gramin": 1, "101": 1, "seva_nepal": 0} {
		x, err := s.reader().Explain(t.Context(), history.Question{Text: "9876500002", Organisation: organisation})
		s.must(err)
		if len(x.People) != want {
			t.Errorf("%s has %+v", organisation, x.People)
		}
		x, err = s.reader().Explain(t.Context(), history.Question{Text: "921", Organisation: organisation})
		s.must(err)
		if len(x.Stories) != want {
			t.Errorf("request 921 is told of for %s: %+v", organisation, x.Stories)
		}
	}
	var unknown *history.UnknownOrganisation
	if _, err := s.reader().Explain(t.Context(), history.Question{Text: "921", Organisation: "nobody"}); !errors.As(err, &unknown) {
		t.Errorf("the error is %v", err)
	}
}

// A number that is nobody's any more is found by what was sent to it, also to a member of
// a group.
func TestWhatWasSentToANumber(t *testing.T) {
	s := newStage(t)
	s.queued(ago(time.Hour), accepted+`, phone = '919812300001'`)
	s.exec(`insert into messenger.group_member (id, request_id, contact_id, phone) values (-1, 923, '5', '919812300001')`)
	s.exec(`insert into messenger.delivery (request_id, organisation_id, state, reason, phone) values (-1, 101, 'refused', 'opted_out', '919812300001')`)
	s.exec(`insert into messenger.attempt (request_id, organisation_id, outcome, reason, duration_ms) values (-1, 101, 'refused', 'opted_out', 1)`)
	x := s.explain("98123 00001")
	if got := requestsIn(x); !slices.Equal(got, []int64{923, 9001}) || len(x.People) != 0 {
		t.Fatalf("it finds %v and %+v", got, x.People)
	}
	i := slices.IndexFunc(x.Stories, func(s history.Story) bool { return s.RequestID == 923 })
	if text := x.Stories[i].Standing.Text; !strings.HasSuffix(text, " Of its members: 1 not sent: the receiver has opted out at Glific.") {
		t.Errorf("the group's message stands as %q", text)
	}
	told := x.Stories[i].Events[len(x.Stories[i].Events)-1].What
	if told != "to the member …0001: not sent: the receiver has opted out at Glific" {
		t.Errorf("the member's attempt is told as %q", told)
	}
}

// A query that takes too long is given up, and said to be.
func TestTooSlow(t *testing.T) {
	s := newStage(t)
	s.options.Timeout = 50 * time.Millisecond
	tx, err := s.avni.Pool().Begin(t.Context())
	s.must(err)
	defer tx.Rollback(t.Context())
	_, err = tx.Exec(t.Context(), `lock table message_request_queue`)
	s.must(err)
	var slow *history.TooSlow
	if _, err := s.reader().Explain(t.Context(), history.Question{Text: "921"}); !errors.As(err, &slow) {
		t.Errorf("the error is %v", err)
	}
}

// What the words of a story hold of a phone number are its last digits.
func TestSentencesHoldNoPhoneNumber(t *testing.T) {
	s := newStage(t)
	s.queued(ago(time.Hour), accepted+`, phone = '919876500002'`)
	for _, question := range []string{"Subject:1002", "9876500099", "9876500002"} {
		x := s.explain(question)
		texts := append([]string{x.Read}, x.Notes...)
		for _, p := range x.People {
			texts = append(texts, p.Note)
		}
		for _, story := range x.Stories {
			texts = append(texts, story.Title, story.Standing.Text, story.Standing.Fix)
			for _, e := range story.Events {
				texts = append(texts, e.What, e.Detail)
			}
		}
		if text := strings.Join(texts, "\n"); strings.Contains(text, "98765") || len(x.Stories)+len(x.People) == 0 {
			t.Errorf("%s is answered with %s", question, text)
		}
	}
}
