package metrics

import (
	"context"
	"sync"
	"time"
)

// shared is how long an answer is good for others who ask.
const shared = time.Second

// Doctor runs all checks for whoever asks, once at a time: many who ask at once share the
// answer, so that asking costs the database no more than one connection per check. Safe for
// concurrent use.
type Doctor struct {
	version string
	checks  []Check
	shared  time.Duration

	mu     sync.Mutex // held while the checks run
	latest Health
	at     time.Time // when they ended
}

// NewDoctor returns what answers with the checks of a version of the program.
func NewDoctor(version string, checks []Check) *Doctor {
	return &Doctor{version: version, checks: checks, shared: shared}
}

// Health is how everything does, now or within the last second. It does not take longer
// than the checks may.
func (d *Doctor) Health(ctx context.Context) Health {
	d.mu.Lock()
	defer d.mu.Unlock()
	if time.Since(d.at) < d.shared {
		return d.latest
	}
	found := assess(context.WithoutCancel(ctx), d.checks) // others wait for it too, whoever asked first
	d.latest, d.at = Health{Status: worst(found), Version: d.version, Checks: found}, time.Now()
	return d.latest
}
