package glifictest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// login opens a session. Any number may be open; a new one ends none.
func (s *Server) login(o *Organisation, r *http.Request, body []byte) response {
	phone, password := credentials(r, body)
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket, limit := "Authorization: "+phone, s.options.LoginsPerMinute
	if phone == "" {
		bucket, limit = address(r)+":"+sessionPath, unauthenticatedPerMinute
	}
	switch {
	case !s.allow(bucket, limit):
		return limitExceeded
	case phone != o.user.phone || password != o.user.password:
		return response{http.StatusUnauthorized, errorBody("status", http.StatusUnauthorized, "Invalid phone or password")}
	case o.paused:
		return response{http.StatusForbidden, errorBody("status", http.StatusForbidden,
			"Your account is suspended or paused by your team. Please contact your team to resume it.")}
	}
	token, expiry := rand.Text(), s.options.Now().Add(s.options.SessionTTL)
	o.sessions[token] = expiry
	o.logins++
	return response{http.StatusOK, map[string]any{"data": map[string]any{
		"access_token":          token,
		"token_expiry_time":     microseconds(expiry),
		"renewal_token":         rand.Text(),
		"last_login_time":       microseconds(s.options.Now()),
		"is_trial":              false,
		"trial_expiration_date": nil,
	}}}
}

// credentials reads a login, which may be JSON or a form.
func credentials(r *http.Request, body []byte) (phone, password string) {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return "", ""
		}
		return form.Get("user[phone]"), form.Get("user[password]")
	}
	var login struct {
		User struct{ Phone, Password string }
	}
	if json.Unmarshal(body, &login) != nil {
		return "", ""
	}
	return login.User.Phone, login.User.Password
}

// holds reports whether a token is one of a living session. It needs the lock.
func (o *Organisation) holds(token string) bool {
	expiry, ok := o.sessions[token]
	return ok && o.server.options.Now().Before(expiry)
}

// forget ends a session.
func (s *Server) forget(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.organisations {
		delete(o.sessions, token)
	}
}

// seconds and microseconds are the two ways in which Glific writes times; null for
// the zero time.
func seconds(t time.Time) any { return written(t, time.RFC3339) }

func microseconds(t time.Time) any { return written(t, "2006-01-02T15:04:05.000000Z07:00") }

func written(t time.Time, layout string) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(layout)
}
