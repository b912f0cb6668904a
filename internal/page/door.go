package page

import (
	"crypto/rand"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	cookieName = "avni_messenger"
	// stay is how long a browser stays logged in without a visit, and longest with visits.
	stay    = 12 * time.Hour
	longest = 7 * 24 * time.Hour
	// mostSessions bounds what is remembered of browsers.
	mostSessions = 1000
)

// door knows who may come in. Sessions are forgotten when the process ends.
type door struct {
	key         string // the password or, without one, the token of this process
	local       bool   // without a password: for browsers on this machine only
	crossOrigin *http.CrossOriginProtection
	tries       *tries
	now         func() time.Time

	mu       sync.Mutex
	sessions map[string]*session
}

// session is a browser that has shown the key.
type session struct {
	began, seen time.Time
	told        told
}

// told is what came of a button. It is kept for the next page, so that loading that again
// does not press the button again.
type told struct{ Said, Fault string }

func newDoor(password string) *door {
	d := &door{key: password, local: password == "", crossOrigin: http.NewCrossOriginProtection(), tries: newTries(), now: time.Now, sessions: map[string]*session{}}
	if d.local {
		d.key = rand.Text()
	}
	return d
}

// admits reports whether a request may see the page.
func (d *door) admits(r *http.Request) bool {
	if d.local && !fromThisMachine(r) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.session(r)
	if s == nil {
		return false
	}
	s.seen = d.now()
	return true
}

// session is that of a request, nil if there is none. The door must be locked.
func (d *door) session(r *http.Request) *session {
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return nil
	}
	s := d.sessions[cookie.Value]
	if s == nil || s.over(d.now()) {
		return nil
	}
	return s
}

func (s *session) over(now time.Time) bool {
	return now.Sub(s.seen) >= stay || now.Sub(s.began) >= longest
}

// tell keeps what is to be said on the session's next page.
func (d *door) tell(r *http.Request, what told) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.session(r); s != nil {
		s.told = what
	}
}

// hear takes what is to be said on this page.
func (d *door) hear(r *http.Request) (what told) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.session(r); s != nil {
		what, s.told = s.told, told{}
	}
	return what
}

// fromThisMachine is true of a browser on this machine that asked for this machine: what
// a proxy says that it passes on comes from elsewhere, and a name that is not this
// machine's is that of a website whose script would like to look (DNS rebinding). A proxy
// that says nothing looks the same, which is why the token is asked for as well.
func fromThisMachine(r *http.Request) bool {
	for _, header := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-Ip", "Via"} {
		if r.Header.Get(header) != "" {
			return false
		}
	}
	from, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	asked := r.Host
	if host, _, err := net.SplitHostPort(asked); err == nil {
		asked = host
	}
	return isLoopback(from) && (asked == "localhost" || isLoopback(strings.Trim(asked, "[]")))
}

func isLoopback(address string) bool {
	ip := net.ParseIP(address)
	return ip != nil && ip.IsLoopback()
}

// opens reports whether the key is the right one, in the same time whatever it is.
func (d *door) opens(key string) bool {
	return subtle.ConstantTimeCompare([]byte(key), []byte(d.key)) == 1
}

// enter begins a session and returns its cookie. Behind a proxy that ends TLS the cookie
// is for TLS only. One of a token goes along from a link of another program as well: buttons
// are safe from other websites by their Origin.
func (d *door) enter(r *http.Request) *http.Cookie {
	key, now := rand.Text(), d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	for other, s := range d.sessions {
		if s.over(now) || len(d.sessions) >= mostSessions {
			delete(d.sessions, other)
		}
	}
	d.sessions[key] = &session{began: now, seen: now}
	cookie := &http.Cookie{Name: cookieName, Value: key, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"}
	if d.local {
		cookie.SameSite = http.SameSiteLaxMode
	}
	return cookie
}

// leave ends the session of a request.
func (d *door) leave(r *http.Request) *http.Cookie {
	if cookie, err := r.Cookie(cookieName); err == nil {
		d.mu.Lock()
		delete(d.sessions, cookie.Value)
		d.mu.Unlock()
	}
	return &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode}
}
