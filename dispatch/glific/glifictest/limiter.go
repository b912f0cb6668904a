package glifictest

import "time"

// unauthenticatedPerMinute is the limit per address and path of requests without a
// valid token.
const unauthenticatedPerMinute = 50

// limiter counts in fixed windows aligned to the epoch minute. Refused calls count
// but do not prolong.
type limiter map[string]window

type window struct {
	minute int64
	count  int
}

// allow counts a call of the bucket.
func (l limiter) allow(bucket string, limit int, now time.Time) bool {
	w := l[bucket]
	if minute := now.Unix() / 60; w.minute != minute {
		w = window{minute: minute}
	}
	w.count++
	l[bucket] = w
	return w.count <= limit
}
