// Package glifictest is a Glific for tests, the demo and benchmarks: a real HTTP
// server with Glific's GraphQL schema, sessions, limits, checks and error texts, and
// a ledger of what would have reached each phone. It imitates Glific 8.10.1 as far as
// a sender of template messages meets it; what differs on purpose is said where it
// differs.
package glifictest

import (
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"
)

// Options of a Server. The zero value is usable.
type Options struct {
	Address           string           // host:port to listen on; empty: a free port of 127.0.0.1
	Now               func() time.Time // the server's clock: session expiry, limits, timestamps; nil: Clock's, or time.Now
	Clock             *Clock           // drives all that happens later; nil: real time. AnswerTime and all delays of faults but CommitLate's are always real
	SessionTTL        time.Duration    // 0: 30 min
	RequestsPerMinute int              // per API user; 0: 180
	LoginsPerMinute   int              // per phone; 0: 50
	NoLimits          bool             // no rate limits at all
	AnswerTime        time.Duration    // how long each API request takes; executed in the middle of it
	DeliverAfter      time.Duration    // how long a message waits for the provider, with bspStatus null; 0: none
	BSPPerSecond      int              // messages per organisation and second to the provider; 0: no limit (Glific's seed is 40)
	RetryAfter        time.Duration    // before Glific's one retry; 0: 17 s
	BSPStatus         string           // the last of the provider's callbacks; empty: DELIVERED
	CallbackAfter     time.Duration    // between the provider's callbacks; 0: all come at once
	BroadcastEvery    time.Duration    // how often messages to groups are worked off; 0: 1 min
	BroadcastContacts int              // how many contacts a run reaches; 0: 100
	OnDelivery        func(Delivery)   // called for each message that reaches a phone; must be safe for concurrent use
}

// Server is a running Glific. It is safe for concurrent use.
type Server struct {
	options Options
	address string
	http    *http.Server
	served  chan struct{}
	visits  sync.WaitGroup // requests being handled
	closing chan struct{}

	mu              sync.Mutex // guards all below and everything in the organisations
	organisations   map[string]*Organisation
	contactIDs      int // last given; all ids come from sequences that the organisations share
	messageIDs      int
	groupIDs        int
	membershipIDs   int
	broadcastIDs    int
	notificationIDs int
	limits          limiter
	faults          []*Fault
	ledger          []Delivery
	told            int // deliveries OnDelivery knows

	nodes          int // 0: one
	turns          int // requests so far
	mostRootFields int // of a document; 0: any number
	refusedStatus  int // HTTP status of invalid documents; 0: 200
	requests       []*Request
	inFlight       int
	peakInFlight   int
	flights        map[flight]flightCount
	closed         bool
}

// New starts a server; Close stops it.
func New(options Options) (*Server, error) {
	options = options.withDefaults()
	listener, err := net.Listen("tcp", options.Address)
	if err != nil {
		return nil, fmt.Errorf("listen as Glific: %w", err)
	}
	s := &Server{
		options:       options,
		address:       listener.Addr().String(),
		served:        make(chan struct{}),
		closing:       make(chan struct{}),
		organisations: map[string]*Organisation{},
		limits:        limiter{},
		flights:       map[flight]flightCount{},
	}
	s.http = &http.Server{Handler: http.HandlerFunc(s.serve), IdleTimeout: time.Minute, ReadHeaderTimeout: time.Minute}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(listener) // ends with ErrServerClosed
	}()
	return s, nil
}

// Close stops the server, cuts open connections and waits for what still executes;
// nothing is delivered afterwards. OnDelivery must not call it.
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	s.mu.Unlock()
	_ = s.http.Close() // a listener that is already closed is no trouble
	<-s.served
	s.visits.Wait()
}

// URL is the base URL of an organisation, as a glific.Account wants it. Real Glific
// tells organisations apart by the host; here it is the first path segment.
func (s *Server) URL(organisation string) string {
	return "http://" + s.address + "/" + organisation
}

func (o Options) withDefaults() Options {
	if o.Address == "" {
		o.Address = "127.0.0.1:0"
	}
	if o.Now == nil {
		o.Now = time.Now
		if o.Clock != nil {
			o.Now = o.Clock.Now
		}
	}
	if o.SessionTTL == 0 {
		o.SessionTTL = 30 * time.Minute
	}
	if o.RequestsPerMinute == 0 {
		o.RequestsPerMinute = 180
	}
	if o.LoginsPerMinute == 0 {
		o.LoginsPerMinute = 50
	}
	if o.RetryAfter == 0 {
		o.RetryAfter = retryAfter
	}
	if o.BSPStatus == "" {
		o.BSPStatus = "DELIVERED"
	}
	if o.BroadcastEvery == 0 {
		o.BroadcastEvery = time.Minute
	}
	if o.BroadcastContacts == 0 {
		o.BroadcastContacts = 100
	}
	return o
}
