package page

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"avni-messenger/internal/history"
	"avni-messenger/metrics"
)

func TestTurns(t *testing.T) {
	turns := newTurns(2, 1)
	for range 2 {
		if !turns.take(t.Context()) {
			t.Fatal("two have no turn")
		}
	}
	third := make(chan bool)
	go func() { third <- turns.take(t.Context()) }()
	for turns.waiting.Load() == 0 { // until it waits
		runtime.Gosched()
	}
	if turns.take(t.Context()) {
		t.Error("a fourth waits, although only one may")
	}
	turns.giveBack()
	if !<-third {
		t.Error("who waited has no turn once one is free")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if turns.take(ended) {
		t.Error("who does not wait any more has a turn")
	}
	turns.giveBack()
	if !turns.take(ended) {
		t.Error("a free turn is not given")
	}
	if n := turns.waiting.Load(); n != 0 {
		t.Errorf("%d wait after all", n)
	}
}

// slow is a database that does not answer before it must.
type slow struct {
	everywhere
	bounds chan time.Duration
}

func (s slow) Messages(ctx context.Context, _ history.Filter) (history.Page, error) {
	if until, bounded := ctx.Deadline(); bounded {
		s.bounds <- time.Until(until)
	}
	return history.Page{}, fmt.Errorf("read: %w", context.DeadlineExceeded)
}

// A page is given up before the server stops writing, which it does after 30 s.
func TestPagesAreBounded(t *testing.T) {
	s := slow{bounds: make(chan time.Duration, 1)}
	h := New(Options{History: s, Actions: &pressed{}, Location: time.UTC, Log: slog.New(slog.DiscardHandler), Health: func(context.Context) metrics.Health { return metrics.Health{} }})
	r := httptest.NewRequest("GET", "/messages", nil)
	r.Host, r.RemoteAddr = "localhost:8024", "[::1]:4000"
	r.AddCookie(h.door.enter(r))
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, r)
	if recorder.Code != http.StatusGatewayTimeout {
		t.Errorf("what takes too long is %d", recorder.Code)
	}
	if bound := <-s.bounds; bound <= 0 || bound > 20*time.Second {
		t.Errorf("the page may take %s", bound)
	}
}

func TestSender(t *testing.T) {
	for _, row := range []struct{ remote, passed, want string }{
		{"203.0.113.7:4000", "", "203.0.113.7"},
		{"203.0.113.7:4000", "198.51.100.1", "203.0.113.7"}, // no proxy of ours
		{"127.0.0.1:4000", "198.51.100.1", "198.51.100.1"},
		{"10.0.0.5:4000", "192.0.2.1, 198.51.100.1", "198.51.100.1"},
		{"127.0.0.1:4000", "9876500001 is no address", "127.0.0.1"},
		{"[2001:db8:1:2:3:4:5:6]:4000", "", "2001:db8:1:2::/64"},
		{"[::ffff:203.0.113.7]:4000", "", "203.0.113.7"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = row.remote
		r.Header.Set("X-Forwarded-For", row.passed)
		if got := sender(r); got != row.want {
			t.Errorf("%s, %q: the sender is %s, want %s", row.remote, row.passed, got, row.want)
		}
	}
}
