package page

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/internal/history"
	"avni-messenger/metrics"
)

// Of what is due it is told why it waits, and of shadow who sends it.
func TestOverviewOfWhatIsDue(t *testing.T) {
	s := newStage(t, "")
	s.exec(`update message_request_queue set scheduled_date_time = now() - interval '1 hour' where id = 923`)
	s.exec(`insert into messenger.delivery (request_id, organisation_id, state, reason, detail) values (923, 101, 'waiting', 'glific_unreachable', 'host: connection refused')`)
	_, body := s.do("GET", "/", nil)
	s.wantPage(body, []string{"Due, but not sent yet", "1 was last tried at 20", ": Glific cannot be reached", "(host: connection refused)", "→ check the base URL"}, "is left to avni-server")
	s.mode = "shadow"
	_, body = s.do("GET", "/", nil)
	s.wantPage(body, []string{"In mode shadow what is due is left to avni-server."}, "Due, but not sent yet")
}

// What could not be read is not said to be nothing.
func TestPagesWithoutTheDatabase(t *testing.T) {
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/nothing")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	h := New(Options{History: history.New(history.Options{Pool: pool}), Actions: &pressed{}, Location: time.UTC, Log: slog.New(slog.DiscardHandler),
		Health: func(context.Context) metrics.Health {
			return metrics.Health{Status: metrics.Failing, Checks: []metrics.Entry{{Name: "database", Status: metrics.Failing, Detail: "nobody answers"}}}
		}})
	cookie := h.door.enter(httptest.NewRequest("GET", "/", nil))
	s := &stage{T: t}
	for path, want := range map[string]string{
		"/": "Organisations and stream: not known, they could not be read.", "/messages": "Which messages there are could not be read.", "/about/Request/921": "The database could not be read",
	} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host, r.RemoteAddr = "127.0.0.1", "127.0.0.1:4000"
		r.AddCookie(cookie)
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		if recorder.Code != http.StatusServiceUnavailable {
			t.Errorf("%s is %d", path, recorder.Code)
		}
		s.wantPage(recorder.Body.String(), []string{"The database could not be read", want}, "No organisation has", "There are no such", "Slot", "0 B", "Behind")
	}
}
