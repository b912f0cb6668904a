package metrics

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestServer(t *testing.T) {
	state := make(chan []Entry, 1)
	ok := Entry{Name: "database", Status: OK, Detail: "PostgreSQL 15"}
	held := Entry{Name: "organisation asha_gramin", Status: Warning, Detail: "held <back>", Fix: "do this"}
	down := Entry{Name: "database", Status: Failing, Detail: "gone"}
	doctor := NewDoctor("1.2.3", []Check{{Name: "state", Probe: func(context.Context) []Entry { return <-state }}})
	doctor.shared = 0
	server, err := Listen("127.0.0.1:0", ServerOptions{
		Registry: NewRegistry(Build{Version: "1.2.3"}), Health: doctor.Health, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	base := "http://" + server.Addr().String()

	if code, body := get(t, base+"/ping"); code != http.StatusOK || strings.TrimSpace(body) != "pong" {
		t.Errorf("/ping is %d %q", code, body)
	}
	if code, body := get(t, base+"/metrics"); code != http.StatusOK || !strings.Contains(body, "messenger_build_info{") {
		t.Errorf("/metrics is %d %.200q", code, body)
	}
	if code, _ := get(t, base+"/nowhere"); code != http.StatusNotFound {
		t.Errorf("/nowhere is %d, want 404", code)
	}
	state <- []Entry{ok, held}
	if code, body := get(t, base+"/state"); code != http.StatusOK || !strings.Contains(body, "held &lt;back&gt;") || !strings.Contains(body, "1.2.3") {
		t.Errorf("/state is %d %q", code, body)
	}
	for _, row := range []struct {
		entries []Entry
		code    int
		status  Status
	}{
		{[]Entry{ok}, 200, OK},
		{[]Entry{ok, held}, 200, Warning},
		{[]Entry{held, down, ok}, 503, Failing},
	} {
		state <- row.entries
		code, body := get(t, base+"/health")
		var got Health
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatalf("/health is not JSON: %v: %s", err, body)
		}
		if diff := cmp.Diff(Health{Status: row.status, Version: "1.2.3", Checks: row.entries}, got); diff != "" || code != row.code {
			t.Errorf("/health is %d, want %d; (-want +got):\n%s", code, row.code, diff)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("server ended with %v", err)
	}
	if _, err := http.Get(base + "/ping"); err == nil {
		t.Error("the server still answers after it was stopped")
	}
}

func TestListenSaysThatTheAddressIsTaken(t *testing.T) {
	o := ServerOptions{Registry: NewRegistry(Build{}), Log: slog.New(slog.DiscardHandler)}
	first, err := Listen("127.0.0.1:0", o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	defer first.Run(ctx)
	_, err = Listen(first.Addr().String(), o)
	if err == nil || !strings.Contains(err.Error(), "listen on "+first.Addr().String()) {
		t.Errorf("error is %v, want one that names the address", err)
	}
}

func TestCheckThatHangsIsReported(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	release := make(chan struct{})
	defer close(release)
	got := assess(ctx, []Check{
		{Name: "quick", Probe: func(context.Context) []Entry { return []Entry{{Name: "quick", Status: OK}} }},
		{Name: "stuck", Probe: func(context.Context) []Entry { <-release; return nil }},
	})
	want := []Entry{{Name: "quick", Status: OK}, {Name: "stuck", Status: Failing, Detail: "no answer within 3s"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}
