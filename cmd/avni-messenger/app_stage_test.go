package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"avni-messenger/internal/avnitest"
	"avni-messenger/metrics"
)

// runningApp is the wiring of `run`, running in this process.
type runningApp struct {
	*app
	t    *testing.T
	log  *lockedBuffer
	stop context.CancelFunc
	done chan error
}

// startApp wires and runs the process on a free port, with a slot of its own.
func startApp(t *testing.T, url string, environ ...string) *runningApp {
	t.Helper()
	return startAppAs(t, url, func(*app) {}, environ...)
}

// startAppAs prepares the process after it was wired and before it runs.
func startAppAs(t *testing.T, url string, prepare func(*app), environ ...string) *runningApp {
	t.Helper()
	slot := strings.ToLower(strings.NewReplacer("/", "_", "'", "").Replace(t.Name()))
	cfg, err := parseConfig(append([]string{"MESSENGER_DATABASE_URL=" + url, "MESSENGER_LISTEN=127.0.0.1:0", "MESSENGER_POLL_INTERVAL=5m",
		"LOG_FORMAT=text", "MESSENGER_SLOT=" + slot}, environ...))
	if err != nil {
		t.Fatal(err)
	}
	r := &runningApp{t: t, log: &lockedBuffer{}, done: make(chan error, 1)}
	if r.app, err = newApp(cfg, newLogger(cfg, r.log)); err != nil {
		t.Fatal(err)
	}
	prepare(r.app)
	ctx, stop := context.WithCancel(t.Context())
	r.stop = stop
	go func() { r.done <- r.Run(ctx) }()
	t.Cleanup(r.end)
	return r
}

// end stops the process, which must end well, once.
func (r *runningApp) end() {
	if r.done == nil {
		return
	}
	r.stop()
	if err := <-r.done; err != nil {
		r.t.Errorf("run ended with %v", err)
	}
	r.done = nil
	if r.t.Failed() {
		r.t.Logf("log:\n%s", r.log.String())
	}
}

// health asks the listener.
func (r *runningApp) health() (int, metrics.Health) {
	r.t.Helper()
	code, body := r.get("/health")
	var health metrics.Health
	if err := json.Unmarshal([]byte(body), &health); err != nil {
		r.t.Fatalf("/health is no JSON: %v: %s", err, body)
	}
	return code, health
}

func (r *runningApp) get(path string) (int, string) {
	r.t.Helper()
	response, err := http.Get("http://" + r.Addr().String() + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// awaitHealth waits until /health answers so, with every text in its entries.
func (r *runningApp) awaitHealth(code int, texts ...string) {
	r.t.Helper()
	within(r.t, func() string {
		got, health := r.health()
		all := fmt.Sprintf("%d %+v", got, health)
		if got != code {
			return all
		}
		for _, text := range texts {
			if !strings.Contains(all, text) {
				return "no " + text + " in " + all
			}
		}
		return ""
	})
}

// within waits until holds returns "", and fails with what it said last.
func within(t *testing.T, holds func() string) {
	t.Helper()
	avnitest.Eventually(t, avnitest.Patience, holds)
}
