package glifictest

import (
	"fmt"
	"time"
)

// unauthenticatedPerMinute is the limit per address and path of requests without a
// valid token.
const unauthenticatedPerMinute = 50

// limiter counts in fixed windows aligned to the epoch minute, on each node for
// itself. Refused calls count but do not prolong.
type limiter map[string]window

type window struct {
	minute int64
	count  int
}

// allow counts a call of the bucket.
func (l limiter) allow(node int, bucket string, limit int, now time.Time) bool {
	bucket = fmt.Sprintf("%d %s", node, bucket)
	w := l[bucket]
	if minute := now.Unix() / 60; w.minute != minute {
		w = window{minute: minute}
	}
	w.count++
	l[bucket] = w
	return w.count <= limit
}
