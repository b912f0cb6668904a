package glific_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
)

func TestOneLoginForAll(t *testing.T) {
	s := newSetup(t, glifictest.Options{AnswerTime: 20 * time.Millisecond})
	s.contact()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, ok, err := s.ContactByPhone(t.Context(), mother); !ok || err != nil {
				t.Errorf("contact found: %t, %v", ok, err)
			}
		})
	}
	wg.Wait()
	if n := s.server.Logins("asha"); n != 1 {
		t.Errorf("%d logins, want 1", n)
	}
}

func TestTokenIsRenewedBeforeItExpires(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	for _, step := range []struct {
		after  time.Duration
		logins int
	}{{0, 1}, {24 * time.Minute, 1}, {2 * time.Minute, 2}} {
		s.clock.Advance(step.after)
		if err := login(t, s.Client); err != nil {
			t.Fatal(err)
		}
		if n := s.server.Logins("asha"); n != step.logins {
			t.Fatalf("%d logins %s later, want %d", n, step.after, step.logins)
		}
	}
	for _, r := range s.server.Requests() {
		if r.Status != 200 {
			t.Errorf("%s was answered %d", r.Path, r.Status)
		}
	}
}

func TestLostTokenIsReplacedAndTheRequestRepeated(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	if err := login(t, s.Client); err != nil {
		t.Fatal(err)
	}
	s.asha.RevokeSessions()
	if _, err := s.Send(t.Context(), s.message()); err != nil {
		t.Fatal(err)
	}
	if n := s.server.Logins("asha"); n != 2 {
		t.Errorf("%d logins, want 2", n)
	}
	if n := len(s.server.Ledger()); n != 1 {
		t.Errorf("%d messages were delivered, want 1", n)
	}
}

// A token that was issued a moment ago may not be known everywhere yet, or be lost
// again: nothing ran, so the request is repeated, but not for ever.
func TestFreshTokenRefused(t *testing.T) {
	for _, test := range []struct{ refusals, logins int }{{2, 3}, {3, 3}, {4, 3}} {
		s := newSetup(t, glifictest.Options{})
		s.server.Inject(glifictest.Fault{Kind: glifictest.Unauthenticated, Operation: "createAndSendMessage", Times: test.refusals})
		_, err := s.Send(t.Context(), s.message())
		if test.refusals < 4 && err != nil {
			t.Errorf("after %d refusals: %v", test.refusals, err)
		}
		if test.refusals == 4 {
			wantError(t, err, glific.NotExecuted, glific.NotAuthenticated)
		}
		if n := s.server.Logins("asha"); n != test.logins {
			t.Errorf("%d logins after %d refusals, want %d", n, test.refusals, test.logins)
		}
	}
}

func TestLoginFailures(t *testing.T) {
	for name, test := range map[string]struct {
		spoil   func(setup)
		outcome glific.Outcome
		code    glific.Code
	}{
		"wrong password":    {func(s setup) { s.asha.SetPassword("another") }, glific.Wait, glific.WrongPassword},
		"suspended account": {func(s setup) { s.asha.Pause(true) }, glific.Wait, glific.AccountSuspended},
		"server error": {func(s setup) {
			s.server.Inject(glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 500, Operation: "login"})
		}, glific.NotExecuted, glific.ServerError},
		"lost answers": {func(s setup) {
			s.server.Inject(glifictest.Fault{Kind: glifictest.LoseAnswer, Operation: "login", Times: -1})
		}, glific.NotExecuted, glific.ConnectionLost},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t, glifictest.Options{})
			test.spoil(s)
			_, err := s.Send(t.Context(), s.message())
			wantError(t, err, test.outcome, test.code)
			wantNoSecrets(t, err)
		})
	}
}

func TestUnknownOrganisation(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	for _, url := range []string{s.server.URL("nobody"), "127.0.0.1:4010/asha", "ftp://127.0.0.1/asha", "http://[broken", ""} {
		c := glific.NewClient(glific.Account{BaseURL: url, Phone: userPhone, Password: password}, glific.Options{})
		wantError(t, login(t, c), glific.Wait, glific.UnknownOrganisation)
	}
}

func TestTooManyLogins(t *testing.T) {
	s := newSetup(t, glifictest.Options{LoginsPerMinute: 1})
	if err := login(t, s.Client); err != nil {
		t.Fatal(err)
	}
	other := s.client(glific.Options{})
	e := wantError(t, login(t, other), glific.Wait, glific.RateLimited)
	if e.RetryAfter != 20*time.Second { // the clock stands at 09:00:40
		t.Errorf("retry after %s, want 20s", e.RetryAfter)
	}
	s.clock.Advance(e.RetryAfter)
	if err := login(t, other); err != nil {
		t.Error(err)
	}
}

func TestAccountNeverShowsItsSecrets(t *testing.T) {
	a := glific.Account{BaseURL: "https://" + "someone:" + password + "@api.example.org/", Phone: userPhone, Password: password}
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(format, a); strings.Contains(text, password) || strings.Contains(text, userPhone) {
			t.Errorf("%s prints %s", format, text)
		}
	}
}

func wantNoSecrets(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{password, userPhone, mother} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error shows %q: %v", secret, err)
		}
	}
}
