package glifictest

import (
	"slices"
	"sync"
	"time"
)

// Clock is a clock that stands still until Advance. It is safe for concurrent use.
type Clock struct {
	advancing sync.Mutex // one Advance at a time

	mu      sync.Mutex
	now     time.Time
	waiting []appointment // in order of time
}

type appointment struct {
	at time.Time
	do func()
}

// NewClock is a clock that shows a time.
func NewClock(now time.Time) *Clock { return &Clock{now: now} }

// Now is the time it shows.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock on and does what falls due on the way, each at its time and
// in order. When it returns, all of that is done.
func (c *Clock) Advance(d time.Duration) {
	c.advancing.Lock()
	defer c.advancing.Unlock()
	end := c.Now().Add(d)
	for do := c.next(end); do != nil; do = c.next(end) {
		do()
	}
}

// next takes the first appointment until a time and moves the clock to it; nil: there
// is none left, and the clock shows that time.
func (c *Clock) next(end time.Time) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.waiting) == 0 || c.waiting[0].at.After(end) {
		c.now = end
		return nil
	}
	first := c.waiting[0]
	c.waiting = c.waiting[1:]
	if first.at.After(c.now) {
		c.now = first.at
	}
	return first.do
}

// after makes an appointment.
func (c *Clock) after(d time.Duration, do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.now.Add(d)
	i, _ := slices.BinarySearchFunc(c.waiting, at, func(a appointment, t time.Time) int {
		if a.at.After(t) {
			return 1
		}
		return -1 // behind others of the same time
	})
	c.waiting = slices.Insert(c.waiting, i, appointment{at, do})
}

// later does something after a time on the server's clock, under the lock, but not
// after Close; at once without a delay. It needs the lock.
func (s *Server) later(d time.Duration, do func()) {
	if d <= 0 {
		do()
		return
	}
	locked := func() {
		s.mu.Lock()
		defer s.unlock()
		if !s.closed {
			do()
		}
	}
	s.afterwards(d, locked)
}

// afterwards does something after a time on the server's clock.
func (s *Server) afterwards(d time.Duration, do func()) {
	if s.options.Clock != nil {
		s.options.Clock.after(d, do)
		return
	}
	time.AfterFunc(d, do)
}

// unlock unlocks, and calls back for what has reached a phone meanwhile.
func (s *Server) unlock() {
	untold := s.ledger[s.told:]
	s.told = len(s.ledger)
	s.mu.Unlock()
	if s.options.OnDelivery == nil {
		return
	}
	for _, d := range untold {
		s.options.OnDelivery(d)
	}
}
