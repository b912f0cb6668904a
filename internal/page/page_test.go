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
type pressed struct {
	calls []string
	fault error
}

func (p *pressed) ReleaseOrganisation(_ context.Context, organisation string) (string, error) {
	p.calls = append(p.calls, "release "+organisation)
	return organisation + " is released.", p.fault
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
	page    *Handler
	server  *httptest.Server
	client  *http.Client
	mode    string // in which asha_gramin is served
	log     strings.Builder
}

// newStage is a stage whose client has come by the link, if there is no password.
func newStage(t *testing.T, password string) *stage {
	t.Helper()
	s := newStrange(t, password)
	if password == "" {
		if code, _ := s.do("GET", s.page.Link(""), nil); code != http.StatusOK {
			t.Fatalf("the link leads to %d", code)
		}
	}
	return s
}

// newStrange is a stage whose client nobody knows yet.
func newStrange(t *testing.T, password string) *stage {
	t.Helper()
	s := &stage{T: t, db: avnitest.New(t), mode: "full"}
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	s.must(err)
	s.page = New(Options{
		History: history.New(history.Options{Pool: s.db.Pool(), Location: kolkata, Names: cdc.Names{Slot: "avni_messenger", Publication: "avni_messenger"},
			Served: func(id int32) (history.Served, bool) { return history.Served{Mode: s.mode}, id == avnitest.AshaGramin }}),
		Actions: &s.buttons,
		Health: func(context.Context) metrics.Health {
			return metrics.Health{Status: metrics.Warning, Checks: []metrics.Entry{
				{Name: "database", Status: metrics.OK, Detail: "PostgreSQL"},
				{Name: "organisation seva", Status: metrics.Warning, Detail: "held <back>", Fix: "do this"}}}
		},
		Password: password, Location: kolkata, Version: "1.2.3", Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	s.server = httptest.NewServer(s.page)
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
	s.exec(`insert into messenger.held (rule_id, source_table, entity_id, organisation_id, commit_lsn, committed_at, scheduled_for)
		select 601, 'individual', n, 101, ('1/' || to_hex(n))::pg_lsn, now(), now() from generate_series(1, 25) n`)
	s.exec(`insert into messenger.hold (organisation_id, kind, since, request_id, detail) values (101, 'foreign_sent', now(), 5, 'request 5')`)
	_, body = s.do("GET", "/", nil)
	s.wantPage(body, []string{"And 5 more transactions with 5 messages: avni-messenger release lists them.", "sends messages too (request 5)", "→ Make sure that nobody else sends for it"})
	if n := strings.Count(body, "Release them"); n != 20 {
		t.Errorf("%d transactions are told of", n)
	}
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
	for _, wrong := range []string{"?organisation=x", "?organisation=9876500001", "?to=Group:1", "?to=Subject:9876500001", "?to=User:0", "?from=yesterday",
		"?after=x", "?after=1-9876500001", "?status=%00", "?group=%ff", "?reason=%00", "?after=%ff"} {
		if code, _ := s.do("GET", "/messages"+wrong, nil); code != http.StatusBadRequest {
			t.Errorf("%s is %d", wrong, code)
		}
	}
	if strings.Contains(s.log.String(), "00001") || strings.Contains(s.log.String(), "WARN") {
		t.Errorf("the log is %s", s.log.String())
	}
	s.exec(`insert into message_rule (id, uuid, name, organisation_id, entity_type, entity_type_id, message_template_id, is_voided, version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select 9000, uuid_generate_v4(), 'Zzz', 103, entity_type, entity_type_id, message_template_id, false, 0, 202, 202, now(), now() from message_rule where id = 601`)
	_, body := s.do("GET", "/messages", nil)
	s.wantPage(body, []string{`<option value="101" selected>asha_gramin`, `<option value="103">seva_nepal`}, `>all</option><option value="101"`)
	_, body = s.do("GET", "/messages?to=Subject:1002", nil)
	s.wantPage(body, []string{"Messages to Subject 1002"}, "There are no such messages")
	_, body = s.do("GET", "/messages?to=Subject:1003&status=PartiallySent", nil)
	s.wantPage(body, []string{"There are no such messages"})
}

// A number where an id belongs is neither asked of the database nor logged.
func TestNumbersInPlaceOfIDs(t *testing.T) {
	s := newStage(t, "")
	code, body := s.do("POST", "/search", url.Values{"question": {"Subject:9876500001"}})
	if code != http.StatusNotFound {
		t.Errorf("the search is %d", code)
	}
	s.wantPage(body, []string{"No id in Avni is greater than"}, "98765")
	for _, path := range []string{"/about/Rule/9876500001", "/about/Request/9876500001", "/about/User/9876500001"} {
		if code, body = s.do("GET", path, nil); code != http.StatusNotFound || strings.Contains(body, "98765") {
			t.Errorf("%s is %d", path, code)
		}
	}
	if log := s.log.String(); strings.Contains(log, "00001") || strings.Contains(log, "WARN") {
		t.Errorf("the log is %s", log)
	}
}

// What the database says of what it refuses is not logged: it may name it.
func TestWordsOfErrorsAreNotLogged(t *testing.T) {
	s := newStage(t, "")
	s.exec(`alter table messenger.delivery rename column phone to phone_9876500001`)
	s.exec(`create function messenger.refuse() returns text language plpgsql as $$ begin raise exception 'no 9876500001' using errcode = 'XX123'; end $$`)
	s.exec(`alter table message_request_queue rename to hidden_9876500001`)
	s.exec(`create view message_request_queue as select * from hidden_9876500001 where messenger.refuse() = ''`)
	for _, path := range []string{"/", "/messages", "/about/Request/921"} {
		if code, _ := s.do("GET", path, nil); code != http.StatusServiceUnavailable {
			t.Errorf("%s is %d", path, code)
		}
	}
	if log := s.log.String(); strings.Contains(log, "00001") || !strings.Contains(log, "SQLSTATE XX123") {
		t.Errorf("the log is %s", log)
	}
}
