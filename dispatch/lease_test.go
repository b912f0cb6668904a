package dispatch

import (
	"testing"
	"time"
)

func TestLeaseOutlivesTheWaitForATurn(t *testing.T) {
	for _, perSecond := range []float64{0.05, 0.2, 2, 8} {
		s := Settings{MessagesPerSecond: perSecond}.withDefaults()
		if wait := time.Duration(float64(s.ClaimSize) / perSecond * float64(time.Second)); s.Lease < wait {
			t.Errorf("%v messages per second: the last of %d claims waits %s, the lease is %s", perSecond, s.ClaimSize, wait, s.Lease)
		}
	}
}
