package page

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/history"
	"avni-messenger/metrics"
)

func TestMain(m *testing.M) { avnitest.Main(m) }

// pressed records what buttons asked for.
type pressed struct{ calls []string }

func (p *pressed) ReleaseOrganisation(_ context.Context, organisation string) (string, error) {
	p.calls = append(p.calls, "release "+organisation)
	return organisation + " is released.", nil
}

func (p *pressed) Storm(_ context.Context, rule int64, transaction string, release bool) (string, error) {
	p.calls = append(p.calls, strings.Join([]string{"storm", number(rule), transaction, map[bool]string{true: "release", false: "cancel"}[release]}, " "))
	return "done", nil
}

func (p *pressed) ResumeRule(_ context.Context, rule int64) (string, error) {
	p.calls = append(p.calls, "resume "+number(rule))
	return "done", nil
}

func number(n int64) string {
	return strings.TrimPrefix(entityPath(history.Entity{Type: "Rule", ID: n}), "/about/Rule/")
}

// stage is a page over a real database, served to a real client.
type stage struct {
	*testing.T
	db      *avnitest.DB
	buttons pressed
	server  *httptest.Server
	client  *http.Client
	log     strings.Builder
}

func newStage(t *testing.T, password string) *stage {
	t.Helper()
	s := &stage{T: t, db: avnitest.New(t)}
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	s.must(err)
	s.server = httptest.NewServer(New(Options{
		History: history.New(history.Options{Pool: s.db.Pool(), Location: kolkata, Names: cdc.Names{Slot: "avni_messenger", Publication: "avni_messenger"},
			Served: func(id int32) (history.Served, bool) { return history.Served{Mode: "full"}, id == avnitest.AshaGramin }}),
		Actions: &s.buttons,
		Health: func(context.Context) metrics.Health {
			return metrics.Health{Status: metrics.Warning, Checks: []metrics.Entry{
				{Name: "database", Status: metrics.OK, Detail: "PostgreSQL"},
				{Name: "organisation seva", Status: metrics.Warning, Detail: "held <back>", Fix: "do this"}}}
		},
		Password: password, Location: kolkata, Version: "1.2.3", Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	}))
	t.Cleanup(s.server.Close)
	jar, err := cookiejar.New(nil)
	s.must(err)
	s.client = &http.Client{Jar: jar}
	return s
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) exec(sql string, args ...any) {
	s.Helper()
	_, err := s.db.Pool().Exec(s.Context(), sql, args...)
	s.must(err)
}

// do sends a request and returns the status and the page.
func (s *stage) do(method, path string, form url.Values, headers ...string) (int, string) {
	s.Helper()
	request, err := http.NewRequestWithContext(s.Context(), method, s.server.URL+path, strings.NewReader(form.Encode()))
	s.must(err)
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
		}
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := s.client.Do(request)
	s.must(err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	s.must(err)
	for _, name := range []string{"Content-Security-Policy", "Referrer-Policy", "Cache-Control"} {
		if response.Header.Get(name) == "" {
			s.Errorf("%s %s has no %s", method, path, name)
		}
	}
	return response.StatusCode, strings.ReplaceAll(string(body), "&#43;", "+")
}

// wantPage holds a page against what must and what must not be in it.
func (s *stage) wantPage(body string, want []string, never ...string) {
	s.Helper()
	for _, text := range want {
		if !strings.Contains(body, text) {
			s.Errorf("the page lacks %q:\n%s", text, body)
		}
	}
	for _, text := range never {
		if strings.Contains(body, text) {
			s.Errorf("the page has %q:\n%s", text, body)
		}
	}
}

func TestOverview(t *testing.T) {
	s := newStage(t, "")
	code, body := s.do("GET", "/", nil)
	if code != http.StatusOK {
		t.Fatalf("the first page is %d", code)
	}
	s.wantPage(body, []string{"What became of a message?", "held &lt;back&gt;", "→ do this", "asha_gramin", `href="/messages?organisation=101&amp;status=NotSent"`, "version 1.2.3", "Asia/Kolkata"},
		"PostgreSQL", "<script", "Log out")
}

