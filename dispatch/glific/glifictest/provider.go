package glifictest

import (
	"slices"
	"strconv"
	"time"
)

// ProviderFault is a misbehaviour of Gupshup with the next messages that match.
type ProviderFault struct {
	Phone  string // empty: any
	Times  int    // how many attempts; 0: one; negative: until ClearProviderFaults
	Kind   ProviderKind
	Code   int    // for CallbackFails: one of the Code constants, or any other
	Reason string // the provider's text
}

// ProviderKind says what goes wrong between Glific and a phone.
type ProviderKind int

// The provider's misbehaviours.
const (
	fine               ProviderKind = iota
	GupshupRefuses                  // 4xx: bspStatus ERROR for good
	GupshupFails                    // 5xx: ERROR, tried once more after 17 s
	GupshupTimesOut                 // no answer, nothing sent: ERROR, tried once more
	GupshupAnswerLost               // sent, but no answer: ERROR, tried once more, and so sent twice
	CallbackFails                   // accepted, then failed with Code
	CallbacksLost                   // accepted and sent, but it stays ENQUEUED
	CallbacksReordered              // the last comes first, and the status goes back
	CallbacksDoubled                // all of them come twice
)

// Codes of failed callbacks. The first three have effects in Glific.
const (
	CodeNotOnWhatsApp = 1002   // the contact becomes INVALID and is opted out
	CodeLimit         = 471    // the organisation is suspended until its next day
	CodeBalance       = 1003   // the organisation is suspended for 3 h
	CodeFrequency     = 131049 // Meta sends this person no more for now
)

// InjectProvider adds a fault of the provider; one applies per attempt, in the order
// of injection.
func (o *Organisation) InjectProvider(f ProviderFault) {
	if f.Times == 0 {
		f.Times = 1
	}
	defer o.lock()()
	o.providerFaults = append(o.providerFaults, &f)
}

// ClearProviderFaults lets the provider work again.
func (o *Organisation) ClearProviderFaults() {
	defer o.lock()()
	o.providerFaults = nil
}

// NotOnWhatsApp makes messages to a phone fail after acceptance with code 1002.
func (o *Organisation) NotOnWhatsApp(phone string) {
	o.InjectProvider(ProviderFault{Phone: phone, Times: -1, Kind: CallbackFails, Code: CodeNotOnWhatsApp,
		Reason: "Number Does Not Exists On WhatsApp"})
}

// Callback is a callback of the provider that arrives now: SENT, DELIVERED, READ, or
// ERROR with a code and a reason. It reports whether Glific has the message.
func (o *Organisation) Callback(messageID, bspStatus string, code int, reason string) bool {
	defer o.lock()()
	id, err := strconv.Atoi(messageID)
	m := o.messages[id]
	if err != nil || m == nil {
		return false
	}
	o.server.callback(m, bspStatus, code, reason)
	return true
}

// providerFault is the first fault that matches, used up by one. It needs the lock.
func (o *Organisation) providerFault(phone string) ProviderFault {
	for i, f := range o.providerFaults {
		if f.Phone != "" && f.Phone != phone {
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				o.providerFaults = slices.Delete(o.providerFaults, i, i+1)
			}
		}
		return *f
	}
	return ProviderFault{}
}

// failed is what Glific does about a code.
func (o *Organisation) failed(c *contact, code int) {
	now := o.server.options.Now()
	switch code {
	case CodeNotOnWhatsApp:
		c.Status, c.BSPStatus, c.OptinTime, c.OptoutTime = "INVALID", "NONE", time.Time{}, now
	case CodeBalance:
		o.suspendUntil(now.Add(3 * time.Hour))
	case CodeLimit:
		local := now.In(timezone)
		o.suspendUntil(time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, timezone))
	}
}

// timezone is Asia/Kolkata, which has no summer time.
var timezone = time.FixedZone("Asia/Kolkata", 5*3600+1800)

// suspendUntil suspends sending until the hourly job finds the time past.
func (o *Organisation) suspendUntil(t time.Time) {
	o.suspended, o.suspendedUntil = true, t
	o.server.later(untilNext(o.server.options.Now(), time.Hour), o.unsuspend)
}

// SuspendUntil suspends sending as a code does: until the first hourly job after a time.
func (o *Organisation) SuspendUntil(t time.Time) {
	defer o.lock()()
	o.suspendUntil(t)
}

// unsuspend is Glific's hourly job. It needs the lock.
func (o *Organisation) unsuspend() {
	now := o.server.options.Now()
	switch {
	case o.suspendedUntil.IsZero():
	case !o.suspendedUntil.Before(now):
		o.server.later(untilNext(now, time.Hour), o.unsuspend)
	default:
		o.suspended, o.suspendedUntil = false, time.Time{}
	}
}

// RunHourly runs the hourly job now: a suspension whose time is past ends.
func (o *Organisation) RunHourly() {
	defer o.lock()()
	o.unsuspend()
}

// untilNext is how long it is to the next whole interval.
func untilNext(now time.Time, interval time.Duration) time.Duration {
	return now.Truncate(interval).Add(interval).Sub(now)
}
