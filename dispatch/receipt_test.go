package dispatch

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func TestReceiptNeverGoesBack(t *testing.T) {
	const (
		pending, enqueued, sent, delivered, read, failed, gone = glific.ReceiptPending, glific.ReceiptEnqueued, glific.ReceiptSent,
			glific.ReceiptDelivered, glific.ReceiptRead, glific.ReceiptError, glific.ReceiptGone
		unheardOf = glific.ReceiptStatus(99)
	)
	type answer struct {
		at     time.Duration // since the acceptance
		status glific.ReceiptStatus
		want   receiptStatus
		next   time.Duration // age at the next look; 0: none
	}
	const m, h = time.Minute, time.Hour
	for name, answers := range map[string][]answer{
		"arrives":                   {{2 * m, enqueued, receiptEnqueued, 5 * m}, {5 * m, sent, receiptSent, 15 * m}, {15 * m, delivered, receiptDelivered, 6 * h}, {6 * h, read, receiptRead, 0}},
		"callbacks in any order":    {{2 * m, delivered, receiptDelivered, 6 * h}, {6 * h, sent, receiptDelivered, 24 * h}, {24 * h, pending, receiptDelivered, 72 * h}, {72 * h, enqueued, receiptDelivered, 0}},
		"error that stays":          {{2 * m, failed, receiptPending, 4 * m}, {4 * m, failed, receiptError, 0}},
		"error seen late":           {{2 * m, sent, receiptSent, 5 * m}, {6 * m, failed, receiptSent, 8 * m}, {8*m - 1, failed, receiptSent, 8 * m}, {9 * m, failed, receiptError, 0}},
		"error that Glific mends":   {{2 * m, failed, receiptPending, 4 * m}, {4 * m, enqueued, receiptEnqueued, 5 * m}, {5 * m, failed, receiptEnqueued, 7 * m}, {7 * m, delivered, receiptDelivered, 6 * h}},
		"one of two sends failed":   {{2 * m, delivered, receiptDelivered, 6 * h}, {6 * h, failed, receiptDelivered, 24 * h}, {24 * h, failed, receiptDelivered, 72 * h}},
		"error while it is deleted": {{2 * m, failed, receiptPending, 4 * m}, {4 * m, gone, receiptGone, 0}},
		"deleted after it arrived":  {{2 * m, delivered, receiptDelivered, 6 * h}, {6 * h, gone, receiptDelivered, 0}},
		"not heard of again":        {{72*h - 1, sent, receiptSent, 72 * h}, {72 * h, sent, receiptSent, 0}},
		"followed late":             {{50 * h, sent, receiptSent, 72 * h}, {80 * h, sent, receiptSent, 0}},
		"word of a newer Glific":    {{2 * m, unheardOf, receiptPending, 5 * m}, {5 * m, sent, receiptSent, 15 * m}, {15 * m, unheardOf, receiptSent, 30 * m}},
		"handed on late":            {{29 * m, pending, receiptPending, 30 * m}, {30 * m, pending, receiptPending, h}, {h, enqueued, receiptEnqueued, 3 * h}},
	} {
		t.Run(name, func(t *testing.T) {
			r := receipt{acceptedAt: noon, status: receiptPending}
			for _, a := range answers {
				before, now := r, noon.Add(a.at)
				r = r.seen(glific.Receipt{Status: a.status, Code: 1002}, now)
				if r.status != a.want {
					t.Errorf("at %s it is %s, want %s", a.at, r.status, a.want)
				}
				if age := r.next.Sub(noon); a.next == 0 && !r.next.IsZero() || a.next != 0 && age != a.next {
					t.Errorf("at %s the next look is at %s, want %s", a.at, age, a.next)
				}
				if r.status != before.status && !r.statusAt.Equal(now) || r.status == before.status && !before.statusAt.IsZero() && !r.statusAt.Equal(before.statusAt) {
					t.Errorf("at %s %s is said to be first seen at %s", a.at, r.status, r.statusAt.Sub(noon))
				}
				stuck := a.status == pending && r.status == receiptPending && a.at >= 30*m
				if failed := r.status == receiptError || r.status == receiptGone; (r.reason != "") != (failed || stuck) {
					t.Errorf("at %s it is %s for %q", a.at, r.status, r.reason)
				}
			}
		})
	}
}

