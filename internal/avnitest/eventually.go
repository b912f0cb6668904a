package avnitest

import (
	"testing"
	"time"
)

// Patience is how long tests wait for what should come within moments: long, for a
// machine that does much else. Only a test that fails waits so long.
const Patience = 2 * time.Minute

const pollEvery = 5 * time.Millisecond

// Eventually asks again and again until holds returns "". When patience is over, the
// test fails with what it said last.
func Eventually(t testing.TB, patience time.Duration, holds func() string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		complaint := holds()
		if complaint == "" {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("after %s still: %s", patience, complaint)
		case <-time.After(pollEvery):
		}
	}
}
