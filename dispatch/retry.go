package dispatch

import (
	"math/rand/v2"
	"time"
)

// longestRetry caps the wait between two attempts of one request.
const longestRetry = 6 * time.Hour

// retryDelay is the wait after a failed attempt, counted from 1: base, doubled with
// each further attempt, up to 6 h, give or take 10 % by chance, which is in [0, 1).
func retryDelay(base time.Duration, attempt int, chance float64) time.Duration {
	delay := base
	for range attempt - 1 {
		if delay *= 2; delay >= longestRetry {
			delay = longestRetry
			break
		}
	}
	return min(time.Duration(float64(delay)*(0.9+0.2*chance)), longestRetry)
}

// askAgainDelay is the wait before Glific is asked once more about a send: until the
// grace is over and, where Glific could not tell even then, as long as has passed
// since the send, so that it doubles.
func askAgainDelay(grace, sinceSend time.Duration) time.Duration {
	if sinceSend < grace {
		return grace - sinceSend
	}
	return min(sinceSend, longestRetry)
}

// chance is the source of jitter; it decides nothing else.
func chance() float64 { return rand.Float64() }
