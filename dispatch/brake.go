package dispatch

import (
	"sync"
	"time"
)

// longestShortPause caps the doubling of short pauses.
const longestShortPause = 2 * time.Minute

// A pause that lasts is told of again after the first of these times, then after twice
// as long each time, up to the second.
const (
	firstReminder   = time.Minute
	longestReminder = time.Hour
)

// pause is why and for how long an organisation's deliveries are stopped.
type pause struct {
	reason Reason
	cause  string    // where and what in particular, fit for logs
	since  time.Time // when Glific first failed for this reason
	until  time.Time // when it is tried again
}

// brake stops the deliveries of one organisation for a while. It is safe for
// concurrent use.
type brake struct {
	short, long time.Duration

	mu       sync.Mutex
	last     pause         // also after its time is over, until Glific has answered well
	next     time.Duration // the next short pause
	told     time.Time     // when last was last news or a reminder
	reminder time.Duration // how long after told it is worth a line again
}

// pull stops the organisation: for as long as Glific said, else as the reason wants
// it, but never for less than it is stopped already. It reports whether the pause is
// to be told of: at once if it is new or has another cause, now and then if it lasts.
func (b *brake) pull(now time.Time, v verdict) (p pause, tell bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Before(b.last.until) && b.last.reason == v.reason { // deliveries that ran side by side
		return b.last, false
	}
	p = pause{reason: v.reason, cause: v.cause, since: now, until: now.Add(b.length(v))}
	if p.until.Before(b.last.until) {
		return b.last, false
	}
	if b.last.reason == p.reason {
		p.since = b.last.since
	}
	switch {
	case b.last.reason != p.reason || b.last.cause != p.cause:
		tell, b.reminder = true, firstReminder
	case now.Sub(b.told) >= b.reminder:
		tell, b.reminder = true, min(2*b.reminder, longestReminder)
	}
	if tell {
		b.told = now
	}
	b.last = p
	return p, tell
}

// length needs the lock.
func (b *brake) length(v verdict) time.Duration {
	switch {
	case v.retryAfter > 0:
		return v.retryAfter
	case v.reason.endsByItself():
		length := max(b.next, b.short)
		b.next = min(2*length, max(longestShortPause, b.short))
		return length
	default:
		return b.long
	}
}

// sendOnly are the reasons that stop sends while Glific answers everything else.
var sendOnly = map[Reason]bool{OrganisationSuspended: true, GupshupSettings: true, RoleTooLow: true}

// free ends a pause, as Glific has answered well, to a send or to something else. It
// returns the pause that had held until now. False: there was none, or it goes on.
func (b *brake) free(now time.Time, send bool) (pause, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now.Before(b.last.until) { // an answer to something that was under way before
		return pause{}, false
	}
	ended := b.last
	if ended.reason == "" || sendOnly[ended.reason] && !send {
		return pause{}, false
	}
	b.last, b.next = pause{}, 0
	return ended, true
}

// holds returns the pause, and whether it is on.
func (b *brake) holds(now time.Time) (p pause, on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last, now.Before(b.last.until)
}

// describe returns the pause, if there is one. One that is over is still told of for a
// while, as the cause may well be there.
func (b *brake) describe(now time.Time) (pause, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.last.reason == "" || now.After(b.last.until.Add(b.long)) {
		return pause{}, false
	}
	return b.last, true
}
