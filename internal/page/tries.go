package page

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Passwords may be tried this often by one address, and by all together: one who guesses
// does not keep the others out.
const (
	triesOfOne    = 5
	onePause      = 2 * time.Second
	triesOfAll    = 60
	allPause      = 300 * time.Millisecond
	mostAddresses = 1000
)

// tries limits how often passwords are tried.
type tries struct {
	all *rate.Limiter

	mu   sync.Mutex
	each map[string]*rate.Limiter // by address
}

func newTries() *tries {
	return &tries{all: rate.NewLimiter(rate.Every(allPause), triesOfAll), each: map[string]*rate.Limiter{}}
}

// tooMany reports that passwords are tried too often from an address, or by everybody.
func (t *tries) tooMany(address string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.each[address]
	if one == nil {
		t.forget()
		one = rate.NewLimiter(rate.Every(onePause), triesOfOne)
		t.each[address] = one
	}
	return !one.Allow() || !t.all.Allow()
}

// forget drops addresses that have not tried of late, or all if too many are left.
func (t *tries) forget() {
	if len(t.each) < mostAddresses {
		return
	}
	for address, one := range t.each {
		if one.Tokens() >= triesOfOne {
			delete(t.each, address)
		}
	}
	if len(t.each) >= mostAddresses {
		clear(t.each)
	}
}

// sender is the address that a request comes from, of IPv6 its network: who has one address
// there has many. A proxy nearby is believed to say whom it passes on.
func sender(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if address.Unmap().IsLoopback() || address.Unmap().IsPrivate() {
		passed := r.Header.Get("X-Forwarded-For")
		last := strings.TrimSpace(passed[strings.LastIndexByte(passed, ',')+1:])
		if behind, err := netip.ParseAddr(last); err == nil {
			address = behind
		}
	}
	if address = address.Unmap().WithZone(""); address.Is6() {
		network, _ := address.Prefix(64) // any IPv6 address has one
		return network.String()
	}
	return address.String()
}
