package page

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestWithoutAPasswordOnlyThisMachineSees(t *testing.T) {
	s := newStage(t, "")
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	for _, row := range []struct {
		name    string
		headers []string
	}{
		{"a proxy passes it on", []string{"X-Forwarded-For", "203.0.113.7"}},
		{"another proxy does", []string{"Forwarded", "for=203.0.113.7"}},
		{"the name is a website's", []string{"Host", "rebound.example.org"}},
	} {
		if code, body := s.do("GET", "/", nil, row.headers...); code != http.StatusSeeOther || strings.Contains(body, "asha_gramin") {
			t.Errorf("%s: / is %d", row.name, code)
		}
		if code, body := s.do("GET", "/messages", nil, row.headers...); code != http.StatusForbidden || strings.Contains(body, "asha_gramin") {
			t.Errorf("%s: /messages is %d", row.name, code)
		}
		if code, _ := s.do("POST", "/release/organisation", url.Values{"organisation": {"asha_gramin"}}, row.headers...); code != http.StatusForbidden {
			t.Errorf("%s: a button is %d", row.name, code)
		}
	}
	if len(s.buttons.calls) > 0 {
		t.Errorf("buttons were pressed: %v", s.buttons.calls)
	}
	for _, host := range []string{"localhost:8024", "127.0.0.1", "[::1]:8024"} {
		if code, _ := s.do("GET", "/", nil, "Host", host); code != http.StatusOK {
			t.Errorf("/ of %s is %d", host, code)
		}
	}
}

func TestWithAPassword(t *testing.T) {
	s := newStage(t, "correct horse")
	if _, body := s.do("GET", "/messages", nil); !strings.Contains(body, `type="password"`) || strings.Contains(body, "asha_gramin") {
		t.Fatalf("without login the page is %s", body)
	}
	if code, body := s.do("POST", "/login", url.Values{"password": {"battery staple"}}); code != http.StatusForbidden || !strings.Contains(body, "not the password") {
		t.Errorf("a wrong password is %d: %s", code, body)
	}
	if strings.Contains(s.log.String(), "battery") {
		t.Error("the log has the password that was tried")
	}
	if code, body := s.do("POST", "/login", url.Values{"password": {"correct horse"}}); code != http.StatusOK || !strings.Contains(body, "asha_gramin") {
		t.Fatalf("the right password is %d", code)
	}
	address, err := url.Parse(s.server.URL)
	s.must(err)
	if cookies := s.client.Jar.Cookies(address); len(cookies) != 1 || cookies[0].Value == "" {
		t.Errorf("cookies are %v", cookies)
	}
	if code, _ := s.do("GET", "/messages", nil, "X-Forwarded-For", "203.0.113.7", "Host", "messages.example.org"); code != http.StatusOK {
		t.Errorf("through a proxy /messages is %d", code)
	}
	if _, body := s.do("POST", "/logout", nil); !strings.Contains(body, `type="password"`) {
		t.Error("logging out does not lead to the login")
	}
	if _, body := s.do("GET", "/messages", nil); !strings.Contains(body, `type="password"`) {
		t.Error("after logging out messages are shown")
	}
}

func TestPasswordsAreNotGuessed(t *testing.T) {
	s := newStage(t, "correct horse")
	var codes []int
	for range 8 {
		code, _ := s.do("POST", "/login", url.Values{"password": {"guess"}})
		codes = append(codes, code)
	}
	if !slices.Contains(codes, http.StatusTooManyRequests) {
		t.Errorf("eight guesses at once are %v", codes)
	}
}

// A form that another website makes a browser send must do nothing.
func TestFormsOfOtherWebsites(t *testing.T) {
	s := newStage(t, "")
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example.org"}} {
		for _, path := range []string{"/release/organisation", "/storm", "/resume/rule", "/search"} {
			if code, _ := s.do("POST", path, url.Values{"organisation": {"asha_gramin"}, "rule": {"601"}, "do": {"release"}}, headers...); code != http.StatusForbidden {
				t.Errorf("%s with %v is %d", path, headers, code)
			}
		}
	}
	if len(s.buttons.calls) > 0 {
		t.Errorf("buttons were pressed: %v", s.buttons.calls)
	}
}

func TestButtons(t *testing.T) {
	s := newStage(t, "")
	for _, row := range []struct {
		path string
		form url.Values
	}{
		{"/release/organisation", url.Values{"organisation": {"asha_gramin"}}},
		{"/storm", url.Values{"rule": {"607"}, "transaction": {"0/1A2B"}, "do": {"release"}}},
		{"/storm", url.Values{"rule": {"607"}, "transaction": {"0/1A2B"}, "do": {"cancel"}}},
		{"/resume/rule", url.Values{"rule": {"603"}}},
	} {
		if code, body := s.do("POST", row.path, row.form, "Sec-Fetch-Site", "same-origin"); code != http.StatusOK || !strings.Contains(body, `role="status"`) {
			t.Errorf("%s is %d", row.path, code)
		}
	}
	for path, form := range map[string]url.Values{"/storm": {"rule": {"607"}}, "/resume/rule": {"rule": {"x"}}} {
		if code, _ := s.do("POST", path, form); code != http.StatusBadRequest {
			t.Errorf("%s with %v is %d", path, form, code)
		}
	}
	want := []string{"release asha_gramin", "storm 607 0/1A2B release", "storm 607 0/1A2B cancel", "resume 603"}
	if !slices.Equal(s.buttons.calls, want) {
		t.Errorf("the buttons did %q, want %q", s.buttons.calls, want)
	}
	if code, _ := s.do("GET", "/release/organisation", nil); code != http.StatusMethodNotAllowed {
		t.Errorf("a button by GET is %d", code)
	}
}