func TestLookThatTellsNothingWaitsForTheNext(t *testing.T) {
	r := receipt{acceptedAt: noon, status: receiptSent, statusAt: noon}
	for _, look := range receiptLooks {
		if r = r.unseen(r.acceptedAt.Add(look - time.Second)); !r.next.Equal(noon.Add(look)) || r.status != receiptSent {
			t.Errorf("before %s: %+v", look, r)
		}
	}
	if r = r.unseen(noon.Add(lastLook)); !r.next.IsZero() {
		t.Errorf("after the last look there is one at %s", r.next)
	}
}

func TestErrorsAreDecoded(t *testing.T) {
	for _, test := range []struct {
		code int
		text string
		want ReceiptReason
	}{
		{1002, "Number Does Not Exists On WhatsApp", NotOnWhatsApp},
		{0, "Number Does Not Exist On WhatsApp", NotOnWhatsApp},
		{131026, "Message undeliverable", Undeliverable},
		{131049, "This message was not delivered to maintain healthy ecosystem engagement.", FrequencyCap},
		{0, "In order to maintain a healthy ecosystem engagement, the message failed to be delivered", FrequencyCap},
		{130472, "User's number is part of an experiment", Experiment},
		{410, "Message expired", NotReached},
		{1012, "Message Sending failed as the phone number is opted out.", StoppedMessages},
		{131050, "", StoppedMessages},
		{1006, "Message sending failed as user is inactive for session message and not opted in for template message", NotOptedIn},
		{1003, "Unable to send message | Check your wallet balance", NoBalance},
		{0, "Insufficient Balance", NoBalance},
		{471, "Spam rate limit hit", SendingLimit},
		{0, "Too many requests", SendingLimit},
		{131031, "Business Account locked", AccountRestricted},
		{132015, "Template is paused", TemplateUnavailable},
		{132000, "Number of parameters does not match the expected number of params", TemplateMismatch},
		{0, "Template did not match", TemplateMismatch},
		{131000, "Something went wrong", ProviderTrouble},
		{0, "Error sending message due to network issues or Gupshup Outage", ProviderTrouble},
		{987654, "Template did not match", TemplateMismatch}, // a code that is not known, but a text that is
		{987654, "???", OtherError},
		{0, "", OtherError},
	} {
		if got := receiptReason(glific.Receipt{Status: glific.ReceiptError, Code: test.code, Reason: test.text}); got != test.want {
			t.Errorf("%d %q is %s, want %s", test.code, test.text, got, test.want)
		}
	}
}

// TestReceiptsAreDocumented keeps docs/outcomes.md as the code has it.
func TestReceiptsAreDocumented(t *testing.T) {
	raw, err := os.ReadFile("../docs/outcomes.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(raw), "\n## Receipts: ")
	if !found {
		t.Fatal("docs/outcomes.md has no chapter about receipts")
	}
	for reason, m := range receiptReasons {
		if m.class == "" || m.text == "" || m.advice == "" {
			t.Errorf("%s is not explained: %+v", reason, m)
		}
		if row := fmt.Sprintf("\n| `%s` | %s | %s | %s |\n", reason, m.class, m.text, m.advice); !strings.Contains(text, row) {
			t.Errorf("docs/outcomes.md lacks the row %s", row)
		}
	}
	for status := range receiptRanks {
		if !strings.Contains(text, fmt.Sprintf("\n| `%s` | ", status)) {
			t.Errorf("docs/outcomes.md does not explain the status %s", status)
		}
	}
	for code, reason := range receiptCodes {
		if _, known := receiptReasons[reason]; !known {
			t.Errorf("code %d is read as %q, which is no reason", code, reason)
		}
	}
}
