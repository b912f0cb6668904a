package dispatch

import "time"

// receiptLooks are the ages at which a message is looked at. Callbacks come within
// seconds, or when a phone is switched on again.
var receiptLooks = []time.Duration{
	firstLook, 5 * time.Minute, 15 * time.Minute, stuckAfter, time.Hour, 3 * time.Hour, 6 * time.Hour,
	12 * time.Hour, 24 * time.Hour, 48 * time.Hour, lastLook,
}

// firstLook is the age at which most messages have arrived, and errors are final.
const firstLook = 2 * time.Minute

// lastLook is the age at which nothing more is expected.
const lastLook = 72 * time.Hour

// readLooks are those for messages that have arrived and were not seen to be read:
// many never are, as WhatsApp lets people hide it.
var readLooks = []time.Duration{6 * time.Hour, 24 * time.Hour, lastLook}

// nextLook is when to look again; zero: never.
func (r receipt) nextLook(now time.Time) time.Time {
	looks := receiptLooks
	switch r.status {
	case receiptRead, receiptError, receiptGone:
		return time.Time{}
	case receiptDelivered:
		looks = readLooks
	}
	for _, age := range looks {
		if at := r.acceptedAt.Add(age); at.After(now) {
			return at
		}
	}
	return time.Time{}
}
