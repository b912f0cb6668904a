package rules

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDecide(t *testing.T) {
	at := time.Date(2024, 5, 1, 10, 0, 0, 123_456_789, time.UTC)
	cut := at.Truncate(time.Millisecond)
	send := Schedule{Send: true, At: at}
	pending := request{id: 1, scheduledAt: cut, status: statusNotSent}
	elsewhen := request{id: 2, scheduledAt: cut.Add(time.Millisecond), status: statusNotSent}
	voided := request{id: 3, scheduledAt: cut, status: statusNotSent, voided: true}
	delivered := request{id: 4, scheduledAt: cut, status: statusSent, delivered: true}
	failed := request{id: 5, scheduledAt: cut, status: "Failed"}
	noNumber := request{id: 6, scheduledAt: cut, status: statusNoNumber}
	badNumber := request{id: 7, scheduledAt: cut, status: statusInvalidNumber}
	byHand := request{id: 9, scheduledAt: cut, status: statusNotSent, voided: true, cancelled: true}
	byHandUnvoided := request{id: 10, scheduledAt: cut, status: statusNotSent, cancelled: true}
	left := effect{outcome: outcomeCancelled, reason: "the request was cancelled by hand"}
	deliveredVoided := request{id: 8, scheduledAt: cut, status: statusSent, delivered: true, voided: true}

	for _, test := range []struct {
		name     string
		answer   Schedule
		existing []request
		want     effect
	}{
		{"nothing there", send, nil, effect{outcome: outcomeScheduled, at: cut, insert: true}},
		{"same time", send, []request{pending}, effect{outcome: outcomeUnchanged, at: cut}},
		{"another time", send, []request{elsewhen}, effect{outcome: outcomeMoved, at: cut, update: 2}},
		{"voided", send, []request{voided}, effect{outcome: outcomeRestored, at: cut, update: 3}},
		{"delivered", send, []request{delivered}, effect{outcome: outcomeDelivered, at: cut}},
		{"delivered, then voided", send, []request{deliveredVoided}, effect{outcome: outcomeDelivered, at: cut}},
		{"failed for good, same time", send, []request{failed}, effect{outcome: outcomeUnchanged, at: cut}},
		{"no number", send, []request{noNumber}, effect{outcome: outcomeRenewed, reason: "was NotSentNoPhoneNumberInAvni", at: cut, update: 6}},
		{"invalid number", send, []request{badNumber}, effect{outcome: outcomeRenewed, reason: "was NotSentInvalidPhoneNumberInAvni", at: cut, update: 7}},
		{"two pending: the oldest is ours", send, []request{elsewhen, pending}, effect{outcome: outcomeMoved, at: cut, update: 2}},
		{"voided and pending: the pending one is ours", send, []request{voided, elsewhen}, effect{outcome: outcomeMoved, at: cut, update: 2}},
		{"delivered and pending: both stay", send, []request{elsewhen, delivered}, effect{outcome: outcomeDelivered, at: cut}},
		{"cancelled by hand, another time", Schedule{Send: true, At: at.Add(time.Hour)}, []request{byHand}, left},
		{"cancelled by hand, un-voided by somebody", send, []request{byHandUnvoided}, left},
		{"cancelled by hand, beside a voided one", send, []request{voided, byHand}, left},
		{"cancelled by hand, and a new one that waits", send, []request{byHand, elsewhen}, effect{outcome: outcomeMoved, at: cut, update: 2}},
		{"cancelled by hand, and sent after all", send, []request{byHand, delivered}, effect{outcome: outcomeDelivered, at: cut}},
		{"no, cancelled by hand", Schedule{}, []request{byHandUnvoided}, left},
		{"no date, cancelled by hand", Schedule{Send: true}, []request{byHand}, left},

		{"no, nothing there", Schedule{}, nil, effect{outcome: outcomeSkipped, reason: "the rule said shouldSend: false"}},
		{"no, with a date", Schedule{At: at}, nil, effect{outcome: outcomeSkipped, reason: "the rule said shouldSend: false"}},
		{"no, pending", Schedule{}, []request{pending}, effect{outcome: outcomeVoided, reason: "the rule said shouldSend: false", void: []int64{1}}},
		{"no, two pending", Schedule{}, []request{pending, elsewhen}, effect{outcome: outcomeVoided, reason: "the rule said shouldSend: false", void: []int64{1, 2}}},
		{"no, failed", Schedule{}, []request{failed}, effect{outcome: outcomeVoided, reason: "the rule said shouldSend: false", void: []int64{5}}},
		{"no, delivered and voided", Schedule{}, []request{delivered, voided}, effect{outcome: outcomeSkipped, reason: "the rule said shouldSend: false"}},
		{"no date, pending", Schedule{Send: true}, []request{pending}, effect{outcome: outcomeNoDate, reason: "the rule gave no scheduledDateTime", void: []int64{1}}},
		{"no date, nothing there", Schedule{Send: true}, nil, effect{outcome: outcomeNoDate, reason: "the rule gave no scheduledDateTime"}},
	} {
		got := decide(Rule{}, test.answer, test.existing)
		if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(effect{}, hold{}, Rule{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestOutcomesAreKnownToMetrics(t *testing.T) {
	for o, would := range comparedOutcomes {
		if would == o || o.compared() != would {
			t.Errorf("%s compared is %s", o, o.compared())
		}
	}
	if len(outcomes) != len(comparedOutcomes)+6 { // the others are the same either way, or are not where nothing is written
		t.Errorf("%d outcomes, %d compared", len(outcomes), len(comparedOutcomes))
	}
}

func TestStorable(t *testing.T) {
	for _, test := range []struct {
		text  string
		limit int
		want  string
	}{
		{"plain", 10, "plain"},
		{"सुरभि", 3, "सुर"},
		{"a\x00b\xffc", 10, "ab\uFFFDc"},
		{"", 5, ""},
	} {
		if got := storable(test.text, test.limit); got != test.want {
			t.Errorf("storable(%q, %d) = %q", test.text, test.limit, got)
		}
	}
}
