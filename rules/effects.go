package rules

import (
	"fmt"
	"slices"
	"time"
)

// outcome is what became of a change for one rule. It is written to
// messenger.trigger_log and is a metric label.
type outcome string

const (
	outcomeScheduled outcome = "scheduled" // a request was made
	outcomeMoved     outcome = "moved"     // the pending request got another time
	outcomeRestored  outcome = "restored"  // the voided request is pending again
	outcomeRenewed   outcome = "renewed"   // a request without a usable number gets another chance
	outcomeUnchanged outcome = "unchanged" // the pending request is as it should be
	outcomeVoided    outcome = "voided"    // the pending request was withdrawn
	outcomeSkipped   outcome = "skipped"   // nothing to send, nothing pending
	outcomeNoDate    outcome = "no_date"   // the rule gave no date; what was pending is withdrawn
	outcomeDelivered outcome = "delivered" // sent already: never touched again
	outcomeCancelled outcome = "cancelled" // by hand: left alone until somebody takes that back
	outcomeFailed    outcome = "failed"    // the rule gave no usable answer; what is pending stays
	outcomePaused    outcome = "paused"    // the rule is paused: the change waits for it
	outcomeIgnored   outcome = "ignored"   // the organisation's rules are not ours to run
	outcomeGone      outcome = "gone"      // the entity's row is not there any more

	outcomeBeforeActivation outcome = "before_activation" // saved before the organisation or the rule started
	outcomeHeld             outcome = "held"              // one of too many new requests at once: waits for release
	outcomeExpired          outcome = "expired"           // held until it was too late
)

var outcomes = []outcome{outcomeScheduled, outcomeMoved, outcomeRestored, outcomeRenewed, outcomeUnchanged, outcomeVoided,
	outcomeSkipped, outcomeNoDate, outcomeDelivered, outcomeCancelled, outcomeFailed, outcomePaused, outcomeIgnored, outcomeGone,
	outcomeBeforeActivation, outcomeHeld, outcomeExpired}

var comparedOutcomes = map[outcome]outcome{
	outcomeScheduled: "would_schedule",
	outcomeMoved:     "would_move",
	outcomeRestored:  "would_restore",
	outcomeRenewed:   "would_renew",
	outcomeUnchanged: "would_leave",
	outcomeVoided:    "would_void",
	outcomeSkipped:   "would_skip",
	outcomeNoDate:    "would_skip_no_date",
	outcomeDelivered: "would_leave_delivered",
	outcomeCancelled: "would_leave_cancelled",
	outcomeFailed:    "would_fail",
}

// compared is the outcome's name where nothing was written (Compare).
func (o outcome) compared() outcome {
	if would, ok := comparedOutcomes[o]; ok {
		return would
	}
	return o
}

// Avni's delivery states (MessageDeliveryStatus) that matter here. No other word may
// be written: avni-server could not read the row.
const (
	statusNotSent       = "NotSent"
	statusNoNumber      = "NotSentNoPhoneNumberInAvni"
	statusInvalidNumber = "NotSentInvalidPhoneNumberInAvni"
	statusSent          = "Sent"
)

// request is a row of message_request_queue that a rule made for an entity.
type request struct {
	id          int64
	ruleID      int64
	scheduledAt time.Time
	delivered   bool
	status      string
	voided      bool
	cancelled   bool // by hand: messenger.delivery says so
}

func (r request) pending() bool { return !r.delivered && !r.voided && !r.cancelled }

// effect is what one rule's answer comes to: at most one of insert, update and void.
type effect struct {
	rule    Rule
	outcome outcome
	reason  string
	at      time.Time // scheduled_date_time, zero if there is none

	insert bool
	update int64   // request that gets the time, pending and not sent
	void   []int64 // requests that are withdrawn
	hold   hold    // what becomes of the row of messenger.held
}

// writes reports whether the effect changes message_request_queue.
func (e effect) writes() bool { return e.insert || e.update != 0 || len(e.void) > 0 }

