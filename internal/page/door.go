package page

import (
	"crypto/rand"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

const (
	cookieName = "avni_messenger"
	// stay is how long a browser stays logged in without a visit.
	stay = 12 * time.Hour
	// mostSessions bounds what is remembered of browsers.
	mostSessions = 1000
)

// door knows who may come in. Sessions are forgotten when the process ends.
type door struct {
	password    string
	crossOrigin *http.CrossOriginProtection
	tries       *rate.Limiter // of passwords, by everybody together

	mu       sync.Mutex
	sessions map[string]time.Time // until when
}

func newDoor(password string) *door {
	return &door{password: password, crossOrigin: http.NewCrossOriginProtection(),
		tries: rate.NewLimiter(rate.Every(2*time.Second), 5), sessions: map[string]time.Time{}}
}

// admits reports whether a request may see the page.
func (d *door) admits(r *http.Request) bool {
	if d.password == "" {
		return fromThisMachine(r)
	}
	cookie, err := r.Cookie(cookieName)
	if err != nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	until, known := d.sessions[cookie.Value]
	if !known || time.Now().After(until) {
		return false
	}
	d.sessions[cookie.Value] = time.Now().Add(stay)
	return true
}

// fromThisMachine is true of a browser on this machine that asked for this machine: what
// a proxy passes on comes from elsewhere, and a name that is not this machine's is that
// of a website whose script would like to look (DNS rebinding).
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

// tooMany reports that passwords are tried too often.
func (d *door) tooMany() bool { return !d.tries.Allow() }

// opens reports whether the password is the right one, in the same time whatever it is.
func (d *door) opens(password string) bool {
	return d.password != "" && subtle.ConstantTimeCompare([]byte(password), []byte(d.password)) == 1
}

// enter begins a session and returns its cookie. Behind a proxy that ends TLS the cookie
// is for TLS only.
func (d *door) enter(r *http.Request) *http.Cookie {
	session := rand.Text()
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, until := range d.sessions {
		if time.Now().After(until) || len(d.sessions) >= mostSessions {
			delete(d.sessions, key)
		}
	}
	d.sessions[session] = time.Now().Add(stay)
	return &http.Cookie{Name: cookieName, Value: session, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"}
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
