package rules

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// failureInterval is how long a failure of a rule is not reported again.
const failureInterval = time.Hour

// maxReported bounds how many failures are remembered.
const maxReported = 10_000

// failureKey is what makes a failure the same as one before.
type failureKey struct {
	ruleID  int64
	phase   phase
	message string
}

// report is a failure that was told, and how often it was seen again since.
type report struct {
	row   string // where it was told: rule_failure_log.uuid
	at    time.Time
	again int
	last  time.Time // when it was seen last
	told  int       // of again, what the row says
}

// reported remembers which failures were reported within the last hour, so that a
// broken rule fills neither Avni's table nor the log, and counts the others.
type reported struct {
	now  func() time.Time
	mu   sync.Mutex
	last map[failureKey]*report
	over []report // whose hour is over, with something to tell
}

func newReported(now func() time.Time) *reported {
	return &reported{now: now, last: map[failureKey]*report{}}
}

// claim reports whether a failure is due to be reported, as row, and takes that on.
func (r *reported) claim(key failureKey, row string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if found, ok := r.last[key]; ok && now.Sub(found.at) < failureInterval {
		found.again++
		found.last = now
		return false
	}
	if len(r.last) >= maxReported {
		r.forgetOld(now)
	}
	r.retire(key)
	r.last[key] = &report{row: row, at: now}
	return true
}

// disclaim takes claims back: their transaction did not commit.
func (r *reported) disclaim(entries []failureEntry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range entries {
		delete(r.last, f.key)
	}
}

// counts returns the reports whose rows do not say yet how often they were seen again,
// and takes it that they do.
func (r *reported) counts() []report {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := r.over
	r.over = nil
	for _, one := range r.last {
		if one.again > one.told {
			one.told = one.again
			found = append(found, *one)
		}
	}
	return found
}

// countAgain takes counts back.
func (r *reported) countAgain(counts []report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	current := map[string]*report{}
	for _, one := range r.last {
		current[one.row] = one
	}
	for _, c := range counts {
		if one := current[c.row]; one != nil {
			one.told = 0
		} else if len(r.over) < maxReported {
			r.over = append(r.over, c)
		}
	}
}

// retire ends a report's hour.
func (r *reported) retire(key failureKey) {
	if one := r.last[key]; one != nil && one.row != "" && one.again > one.told && len(r.over) < maxReported {
		r.over = append(r.over, *one)
	}
	delete(r.last, key)
}

// forgetOld drops what does not matter any more, or everything if that is not enough.
func (r *reported) forgetOld(now time.Time) {
	for _, key := range slices.Collect(maps.Keys(r.last)) {
		if now.Sub(r.last[key].at) >= failureInterval {
			r.retire(key)
		}
	}
	if len(r.last) >= maxReported {
		clear(r.last)
	}
}
