package metrics

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Status is how a dependency does.
type Status string

// The statuses, from best to worst. Only Failing makes /health answer 503.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failing Status = "failing"
)

// Entry is one line of /health.
type Entry struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	Detail string `json:"detail,omitempty"` // what was found, for a person
	Fix    string `json:"fix,omitempty"`    // what that person can do about it
}

// Check reports on one dependency, or on several of a kind.
type Check struct {
	Name string
	// Probe returns one entry per dependency. It must return when its context ends.
	Probe func(context.Context) []Entry
}

// Health is the answer of /health.
type Health struct {
	Status  Status  `json:"status"`
	Version string  `json:"version"`
	Checks  []Entry `json:"checks"`
}

// checkTimeout bounds one answer of /health: probes of load balancers give up after
// about 5 s, and an answer that says what hangs is worth more than none.
const checkTimeout = 3 * time.Second

// assess runs all checks side by side and sums them up. Entries come in the order of
// the checks.
func assess(ctx context.Context, checks []Check) []Entry {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	answers := make([]chan []Entry, len(checks))
	for i, check := range checks {
		answers[i] = make(chan []Entry, 1)
		go func() { answers[i] <- check.Probe(ctx) }()
	}
	var entries []Entry
	for i, check := range checks {
		select {
		case found := <-answers[i]:
			entries = append(entries, found...)
		case <-ctx.Done():
			select { // an answer that came with the last moment still counts
			case found := <-answers[i]:
				entries = append(entries, found...)
			default:
				entries = append(entries, Entry{Name: check.Name, Status: Failing, Detail: fmt.Sprintf("no answer within %s", checkTimeout)})
			}
		}
	}
	return entries
}

// worst returns the most severe status of the entries.
func worst(entries []Entry) Status {
	severity := []Status{OK, Warning, Failing}
	status := OK
	for _, e := range entries {
		if slices.Index(severity, e.Status) > slices.Index(severity, status) {
			status = e.Status
		}
	}
	return status
}
