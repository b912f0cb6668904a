package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"avni-messenger/metrics"
)

func TestDeadman(t *testing.T) {
	const key = "s3cret-ping-key"
	type ping struct{ path, body string }
	pings, answer, health := make(chan ping, 10), make(chan int, 10), make(chan metrics.Health, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		pings <- ping{r.URL.Path, string(body)}
		w.WriteHeader(<-answer)
	}))
	defer server.Close()
	var log lockedBuffer
	d := newDeadman(key, func(context.Context) metrics.Health { return <-health }, slog.New(slog.NewTextHandler(&log, nil)))
	if d.base != "https://hc-ping.com/"+key+"/avni-messenger" {
		t.Errorf("it pings %s", d.base)
	}
	d.base, d.soon, d.every = server.URL+strings.TrimPrefix(d.base, "https://hc-ping.com"), time.Millisecond, time.Millisecond
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()
	well := metrics.Health{Status: metrics.Warning, Checks: []metrics.Entry{{Name: "slot", Status: metrics.Warning}}}
	ill := metrics.Health{Status: metrics.Failing, Checks: []metrics.Entry{{Name: "process", Status: metrics.OK}, {Name: "database", Status: metrics.Failing, Detail: "secret detail"}}}
	check := func(code int, want ping) {
		t.Helper()
		answer <- code
		if want.path = "/" + key + "/avni-messenger" + want.path; want != <-pings {
			t.Errorf("it did not ping %+v", want)
		}
	}
	check(200, ping{"/start", ""})
	for _, row := range []struct {
		looks  []metrics.Health // before it pings
		answer int
		want   ping
	}{
		{[]metrics.Health{ill, well}, 200, ping{"/0", ""}},
		{[]metrics.Health{ill, ill}, 200, ping{"/fail", "database"}},
		{[]metrics.Health{ill}, 200, ping{"/fail", "database"}},
		{[]metrics.Health{well}, 404, ping{"/0", ""}},
		{[]metrics.Health{ill, well}, 404, ping{"/0", ""}}, // nothing is told of the first, and nothing logged
		{[]metrics.Health{well}, 200, ping{"/0", ""}},
		{[]metrics.Health{well}, 200, ping{"/0", ""}}, // what the one before led to is logged by now
	} {
		for _, look := range row.looks {
			health <- look
		}
		check(row.answer, row.want)
	}
	stop()
	health <- well // if it has begun another
	<-done
	text := log.String()
	if strings.Count(text, "is not told that") != 1 || !strings.Contains(text, "HEALTHCHECK_PING_KEY is the project's ping key") || strings.Count(text, "is told again") != 1 {
		t.Errorf("the log says %s", text)
	}
	if strings.Contains(text, key) {
		t.Errorf("the log has the key: %s", text)
	}
}

func TestDeadmanHidesTheKey(t *testing.T) {
	d := newDeadman("s3cret-ping-key", func(context.Context) metrics.Health { return metrics.Health{} }, slog.New(slog.DiscardHandler))
	d.base = "http://127.0.0.1:1/s3cret-ping-key/avni-messenger"
	err := d.post(t.Context(), "/0", "")
	if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), "cannot be reached") {
		t.Errorf("the error is %v", err)
	}
}
