package glifictest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

const (
	userPhone = "919999900001"
	password  = "pw"
	mother    = "919876512345"
)

// fake is a server with the organisations asha and seva, a clock that stands still
// and a session of asha's.
type fake struct {
	*glifictest.Server
	t     *testing.T
	now   atomic.Int64
	asha  *glifictest.Organisation
	seva  *glifictest.Organisation
	token string
}

func newFake(t *testing.T, o glifictest.Options) *fake {
	t.Helper()
	f := &fake{t: t}
	f.now.Store(time.Date(2026, 11, 20, 9, 0, 40, 123456000, time.UTC).UnixNano())
	if o.Clock == nil {
		o.Now = func() time.Time { return time.Unix(0, f.now.Load()) }
	}
	server, err := glifictest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	f.Server = server
	f.asha = server.AddOrganisation("asha", userPhone, password,
		glifictest.Template{ID: 1, Label: "welcome", Body: "Namaste {{1}}, welcome to {{2}}."},
		glifictest.Template{ID: 2, Label: "glued", Body: "{{1}},{{2}}"})
	f.seva = server.AddOrganisation("seva", "977999900002", password, glifictest.Template{ID: 3, Body: "Hello"})
	f.token = f.login("asha", userPhone)
	return f
}

// clocked is a fake whose clock moves only by Advance, and then does what is due.
func clocked(t *testing.T, o glifictest.Options) (*fake, *glifictest.Clock) {
	t.Helper()
	o.Clock = glifictest.NewClock(time.Date(2026, 11, 20, 9, 0, 40, 123456000, time.UTC))
	f := newFake(t, o)
	return f, o.Clock
}

func (f *fake) advance(d time.Duration) { f.now.Add(int64(d)) }

// post sends a request; the answer's body is the last result.
func (f *fake) post(path, token, contentType, body string) (*http.Response, string) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(f.t.Context(), http.MethodPost, f.URL(path), strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", token)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return resp, strings.TrimSpace(string(text))
}

