package glifictest

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// session is what a pair of tokens stands for. Glific keeps it on the node where it was
// opened.
type session struct {
	access, renewal string
	expiry          time.Time // of the access token
	renewableUntil  time.Time
	node            int
}

const renewalTTL = 30 * 24 * time.Hour

// login opens a session. Any number may be open; a new one ends none.
func (s *Server) login(o *Organisation, v visit) response {
	phone, password := credentials(v.http, v.body)
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket, limit := "Authorization: "+phone, s.options.LoginsPerMinute
	if phone == "" {
		bucket, limit = address(v.http)+":"+sessionPath, unauthenticatedPerMinute
	}
	switch {
	case !s.allow(v.node, bucket, limit):
		return limitExceeded
	case phone != o.user.phone || password != o.user.password:
		return response{http.StatusUnauthorized, errorBody("status", http.StatusUnauthorized, "Invalid phone or password")}
	case o.paused:
		return response{http.StatusForbidden, errorBody("status", http.StatusForbidden,
			"Your account is suspended or paused by your team. Please contact your team to resume it.")}
	}
	o.logins++
	pair := o.open(v.node)
	pair["last_login_time"] = microseconds(s.options.Now())
	pair["is_trial"] = false
	pair["trial_expiration_date"] = nil
	return response{http.StatusOK, map[string]any{"data": pair}}
}

// renew takes a renewal token once, and ends the session it belongs to.
func (s *Server) renew(o *Organisation, v visit) response {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.allow(v.node, address(v.http)+":"+renewPath, unauthenticatedPerMinute) {
		return limitExceeded
	}
	token, now := v.http.Header.Get("Authorization"), s.options.Now()
	for access, old := range o.sessions {
		if token == old.renewal && old.node == v.node && now.Before(old.renewableUntil) {
			delete(o.sessions, access)
			return response{http.StatusOK, map[string]any{"data": o.open(v.node)}}
		}
	}
	return response{http.StatusUnauthorized, errorBody("status", http.StatusUnauthorized, "Invalid token")}
}

// logout ends a session.
func (s *Server) logout(o *Organisation, v visit) response {
	if refused := s.admit(o, v); refused != nil {
		return *refused
	}
	s.forget(v.http.Header.Get("Authorization"))
	return response{http.StatusOK, map[string]any{"data": map[string]any{}}}
}

// open opens a session on a node.
func (o *Organisation) open(node int) map[string]any {
	now := o.server.options.Now()
	opened := session{
		access:         rand.Text(),
		renewal:        rand.Text(),
		expiry:         now.Add(o.server.options.SessionTTL),
		renewableUntil: now.Add(renewalTTL),
		node:           node,
	}
	o.sessions[opened.access] = opened
	return map[string]any{
		"access_token":      opened.access,
		"token_expiry_time": microseconds(opened.expiry),
		"renewal_token":     opened.renewal,
	}
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

// holds reports whether a node knows a token of a living session. It needs the lock.
func (o *Organisation) holds(token string, node int) bool {
	opened, ok := o.sessions[token]
	return ok && opened.node == node && o.server.options.Now().Before(opened.expiry)
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
