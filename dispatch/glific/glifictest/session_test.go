package glifictest_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

// tokens are what a login or a renewal answers.
type tokens struct {
	Access  string `json:"access_token"`
	Expiry  string `json:"token_expiry_time"`
	Renewal string `json:"renewal_token"`
}

func pair(t *testing.T, body string) tokens {
	t.Helper()
	var answer struct{ Data tokens }
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Data.Access == "" || answer.Data.Renewal == "" {
		t.Fatalf("no tokens: %v in %s", err, body)
	}
	return answer.Data
}

const credentials = `{"user":{"phone":"919999900001","password":"pw"}}`

// alive reports the status of a request with a token.
func (f *fake) alive(token string) int {
	f.t.Helper()
	resp, _ := f.post("asha/api", token, "application/json", `{"query":"{__typename}"}`)
	return resp.StatusCode
}

// A renewal ends the pair it came from, and works once.
func TestRenewal(t *testing.T) {
	f, clock := clocked(t, glifictest.Options{})
	_, body := f.post("asha/api/v1/session", "", "application/json", credentials)
	first := pair(t, body)
	f.want(first.Expiry, "2026-11-20T09:30:40.123456Z")
	clock.Advance(time.Hour)
	_, body = f.post("asha/api/v1/session/renew", first.Renewal, "application/json", "")
	second := pair(t, body)
	resp, body := f.post("asha/api/v1/session/renew", first.Renewal, "application/json", "")
	f.want(body, `{"error":{"message":"Invalid token","status":401}}`)
	if d := cmp.Diff([]int{401, 401, 200}, []int{resp.StatusCode, f.alive(first.Access), f.alive(second.Access)}); d != "" {
		t.Error(d)
	}
	clock.Advance(30 * 24 * time.Hour)
	if resp, _ = f.post("asha/api/v1/session/renew", second.Renewal, "application/json", ""); resp.StatusCode != 401 {
		t.Errorf("renewal after 30 days: %d", resp.StatusCode)
	}
}

func TestLogoutAndName(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	_, body := f.post("asha/api/v1/session/name", "", "application/json", "")
	f.want(body, `{"data":{"name":"asha","status":"active"}}`)
	other := f.login("asha", userPhone)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, f.URL("asha/api/v1/session"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", f.token)
	for _, status := range []int{200, 401} {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("logout: %d, want %d", resp.StatusCode, status)
		}
	}
	if got := f.alive(other); got != 200 {
		t.Errorf("the other session: %d", got)
	}
}

// Behind two nodes a token works at one of them; each counts its own limits.
func TestTwoNodes(t *testing.T) {
	f := newFake(t, glifictest.Options{RequestsPerMinute: 2})
	f.SetNodes(2)
	token := f.login("asha", userPhone)
	var statuses []int
	for range 6 {
		statuses = append(statuses, f.alive(token))
	}
	if d := cmp.Diff([]int{401, 200, 401, 200, 401, 429}, statuses); d != "" {
		t.Error(d)
	}
}

// A restart loses tokens and limits, no data.
func TestRestart(t *testing.T) {
	f := newFake(t, glifictest.Options{LoginsPerMinute: 1})
	f.asha.AddOptedInContact(mother, "Sita")
	if resp, body := f.post("asha/api/v1/session", "", "application/json", credentials); resp.StatusCode != 429 || body != "Rate limit exceeded" {
		t.Errorf("the second login: %d %s", resp.StatusCode, body)
	}
	if f.Restart(); f.alive(f.token) != 401 {
		t.Error("the token lives on")
	}
	f.token = f.login("asha", userPhone)
	f.want(f.query(`{ contactByPhone(phone: "919876512345") { contact { name } } }`, ""), `{"data":{"contactByPhone":{"contact":{"name":"Sita"}}}}`)
}

func TestAccountsThatAreNotWelcome(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.asha.Pause(true)
	resp, body := f.post("asha/api/v1/session", "", "application/json", credentials)
	if resp.StatusCode != 403 || !strings.HasPrefix(body, `{"error":{"message":"Your account is suspended or paused by your team.`) {
		t.Errorf("paused: %d %s", resp.StatusCode, body)
	}
	f.asha.Pause(false)
	f.asha.SetPassword("other")
	if resp, _ = f.post("asha/api/v1/session", "", "application/json", credentials); resp.StatusCode != 401 {
		t.Errorf("another password: %d", resp.StatusCode)
	}
	f.asha.Deactivate(true)
	for _, path := range []string{"asha/api", "asha/api/v1/session"} {
		if resp, body = f.post(path, f.token, "application/json", `{}`); resp.StatusCode != 403 || body != "Unauthorized" {
			t.Errorf("%s of an inactive organisation: %d %s", path, resp.StatusCode, body)
		}
	}
}

// The organisation may also be told by the host, as real Glific does it.
func TestHostNamesTheOrganisation(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	base := strings.TrimSuffix(f.URL(""), "/")
	for host, status := range map[string]int{"asha.glific.test": 200, "api.asha.glific.test:4000": 200, "seva.glific.test": 401, "glific.test": 403} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/api", strings.NewReader(`{"query":"{__typename}"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		req.Header.Set("Authorization", f.token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != status {
			t.Errorf("%s: %d, want %d", host, resp.StatusCode, status)
		}
	}
}

func TestRequestsThatAreNotHandled(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	for _, test := range []struct {
		method, path, accept string
		status               int
	}{
		{http.MethodGet, "asha/api", "", 405},
		{http.MethodPut, "asha/api/v1/session/renew", "", 405},
		{http.MethodPost, "asha/api", "text/html", 406},
		{http.MethodPost, "asha/api", "application/json", 200},
		{http.MethodPost, "asha/api", "text/html, */*", 200},
	} {
		req, err := http.NewRequestWithContext(t.Context(), test.method, f.URL(test.path), strings.NewReader(`{"query":"{__typename}"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", f.token)
		req.Header.Set("Accept", test.accept)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != test.status {
			t.Errorf("%+v: %d", test, resp.StatusCode)
		}
	}
}

// A slow login is a delay like any other.
func TestSlowLogin(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	hold := make(chan struct{})
	f.Inject(glifictest.Fault{Operation: "login", Until: hold})
	done := make(chan int, 1)
	go func() {
		resp, err := http.Post(f.URL("asha/api/v1/session"), "application/json", strings.NewReader(credentials))
		if err != nil {
			done <- 0
			return
		}
		resp.Body.Close()
		done <- resp.StatusCode
	}()
	f.eventually("2 requests", func() string { return fmt.Sprintf("%d requests", len(f.Requests())) })
	if n := f.Logins("asha"); n != 1 {
		t.Errorf("%d logins, want only the fake's own", n)
	}
	close(hold)
	if status := <-done; status != 200 || f.Logins("asha") != 2 {
		t.Errorf("the slow login: %d, %d logins", status, f.Logins("asha"))
	}
}
