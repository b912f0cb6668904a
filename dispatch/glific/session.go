package glific

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// assumedTTL is the life of a token whose expiry Glific did not tell; it is fixed at
// 30 minutes there and not extended by use.
const assumedTTL = 30 * time.Minute

// session is the one access token of a client. Glific lets any number of sessions
// live side by side, so a new login does not disturb requests on the old token;
// renewing a token would.
type session struct {
	mu     sync.Mutex
	value  string
	until  time.Time
	logins singleflight.Group
}

// token is a token that is good for some minutes, from a login if need be. Callers
// that need one at the same moment share one login.
func (c *Client) token(ctx context.Context) (string, error) {
	if t, ok := c.session.current(c.now()); ok {
		return t, nil
	}
	shared := c.session.logins.DoChan("", func() (any, error) {
		if t, ok := c.session.current(c.now()); ok {
			return t, nil
		}
		return c.login(context.WithoutCancel(ctx))
	})
	select {
	case <-ctx.Done():
		return "", c.fail(OpLogin, Cancelled, "stopped waiting for the login", ctx.Err())
	case r := <-shared:
		if r.Err != nil {
			return "", r.Err
		}
		return r.Val.(string), nil
	}
}

// login opens a session. Whatever goes wrong, no operation of ours has run: its
// errors are never Uncertain.
func (c *Client) login(ctx context.Context) (token string, err error) {
	defer func() { c.metrics.count(OpLogin, err) }()
	type user struct {
		Phone    string `json:"phone"`
		Password string `json:"password"`
	}
	body, err := json.Marshal(map[string]user{"user": {c.account.Phone, c.account.Password}})
	if err != nil {
		return "", c.fail(OpLogin, InvalidRequest, "encode the login", err)
	}
	a, err := c.exchange(ctx, request{operation: OpLogin, path: "/api/v1/session", body: body, repeatable: true})
	if err == nil {
		token, err = c.openSession(a)
	}
	if e := (*Error)(nil); errors.As(err, &e) && e.Outcome == Uncertain {
		e.Outcome = NotExecuted
	}
	return token, err
}

// openSession keeps the token of a login's answer.
func (c *Client) openSession(a answer) (string, error) {
	if a.status == http.StatusUnauthorized {
		return "", c.fail(OpLogin, WrongPassword, "HTTP 401 to the login as "+lastFour(c.account.Phone), nil)
	}
	if err := c.statusError(OpLogin, a); err != nil {
		return "", err
	}
	var reply struct {
		Data struct {
			Token   string  `json:"access_token"`
			Expires instant `json:"token_expiry_time"`
		} `json:"data"`
	}
	if err := json.Unmarshal(a.body, &reply); err != nil || reply.Data.Token == "" {
		return "", c.fail(OpLogin, BadAnswer, "the answer to the login holds no access token", err)
	}
	ttl := assumedTTL
	if expires := time.Time(reply.Data.Expires); !expires.IsZero() {
		ttl = expires.Sub(a.date(c.now())) // by the server's own clock: ours may differ
	}
	c.session.set(reply.Data.Token, c.now().Add(ttl-ttl/6))
	c.metrics.renewals.Inc()
	c.log.Debug("logged in at Glific", "account", c.account, "ttl", ttl)
	return reply.Data.Token, nil
}

func (s *session) current(now time.Time) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value, s.value != "" && now.Before(s.until)
}

func (s *session) set(token string, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.value, s.until = token, until
}

// drop forgets a token that Glific no longer takes, unless a newer one is there.
func (s *session) drop(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.value == token {
		s.value = ""
	}
}

// peek is the token, valid or not.
func (s *session) peek() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.value
}
