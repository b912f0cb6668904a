package glific

import (
	"errors"
	"sync"
	"time"
)

// limited remembers until when Glific refuses all requests. Those that are made
// nevertheless count there as well.
type limited struct {
	mu    sync.Mutex
	until time.Time
}

// heed leaves Glific alone for as long as it has said.
func (c *Client) heed(err error) {
	e := (*Error)(nil)
	if !errors.As(err, &e) || e.Code != RateLimited {
		return
	}
	c.limited.mu.Lock()
	defer c.limited.mu.Unlock()
	c.limited.until = c.now().Add(e.RetryAfter)
}

// left is how long Glific is still to be left alone; 0 or less: no longer.
func (l *limited) left(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until.Sub(now)
}
