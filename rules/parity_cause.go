package rules

import "slices"

// Cause is why avni-server has queued something else than we would have: a closed set,
// kept in messenger.parity. The zero value is a difference that nobody can explain, which
// an operator must look at.
type Cause string

// The causes. Those that are Open have to be mended before the organisation is served.
const (
	CauseUserCreated   Cause = "user_created"
	CauseVisitPlanned  Cause = "visit_scheduled"
	CauseWrittenAlong  Cause = "written_along"
	CauseBulkUpdate    Cause = "bulk_update"
	CauseNothingDirty  Cause = "no_column_changed"
	CauseNotWithdrawn  Cause = "not_withdrawn"
	CauseChildOfVoided Cause = "child_of_voided"
	CauseVoidedBySQL   Cause = "voided_by_sql"
	CauseUnvoided      Cause = "unvoided"
	CauseVoidedByID    Cause = "voided_by_id"
	CauseRuleVoided    Cause = "rule_voided"
	CauseRuleEdited    Cause = "rule_edited"
	CauseCancelDate    Cause = "cancel_date"
	CauseCountsFromNow Cause = "counts_from_now"
	CauseFresherData   Cause = "fresher_data"
	CauseDuplicate     Cause = "duplicate"
	CauseFailedThere   Cause = "failed_there"
	CauseFailedHere    Cause = "failed_here"
	CauseMessagingOff  Cause = "messaging_off"
	CauseTimezone      Cause = "timezone"
)

type causeMeaning struct {
	text, advice string
	open         bool
}

var causes = map[Cause]causeMeaning{
	CauseUserCreated: {text: "a user was created; avni-server has sent nothing for new users since its release 12.1",
		advice: "nothing, if the rule is wanted: avni-messenger sends its messages. Else void the rule"},
	CauseVisitPlanned: {text: "avni-server scheduled the visit itself, while it saved something else, and runs no rules for such visits",
		advice: "nothing: avni-messenger reminds of these visits as well"},
	CauseWrittenAlong: {text: "avni-server wrote the row while it saved something else (observations that a decision sets, the subject of a user), and runs no rules for that",
		advice: "nothing: avni-messenger runs its rules for every change"},
	CauseBulkUpdate: {text: "the row was changed together with those of other subjects (sync attributes, an import or a repair by SQL), for which avni-server runs no rules",
		advice: "nothing"},
	CauseNothingDirty: {text: "avni-server ran the rule again at a save that changed no column, of which the database shows nothing",
		advice: "nothing: such a save changes nothing that a rule could see but the clock"},
	CauseNotWithdrawn: {text: "the rule does not want the message any more, and avni-server withdraws nothing",
		advice: "nothing: avni-messenger withdraws it"},
	CauseChildOfVoided: {text: "the subject or enrolment that it hangs under is voided, and avni-server withdraws only what is about the voided row itself",
		advice: "nothing: avni-messenger withdraws what hangs under it as well"},
	CauseVoidedBySQL: {text: "it was voided past avni-server's services (with its location, or by SQL), so that avni-server withdrew nothing",
		advice: "nothing: avni-messenger withdraws it"},
	CauseUnvoided: {text: "it was voided and is not any more; avni-server leaves the message withdrawn for good",
		advice: "nothing: avni-messenger brings the message back, if it is not overdue"},
	CauseVoidedByID: {text: "something of another type with the same id was voided, and avni-server withdraws by the bare id",
		advice: "nothing: avni-messenger withdraws only what is about the voided row"},
	CauseRuleVoided: {text: "the rule is voided, and avni-server sends what it had queued",
		advice: "nothing: avni-messenger withdraws it"},
	CauseRuleEdited: {text: "the rule was edited between the two evaluations; avni-server applies it from the next save on",
		advice: "nothing: avni-messenger evaluates what is pending anew"},
	CauseCancelDate: {text: "the visit was cancelled; avni-server never tells rules the cancelDateTime of a programme visit",
		advice: "nothing, if the rule is to know; look at rules that test cancelDateTime"},
	CauseCountsFromNow: {text: "the rule counts from the moment at which it runs, and the two ran at different moments",
		advice: "nothing"},
	CauseFresherData: {text: "something else of the subject was saved between the two evaluations",
		advice: "nothing"},
	CauseDuplicate: {text: "avni-server has queued the message more than once, and sends each",
		advice: "nothing: avni-messenger sends one of them"},
	CauseFailedThere: {text: "the rule failed there, by rule_failure_log, or avni-server could not read the entity (a person without a gender)",
		advice: "look at rule_failure_log; the rule does not fail here"},
	CauseFailedHere: {open: true, text: "the rule failed here, and not in avni-server",
		advice: "see our_reason in messenger.parity and avni-messenger rule test; correct the rule, or report it"},
	CauseMessagingOff: {open: true, text: "enableMessaging was not true, so that avni-server ran no rules",
		advice: "set enableMessaging to true in the organisation's settings while it is compared"},
	CauseTimezone: {open: true, text: "the times differ by the offset of the time zone",
		advice: "set MESSENGER_TIMEZONE to the TZ of rules-server"},
}

// Causes returns all of them.
func Causes() []Cause {
	all := make([]Cause, 0, len(causes))
	for c := range causes {
		all = append(all, c)
	}
	slices.Sort(all)
	return all
}

// Text says what happened, for an operator.
func (c Cause) Text() string {
	if c == "" {
		return "no known cause"
	}
	return causes[c].text
}

// Advice says what to do about it.
func (c Cause) Advice() string {
	if c == "" {
		return "look at the rule and the entity: avni-messenger rule test shows what the rule answers"
	}
	return causes[c].advice
}

// Open is true of a difference that has to be looked at, or mended, before the
// organisation is served: every one without a known cause, and those that are explained
// by a fault.
func (c Cause) Open() bool { return c == "" || causes[c].open }
