package dispatch

import "time"

// restFactor is how many times as long as it took a look that has not paid rests: however
// much there is to read, the looks of a kind take a small part of the database's time.
const restFactor = 10

// lane is one kind of look at the database, which is taken whenever something may be
// new, but not too often. Not safe for concurrent use.
type lane struct {
	rests  time.Time // until then
	missed bool      // it was wanted meanwhile
}

// run takes the look if it may be taken, and has it rest afterwards unless it tells that
// there is more.
func (l *lane) run(look func() (more bool, err error)) error {
	began := time.Now()
	if l.missed = began.Before(l.rests); l.missed {
		return nil
	}
	more, err := look()
	l.rests = time.Time{}
	if !more {
		now := time.Now()
		l.rests = now.Add(restFactor * now.Sub(began))
	}
	return err
}

// soonest is when the first look may be taken that was wanted and was not; never later
// than after most.
func soonest(most time.Duration, lanes ...*lane) time.Duration {
	for _, l := range lanes {
		if l.missed {
			most = min(most, time.Until(l.rests))
		}
	}
	return max(0, most)
}