// requestID is the existing request that the effect is about, 0 if there is none.
func (e effect) requestID() int64 {
	if e.update == 0 && len(e.void) > 0 {
		return e.void[0]
	}
	return e.update
}

// decide compares a rule's answer with the requests that are there for the rule and
// the entity, oldest first. There should be one at most, but avni-server can leave
// more: the oldest that waits is taken for ours and the others are not moved, but a
// rule that says not to send withdraws them all. What somebody has cancelled by hand
// stays as it is, whatever the rule says.
func decide(rule Rule, answer Schedule, existing []request) effect {
	if cancelled(existing) {
		return effect{rule: rule, outcome: outcomeCancelled, reason: "the request was cancelled by hand"}
	}
	e := effect{rule: rule, at: answer.At.Truncate(time.Millisecond)}
	if !answer.Send || answer.At.IsZero() {
		return withdraw(e, answer, existing)
	}
	if slices.ContainsFunc(existing, func(r request) bool { return r.delivered }) {
		e.outcome = outcomeDelivered
		return e
	}
	ours := slices.IndexFunc(existing, request.pending)
	if ours < 0 && len(existing) > 0 {
		ours = 0
	}
	if ours < 0 {
		e.insert, e.outcome = true, outcomeScheduled
		return e
	}
	switch r := existing[ours]; {
	case r.voided:
		e.update, e.outcome = r.id, outcomeRestored
	case !r.scheduledAt.Equal(e.at):
		e.update, e.outcome = r.id, outcomeMoved
	case r.status == statusNoNumber || r.status == statusInvalidNumber:
		e.update, e.outcome, e.reason = r.id, outcomeRenewed, "was "+r.status
	default:
		e.outcome = outcomeUnchanged
	}
	return e
}

// cancelled is true of requests of which one was cancelled by hand, and none is sent or
// waits beside it.
func cancelled(existing []request) bool {
	return slices.ContainsFunc(existing, func(r request) bool { return r.cancelled }) &&
		!slices.ContainsFunc(existing, func(r request) bool { return r.delivered || r.pending() })
}

// saidNotToSend is the reason of a void, or of nothing, that a rule asked for.
const saidNotToSend = "the rule said shouldSend: false"

func withdraw(e effect, answer Schedule, existing []request) effect {
	e.at = time.Time{}
	for _, r := range existing {
		if r.pending() {
			e.void = append(e.void, r.id)
		}
	}
	switch {
	case answer.Send:
		e.outcome, e.reason = outcomeNoDate, "the rule gave no scheduledDateTime"
	case len(e.void) > 0:
		e.outcome, e.reason = outcomeVoided, saidNotToSend
	default:
		e.outcome, e.reason = outcomeSkipped, saidNotToSend
	}
	return e
}

// checkDate refuses a time that a person cannot have meant and timestamptz cannot
// hold, such as the year 20240505 that Avni's Java reads from "20240505".
func checkDate(answer Schedule) *Failure {
	if !answer.Send || answer.At.IsZero() || (answer.At.Year() >= 1 && answer.At.Year() <= 9999) {
		return nil
	}
	return &Failure{Kind: FailedResult, Message: fmt.Sprintf("scheduledDateTime is in the year %d", answer.At.Year())}
}

// receiver is who gets a message: a row of message_receiver.
type receiver struct {
	kind string // Subject or User
	id   int64  // individual.id or users.id
}

// receiverOf follows avni-server: the subject, or the user who created the row (not
// the one who saved it last); for a User rule the new user.
func receiverOf(rule Rule, t EntityType, e *entity) (receiver, *Failure) {
	switch {
	case t == User:
		return receiver{"User", e.id}, nil
	case rule.ReceiverType == "Subject":
		return receiver{"Subject", e.subjectID}, nil
	case rule.ReceiverType == "User":
		return receiver{"User", e.createdByID}, nil
	}
	return receiver{}, &Failure{Kind: FailedLoad, Message: fmt.Sprintf("receiver type %q cannot be the receiver of a rule: use Subject or User", rule.ReceiverType)}
}
