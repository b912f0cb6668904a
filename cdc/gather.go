package cdc

import "time"

// The walsender hands each message to the kernel by itself, so that a reader that is as
// fast as it is woken for every one of them: most of the time of both would go into
// that. While much comes, gather waits a moment before each read, until there is more
// to be had at once. Draining a backlog takes about a third less time so.
const (
	gatherPause  = 500 * time.Microsecond
	gatherReads  = 16                   // so many reads
	gatherWithin = 5 * time.Millisecond // in less than this are much
	gatherEnough = 256                  // bytes that a read after a pause should bring
	gatherMisses = 8                    // so many that do not, one after the other, end it
)

// gather decides whether to pause. The zero value is ready for use.
type gather struct {
	pausing bool
	misses  int
	reads   int
	since   time.Time // of the first of these reads
}

// wait pauses before a read if that pays, and returns for how long.
func (g *gather) wait() time.Duration {
	if !g.pausing {
		return 0
	}
	began := time.Now()
	time.Sleep(gatherPause)
	return time.Since(began)
}

// took notes what a read brought.
func (g *gather) took(n int, now time.Time) {
	switch {
	case g.pausing && n >= gatherEnough:
		g.misses = 0
	case g.pausing:
		g.misses++
		g.pausing = g.misses < gatherMisses
	case g.reads == 0:
		g.reads, g.since = 1, now
	case g.reads < gatherReads:
		g.reads++
	default:
		g.pausing = now.Sub(g.since) < gatherWithin
		g.reads, g.misses = 0, 0
	}
}
