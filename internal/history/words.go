package history

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"avni-messenger/dispatch"
)

func number(id int64) string { return strconv.FormatInt(id, 10) }

// ruleName is a rule as it stands in a sentence.
func ruleName(id int64, name string) string {
	if name == "" {
		return number(id)
	}
	return fmt.Sprintf("%d %q", id, name)
}

// advice leaves out the advice to do nothing.
func advice(text string) string {
	if text == "nothing" {
		return ""
	}
	return text
}

// sentence makes a sentence of a phrase.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[size:]
	if strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// withDetail adds what was kept about a reason.
func withDetail(text, detail string) string {
	if detail == "" {
		return text
	}
	return text + " (" + strings.TrimSuffix(detail, ".") + ")"
}

// answers word messenger.trigger_log.outcome: what came of the rule's answer.
var answers = map[string]string{
	"scheduled": "a request was made",
	"moved":     "the request got another time",
	"restored":  "the withdrawn request is pending again",
	"renewed":   "the request gets another chance",
	"unchanged": "the request is as it should be",
	"voided":    "the request was withdrawn",
	"skipped":   "no message",
	"no_date":   "no message",
	"delivered": "nothing: the message was sent already",
	"cancelled": "nothing: the request was cancelled by hand",
	"failed":    "the rule failed",
	"paused":    "the rule is paused, the change waits for it",
	"ignored":   "not evaluated here",
	"gone":      "nothing: the row is not there any more",

	"would_schedule":        "would make a request",
	"would_move":            "would give the request another time",
	"would_restore":         "would make the withdrawn request pending again",
	"would_renew":           "would give the request another chance",
	"would_leave":           "would leave the request as it is",
	"would_void":            "would withdraw the request",
	"would_skip":            "would make no message",
	"would_skip_no_date":    "would make no message",
	"would_leave_delivered": "would leave the message that was sent already",
	"would_leave_cancelled": "would leave the request that was cancelled by hand",
	"would_fail":            "the rule failed",
}

// answer words an outcome, also one of a newer version.
func answer(outcome string) string {
	if text, known := answers[outcome]; known {
		return text
	}
	return strings.ReplaceAll(outcome, "_", " ")
}

// attempts word messenger.attempt.outcome.
var attempts = map[string]string{
	"accepted":  "Glific accepted the message",
	"refused":   "not sent",
	"withdrawn": "withdrawn",
	"expired":   "expired",
	"retry":     "not sent yet",
	"wait":      "waited",
	"uncertain": "sent, but Glific's answer did not come",
	"unknown":   "Glific was asked about it, and could not tell",
	"held":      "held",
	"dry_run":   "dry run, not sent",
	"under_way": "under way to the members of the group",
	"completed": "every member of the group had their turn",
	"requeued":  "requeued by hand",
}

func attemptText(outcome string, reason dispatch.Reason) string {
	text, known := attempts[outcome]
	if !known {
		text = strings.ReplaceAll(outcome, "_", " ")
	}
	why := reason.Text()
	switch {
	case outcome == "requeued" && reason == dispatch.Cancelled:
		return text + ", which takes the cancel back"
	case outcome == "requeued" && why != "":
		return text + "; until then: " + why
	case reason == dispatch.Cancelled:
		return "cancelled by hand"
	case why != "":
		text += ": " + why
	}
	return text
}

// receipts word messenger.receipt.status.
var receipts = map[string]string{
	"pending":   "Glific has not handed it on yet",
	"enqueued":  "WhatsApp's provider has it",
	"sent":      "it was handed to WhatsApp",
	"delivered": "WhatsApp delivered it to the phone",
	"read":      "it was read",
	"error":     "it did not arrive",
	"gone":      "Glific does not have it any more",
}
