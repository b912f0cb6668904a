package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"avni-messenger/metrics"
)

// deadman tells a watcher outside (healthchecks.io) at the start, soon after, and then once a
// minute, that the process lives and whether it works, so that somebody is woken when nothing comes any
// more. Avni's integration-service does the same, with the same variable.
type deadman struct {
	base   string        // with the key, which is a secret
	soon   time.Duration // after the start: whoever has been told of it waits for how it went
	every  time.Duration
	health func(context.Context) metrics.Health
	client *http.Client
	log    *slog.Logger

	failed  bool   // at the last look
	trouble string // what was last logged
}

const (
	pingService = "https://hc-ping.com"
	pingSlug    = "avni-messenger" // of the check there
)

func newDeadman(key Secret, health func(context.Context) metrics.Health, log *slog.Logger) *deadman {
	return &deadman{
		base: pingService + "/" + url.PathEscape(string(key)) + "/" + pingSlug, soon: 15 * time.Second, every: time.Minute, health: health,
		client: &http.Client{Timeout: 10 * time.Second}, log: log.With("component", "ping"),
	}
}

// Run pings until ctx ends.
func (d *deadman) Run(ctx context.Context) {
	err, wait := d.post(ctx, "/start", ""), d.soon
	for {
		d.tell(err, ctx.Err() != nil)
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
			err, wait = d.ping(ctx, err), d.every
		}
	}
}

// ping tells how it does: 0 while it works, fail with the names of what does not work at two
// looks in a row. A first one may have met a moment, such as a stream that begins anew: nothing
// is said of it, and what came of the last ping stands.
func (d *deadman) ping(ctx context.Context, last error) error {
	health := d.health(ctx)
	before := d.failed
	d.failed = health.Status == metrics.Failing
	if !d.failed {
		return d.post(ctx, "/0", "")
	}
	if !before {
		return last
	}
	var failing []string
	for _, entry := range health.Checks {
		if entry.Status == metrics.Failing {
			failing = append(failing, entry.Name)
		}
	}
	return d.post(ctx, "/fail", strings.Join(failing, ", "))
}

func (d *deadman) post(ctx context.Context, result, body string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, d.base+result, strings.NewReader(body))
	if err != nil {
		return d.without(err)
	}
	response, err := d.client.Do(request)
	if err != nil {
		return d.without(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("it answered %s: look whether HEALTHCHECK_PING_KEY is the project's ping key and its check has the slug %s", response.Status, pingSlug)
	}
	return nil
}

// without takes the address, which has the key in it, out of an error.
func (d *deadman) without(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return fmt.Errorf("%s cannot be reached: %w", pingService, err)
}

// tell logs a trouble when its text changes, and its end.
func (d *deadman) tell(err error, ending bool) {
	text := ""
	if err != nil && !ending {
		text = err.Error()
	}
	switch {
	case text != "" && text != d.trouble:
		d.log.Warn("healthchecks.io is not told that this process lives", "err", text)
	case text == "" && d.trouble != "" && !ending:
		d.log.Info("healthchecks.io is told again that this process lives")
	}
	d.trouble = text
}
