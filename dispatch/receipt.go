package dispatch

import (
	"context"
	"time"

	"avni-messenger/dispatch/glific"
)

// receipts tells what became of messages that Glific has accepted.
type receipts interface {
	Receipts(ctx context.Context, ids []string) (map[string]glific.Receipt, error)
}

// receiptStatus is messenger.receipt.status.
type receiptStatus string

const (
	receiptPending   receiptStatus = "pending" // Glific has not handed it on yet
	receiptEnqueued  receiptStatus = "enqueued"
	receiptSent      receiptStatus = "sent"
	receiptDelivered receiptStatus = "delivered"
	receiptRead      receiptStatus = "read"
	receiptError     receiptStatus = "error" // and Glific does not try again
	receiptGone      receiptStatus = "gone"
)

// receiptRanks order statuses: a higher one is never replaced by a lower one. What has
// reached a phone did so, whatever is said of it later: Glific may have handed the
// message on twice, and only one of the two may have failed.
var receiptRanks = map[receiptStatus]int{
	receiptPending: 0, receiptEnqueued: 1, receiptSent: 2, receiptError: 3, receiptGone: 3, receiptDelivered: 4, receiptRead: 5,
}

func (s receiptStatus) outranks(other receiptStatus) bool {
	return receiptRanks[s] > receiptRanks[other]
}

// includes is true if a message that has come to s has come to the other on its way.
func (s receiptStatus) includes(other receiptStatus) bool {
	ends := func(s receiptStatus) bool { return s == receiptError || s == receiptGone }
	return s == other || !ends(s) && !ends(other) && s.outranks(other)
}

// errorIsFinalAfter is how long an error may still turn into something else: after
// trouble with the provider Glific tries once more by itself, about 17 s later.
const errorIsFinalAfter = 2 * time.Minute

// stuckAfter is the age at which a message that Glific has not handed on yet is
// reported. Its job may be lost: then it is never sent.
const stuckAfter = 30 * time.Minute

// receipt is a row of messenger.receipt.
type receipt struct {
	requestID  int64
	messageID  string
	acceptedAt time.Time
	status     receiptStatus
	statusAt   time.Time     // when it was first seen; zero: nothing was seen yet
	errorAt    time.Time     // when an error was first seen that may still pass; zero: none
	reason     ReceiptReason // of an error, or Stuck or Gone; empty if all is well
	code       int           // of an error, the provider's; 0 if none
	detail     string        // of an error, the provider's words: for the database only
	next       time.Time     // when it is looked at again; zero: never
}

// seen is the receipt after a look at the message.
func (r receipt) seen(answer glific.Receipt, now time.Time) receipt {
	status := receiptStatus(answer.Status.String())
	_, known := receiptRanks[status]
	switch {
	case !known:
		return r.unseen(now)
	case status == receiptError && status.outranks(r.status):
		if r.errorAt.IsZero() {
			r.errorAt = now
		}
		if now.Sub(r.errorAt) < errorIsFinalAfter {
			r.next = r.errorAt.Add(errorIsFinalAfter)
			return r
		}
		r.reason, r.code, r.detail = receiptReason(answer), answer.Code, answer.Reason
	case status == receiptGone && status.outranks(r.status):
		r.reason = Gone
	case status == receiptPending && r.status == receiptPending && now.Sub(r.acceptedAt) >= stuckAfter:
		r.reason = Stuck
	default:
		r.reason = ""
	}
	r.errorAt = time.Time{}
	if status.outranks(r.status) || r.statusAt.IsZero() {
		r.status, r.statusAt = status, now
	}
	if status == receiptGone {
		r.next = time.Time{}
		return r
	}
	return r.unseen(now)
}

// unseen is the receipt after a look that told nothing.
func (r receipt) unseen(now time.Time) receipt {
	r.next = r.nextLook(now)
	return r
}

// fails is true if a look has brought a reason that was not known before.
func (r receipt) fails(before receipt) bool { return r.reason != "" && r.reason != before.reason }
