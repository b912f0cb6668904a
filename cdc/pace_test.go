package cdc

import (
	"testing"
	"time"
)

// However long a server may take for us, we soon know when it does not answer.
func TestPaceForSender(t *testing.T) {
	for _, c := range []struct{ timeout, status, silence time.Duration }{
		{time.Second, time.Second / 3, 30 * time.Second},
		{time.Minute, 10 * time.Second, time.Minute},
		{time.Hour, 10 * time.Second, 2 * time.Minute},
		{0, 10 * time.Second, 2 * time.Minute},
	} {
		if p := defaultPace().forSender(c.timeout); p.status != c.status || p.silence != c.silence {
			t.Errorf("wal_sender_timeout %s: status each %s, dead after %s", c.timeout, p.status, p.silence)
		}
	}
}