func TestSearchForANumber(t *testing.T) {
	for _, row := range []struct {
		name, password string
		want, never    []string
	}{
		{"without a password numbers are masked", "", []string{"Subject 1001", "…0001"}, []string{"9876500001"}},
		{"with one they are shown", "correct horse", []string{"Subject 1001", "+919876500001", "Log out"}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			s := newStage(t, row.password)
			if row.password != "" {
				if code, body := s.do("POST", "/login", url.Values{"password": {row.password}}); code != http.StatusOK || !strings.Contains(body, "What became") {
					t.Fatalf("login is %d: %s", code, body)
				}
			}
			code, body := s.do("POST", "/search", url.Values{"question": {"98765 00001"}})
			if code != http.StatusOK {
				t.Fatalf("the search is %d", code)
			}
			s.wantPage(body, row.want, row.never...)
			if strings.Contains(s.log.String(), "00001") {
				t.Errorf("the log has the number: %s", s.log.String())
			}
		})
	}
}

func TestSearchForNothing(t *testing.T) {
	s := newStage(t, "")
	code, body := s.do("POST", "/search", url.Values{"question": {"Subject:999999"}})
	if code != http.StatusNotFound {
		t.Errorf("the search is %d", code)
	}
	s.wantPage(body, []string{"Nothing is known of Subject:999999", "To know"})
	if code, body = s.do("POST", "/search", url.Values{"question": {"  "}}); code != http.StatusBadRequest {
		t.Errorf("an empty search is %d", code)
	}
	s.wantPage(body, []string{"Type a phone number"})
	for _, path := range []string{"/about/Subject/9876500001x", "/about/Phone/9876500001", "/nowhere"} {
		if code, _ := s.do("GET", path, nil); code != http.StatusNotFound {
			t.Errorf("%s is %d", path, code)
		}
	}
}

func TestAllMessagesArePaged(t *testing.T) {
	s := newStage(t, "")
	s.exec(`insert into message_request_queue (uuid, organisation_id, message_rule_id, message_receiver_id, entity_id, scheduled_date_time,
			delivery_status, is_voided, version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select uuid_generate_v4(), 101, 601, 901, 1002, '2026-03-01'::timestamptz + n * interval '1 minute', 'NotSent', false, 0, 202, 202, now(), now()
		from generate_series(1, 120) n`)
	path, pages, found := "/messages?organisation=101&status=NotSent&from=2026-03-01&until=2026-03-02", 0, map[string]bool{}
	for path != "" && pages < 10 {
		code, body := s.do("GET", path, nil)
		if code != http.StatusOK {
			t.Fatalf("%s is %d", path, code)
		}
		pages++
		for _, part := range strings.Split(body, `<a href="/about/Request/`)[1:] {
			found[part[:strings.IndexByte(part, '"')]] = true
		}
		path = ""
		if _, rest, more := strings.Cut(body, `<a rel="next" href="`); more {
			path = strings.ReplaceAll(rest[:strings.IndexByte(rest, '"')], "&amp;", "&")
		}
	}
	if pages != 3 || len(found) != 120 {
		t.Errorf("%d messages on %d pages, want 120 on 3", len(found), pages)
	}
	for _, wrong := range []string{"?organisation=x", "?to=Group:1", "?from=yesterday", "?after=x"} {
		if code, _ := s.do("GET", "/messages"+wrong, nil); code != http.StatusBadRequest {
			t.Errorf("%s is %d", wrong, code)
		}
	}
	_, body := s.do("GET", "/messages?to=Subject:1002", nil)
	s.wantPage(body, []string{"Messages to Subject 1002"}, "There are no such messages")
	_, body = s.do("GET", "/messages?to=Subject:1003&status=PartiallySent", nil)
	s.wantPage(body, []string{"There are no such messages"})
}

func TestMaskedTexts(t *testing.T) {
	h := New(Options{Location: time.UTC, Log: slog.New(slog.DiscardHandler)})
	for text, want := range map[string]string{
		"call +91 98765-00001 now": "call …0001 now", "९८७६५०००१२": "…००१२", "request 931 at 12:00": "request 931 at 12:00",
		"2026-03-04": "2026-03-04", "due 2026-03-04 12:00:00 IST": "due 2026-03-04 12:00:00 IST", "(98765) 00001": "(…0001", "no": "no",
	} {
		if got := h.masked(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}
