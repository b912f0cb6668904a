package page

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/time/rate"
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
		s.do("GET", s.page.Link(""), nil, "Host", host)
		if code, _ := s.do("GET", "/", nil, "Host", host); code != http.StatusOK {
			t.Errorf("/ of %s is %d", host, code)
		}
	}
}

// A proxy that is set up by default, such as nginx with no more than proxy_pass, says neither
// that it passes on what comes from elsewhere, nor what was asked for there.
func TestWithoutAPasswordTheLinkIsNeeded(t *testing.T) {
	s := newStrange(t, "")
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	refused := func(when string) {
		t.Helper()
		for _, path := range []string{"/", "/messages", "/about/Request/921", "/login", "/login?token=", "/login?token=" + strings.Repeat("A", 26)} {
			if code, body := s.do("GET", path, nil, "Host", "127.0.0.1:8124"); code != http.StatusForbidden || strings.Contains(body, "asha_gramin") || !strings.Contains(body, "http://127.0.0.1:8124/login?token=…") {
				t.Errorf("%s, %s is %d: %s", when, path, code, body)
			}
		}
		for path, form := range map[string]url.Values{"/search": {"question": {"98765 00001"}}, "/release/organisation": {"organisation": {"asha_gramin"}},
			"/storm": {"rule": {"601"}, "do": {"release"}}, "/resume/rule": {"rule": {"601"}}, "/logout": nil} {
			if code, body := s.do("POST", path, form, "Host", "127.0.0.1:8024"); code != http.StatusForbidden || strings.Contains(body, "asha_gramin") {
				t.Errorf("%s, %s is %d", when, path, code)
			}
		}
		if len(s.buttons.calls) > 0 {
			t.Errorf("%s, buttons were pressed: %v", when, s.buttons.calls)
		}
	}
	refused("without the link")
	link := s.page.Link("")
	if code, _ := s.do("GET", link, nil, "X-Forwarded-For", "203.0.113.7"); code != http.StatusForbidden {
		t.Errorf("the link through a proxy is %d", code)
	}
	refused("after the link through a proxy")
	if code, _ := s.do("GET", link, nil); code != http.StatusSeeOther {
		t.Errorf("the link is %d", code)
	}
	if code, body := s.do("GET", "/", nil); code != http.StatusOK || !strings.Contains(body, "asha_gramin") {
		t.Errorf("after the link / is %d", code)
	}
	if other := New(s.page.options).Link(""); other == link || !strings.HasPrefix(other, "/login?token=") || len(other) < 30 {
		t.Errorf("the link of another start is %s, of this %s", other, link)
	}
	if strings.Contains(s.log.String(), strings.TrimPrefix(link, "/login?token=")) {
		t.Error("the page logs the token")
	}
	if withPassword := newDoor("correct horse"); (&Handler{door: withPassword}).Link("") != "" || withPassword.key != "correct horse" {
		t.Error("there is a link although there is a password")
	}
}

func TestSessionsEnd(t *testing.T) {
	d := newDoor("correct horse")
	began := time.Now()
	now := began
	d.now = func() time.Time { return now }
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(d.enter(r))
	for now = began.Add(11 * time.Hour); now.Before(began.Add(longest)); now = now.Add(11 * time.Hour) {
		if !d.admits(r) {
			t.Fatalf("after %s with visits it is not admitted", now.Sub(began))
		}
	}
	if d.admits(r) {
		t.Errorf("after %s it is admitted still", now.Sub(began))
	}
	now = began
	r = httptest.NewRequest("GET", "/", nil)
	r.AddCookie(d.enter(r))
	if now = now.Add(stay); d.admits(r) {
		t.Errorf("after %s without a visit it is admitted still", stay)
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
	if code, _ := s.do("POST", "/login", url.Values{"password": {"correct horse"}}, "X-Forwarded-For", "198.51.100.1, 203.0.113.7"); code != http.StatusOK {
		t.Errorf("who knows the password gets %d while somebody else guesses", code)
	}
	all := newTries()
	all.all = rate.NewLimiter(0, triesOfAll) // none comes after
	for i := range 2 * triesOfAll {
		if got := all.tooMany(fmt.Sprintf("198.51.100.%d", i)); got != (i >= triesOfAll) {
			t.Fatalf("of all together guess %d is too many: %t", i, got)
		}
	}
	for range 3 * mostAddresses {
		all.tooMany(rand.Text())
	}
	if n := len(all.each); n > mostAddresses {
		t.Errorf("%d addresses are remembered", n)
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
	for _, path := range []string{"/release/organisation", "/storm", "/resume/rule", "/search"} {
		if code, body := s.do("GET", path, nil); code != http.StatusOK || !strings.Contains(body, "What became of a message?") || strings.Contains(body, `role="status"`) {
			t.Errorf("%s by GET is %d", path, code)
		}
	}
	if !slices.Equal(s.buttons.calls, want) {
		t.Errorf("a button was pressed by GET: %q", s.buttons.calls)
	}
}

// What came of a button is said once, by a page that can be loaded again.
func TestButtonsAreNotPressedAgain(t *testing.T) {
	s := newStage(t, "")
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	form := url.Values{"organisation": {"asha_gramin"}}
	if code, _ := s.do("POST", "/release/organisation", form); code != http.StatusSeeOther {
		t.Errorf("the button is %d", code)
	}
	_, body := s.do("GET", "/", nil)
	s.wantPage(body, []string{"asha_gramin is released."})
	_, body = s.do("GET", "/", nil)
	s.wantPage(body, nil, "asha_gramin is released.")
	s.buttons.fault = errors.New("the rule of 98765 00001 is not there")
	if code, _ := s.do("POST", "/release/organisation", form); code != http.StatusSeeOther {
		t.Errorf("the button that fails is %d", code)
	}
	_, body = s.do("GET", "/", nil)
	s.wantPage(body, []string{`role="alert">the rule of …0001 is not there`})
	if strings.Contains(s.log.String(), "00001") {
		t.Errorf("the log has the number: %s", s.log.String())
	}
}