func (f *fake) login(organisation, phone string) string {
	f.t.Helper()
	_, body := f.post(organisation+"/api/v1/session", "", "application/json", `{"user":{"phone":"`+phone+`","password":"pw"}}`)
	var answer struct {
		Data struct {
			Token string `json:"access_token"`
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Data.Token == "" {
		f.t.Fatalf("login: %v in %s", err, body)
	}
	return answer.Data.Token
}

// query runs a document of asha's user.
func (f *fake) query(document, variables string) string {
	f.t.Helper()
	text, err := json.Marshal(document)
	if err != nil {
		f.t.Fatal(err)
	}
	if variables == "" {
		variables = "{}"
	}
	_, body := f.post("asha/api", f.token, "application/json", `{"query":`+string(text)+`,"variables":`+variables+`}`)
	return body
}

func (f *fake) want(got, want string) {
	f.t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		f.t.Error(d)
	}
}

// eventually asks again until the answer is the wanted one.
func (f *fake) eventually(want string, ask func() string) {
	f.t.Helper()
	got := ask()
	for deadline := time.Now().Add(time.Minute); got != want && time.Now().Before(deadline); got = ask() {
		runtime.Gosched()
	}
	f.want(got, want)
}

func TestBodiesOfTheSession(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	for _, test := range []struct {
		path, token, contentType, body string
		status                         int
		want                           string
	}{
		{"asha/api/v1/session", "", "application/json", `{"user":{"phone":"919999900001","password":"no"}}`, 401,
			`{"error":{"message":"Invalid phone or password","status":401}}`},
		{"asha/api/v1/session", "", "application/json", `{}`, 401,
			`{"error":{"message":"Invalid phone or password","status":401}}`},
		{"asha/api/v1/session", "", "application/x-www-form-urlencoded", `user[phone]=919999900001&user[password]=no`, 401,
			`{"error":{"message":"Invalid phone or password","status":401}}`},
		{"asha/api", "", "application/json", `{"query":"{currentUser{user{id}}}"}`, 401,
			`{"error":{"code":401,"message":"Not authenticated"}}`},
		{"asha/api", "Bearer " + f.token, "application/json", `{"query":"{currentUser{user{id}}}"}`, 401,
			`{"error":{"code":401,"message":"Not authenticated"}}`},
		{"seva/api", f.token, "application/json", `{"query":"{currentUser{user{id}}}"}`, 401,
			`{"error":{"code":401,"message":"Not authenticated"}}`},
		{"nobody/api", f.token, "application/json", `{"query":"{currentUser{user{id}}}"}`, 403, `Unauthorized`},
		{"asha/api", f.token, "application/json", `{"query":`, 400, `Bad Request`},
		{"asha/api", f.token, "application/json", `{}`, 400, `No query document supplied`},
		{"asha/other", f.token, "application/json", `{}`, 404, `Not Found`},
		{"asha/api", f.token, "application/json", `{"query":"{currentUser{user{id}}}"}`, 200, `{"data":{"currentUser":{"user":{"id":"1"}}}}`},
	} {
		resp, body := f.post(test.path, test.token, test.contentType, test.body)
		if resp.StatusCode != test.status || body != test.want {
			t.Errorf("%s %s: %d %s, want %d %s", test.path, test.body, resp.StatusCode, body, test.status, test.want)
		}
	}
	if resp, _ := f.post("asha/api/v1/session", "", "application/x-www-form-urlencoded", `user[phone]=919999900001&user[password]=pw`); resp.StatusCode != 200 {
		t.Errorf("login by form: %d", resp.StatusCode)
	}
}

func TestSessionsExpireAndLiveSideBySide(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	const ok, gone = `{"data":{"__typename":"RootQueryType"}}`, `{"error":{"code":401,"message":"Not authenticated"}}`
	f.advance(29 * time.Minute)
	first, second := f.token, f.login("asha", userPhone)
	f.want(f.query(`{__typename}`, ""), ok)
	f.advance(time.Minute)
	f.want(f.query(`{__typename}`, ""), gone)
	f.token = second
	f.want(f.query(`{__typename}`, ""), ok)
	f.asha.RevokeSessions()
	f.want(f.query(`{__typename}`, ""), gone)
	if first == second {
		t.Error("two logins gave the same token")
	}
}

// A request without a valid token passes another limiter before its 401.
func TestLimits(t *testing.T) {
	f := newFake(t, glifictest.Options{RequestsPerMinute: 2})
	statuses := func(token string, n int) (list []int) {
		for range n {
			resp, body := f.post("asha/api", token, "application/json", `{"query":"{__typename}"}`)
			if resp.StatusCode == 429 && (body != "Rate limit exceeded" || resp.Header.Get("Retry-After") != "") {
				t.Errorf("429 with %q and Retry-After %q", body, resp.Header.Get("Retry-After"))
			}
			list = append(list, resp.StatusCode)
		}
		return list
	}
	if d := cmp.Diff([]int{200, 200, 429, 429}, statuses(f.token, 4)); d != "" {
		t.Error(d)
	}
	if refused := statuses("expired", 51); refused[49] != 401 || refused[50] != 429 {
		t.Errorf("requests 50 and 51 without a token: %v", refused[49:])
	}
	f.advance(20 * time.Second) // 09:01:00
	if d := cmp.Diff([]int{200, 200, 429}, statuses(f.token, 3)); d != "" {
		t.Error(d)
	}
}

func TestLedgerOfRequests(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.query(`query Q { a: currentUser { user { id } } ...F } fragment F on RootQueryType { organization { organization { name } } }`, "")
	requests := f.Requests()
	if len(requests) != 2 || f.Logins("asha") != 1 || f.PeakInFlight() != 1 {
		t.Fatalf("%d requests, %d logins, %d in flight; want 2, 1, 1", len(requests), f.Logins("asha"), f.PeakInFlight())
	}
	if d := cmp.Diff([]string{"currentUser", "organization"}, requests[1].Operations); d != "" {
		t.Error(d)
	}
	if text, err := json.Marshal(requests); err != nil || strings.Contains(string(text), f.token) || strings.Contains(string(text), `"pw"`) {
		t.Errorf("the requests show a secret: %s %v", text, err)
	}
}
