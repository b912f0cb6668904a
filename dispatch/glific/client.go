// Package glific is a client of Glific's API for one sender of template messages:
// one session per organisation, contacts, groups, sends that can be looked up
// afterwards, receipts, and failures sorted by what they mean for the message. The
// facts about Glific are those of version 8.10.1.
//
// Callers make one call each, from many goroutines. A call leaves at once while fewer
// than two requests of its sort, sending or reading, are under way; those that have to
// wait go together in the next one, up to ten of a kind, and each gets its own answer.
// Without an answer from Glific each of them is as uncertain as if it had been alone.
package glific

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

const (
	defaultTimeout           = 30 * time.Second
	defaultRequestsPerMinute = 120 // Glific allows 180 per user and minute, to all that share the user

	// Glific's server drops connections that were idle for 60 s. A request written
	// into such a connection would look like a lost answer.
	idleTimeout = 30 * time.Second

	retryMax     = 2
	retryWaitMin = 200 * time.Millisecond
	retryWaitMax = 2 * time.Second
)

// Options of a Client. The zero value is usable.
type Options struct {
	HTTPClient        *http.Client     // nil: an own one; its Timeout and CheckRedirect are not used
	Timeout           time.Duration    // of one HTTP attempt; 0: 30 s
	RequestsPerMinute int              // to the API, a sixth of it at once; 0: 120; negative: no limit (benchmarks)
	Log               *slog.Logger     // nil: discards
	Metrics           *Metrics         // nil: not exposed
	Now               func() time.Time // nil: time.Now
}

// Client calls Glific for one organisation. It is safe for concurrent use.
type Client struct {
	account Account
	log     *slog.Logger
	metrics *Metrics
	now     func() time.Time
	session session
	limiter *rate.Limiter
	limited limited
	sends   *lane
	reads   *lane
	once    *http.Client          // one attempt, for what must not run twice
	repeat  *retryablehttp.Client // up to three attempts, for what may
}

// NewClient prepares a client; it does not connect.
func NewClient(account Account, options Options) *Client {
	options = options.withDefaults()
	c := &Client{
		account: account,
		log:     options.Log,
		metrics: options.Metrics,
		now:     options.Now,
		limiter: newLimiter(options.RequestsPerMinute),
	}
	c.sends = &lane{client: c, singly: make(map[*document]time.Time)}
	c.reads = &lane{client: c, singly: make(map[*document]time.Time)}
	once := *options.HTTPClient
	once.Timeout = options.Timeout
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.once = &once
	c.repeat = &retryablehttp.Client{
		HTTPClient:   c.once,
		RetryMax:     retryMax,
		RetryWaitMin: retryWaitMin,
		RetryWaitMax: retryWaitMax,
		CheckRetry:   worthRepeating,
		Backoff:      retryablehttp.DefaultBackoff,
		ErrorHandler: retryablehttp.PassthroughErrorHandler,
		PrepareRetry: func(r *http.Request) error { return c.limiter.Wait(r.Context()) },
	}
	return c
}

func (o Options) withDefaults() Options {
	if o.HTTPClient == nil {
		o.HTTPClient = &http.Client{Transport: newTransport()}
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.RequestsPerMinute == 0 {
		o.RequestsPerMinute = defaultRequestsPerMinute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// newLimiter allows a short burst, so that a single message is not slowed down, but
// one that keeps 120 requests a minute below Glific's 180 in any minute.
func newLimiter(perMinute int) *rate.Limiter {
	if perMinute < 0 {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return rate.NewLimiter(rate.Limit(float64(perMinute)/60), max(1, perMinute/6))
}

func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dial,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: 16,
		IdleConnTimeout:     idleTimeout,
		TLSHandshakeTimeout: 10 * time.Second,
		HTTP2:               &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
	}
}

// dial opens connections that forget what is not sent yet when they are closed, also
// by the death of the process. Left to itself, the system goes on sending it for a
// minute or two: a message would reach Glific after it was given up.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	dialer := net.Dialer{Timeout: 30 * time.Second, KeepAlive: 15 * time.Second}
	conn, err := dialer.DialContext(ctx, network, address)
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // fails only on a connection that is broken already
	}
	return conn, err
}
