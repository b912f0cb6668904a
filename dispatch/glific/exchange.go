package glific

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// maxAnswer is far above the largest answer that is asked for, 250 messages.
const maxAnswer = 8 << 20

// request is one POST to Glific.
type request struct {
	operation  Operation
	path       string
	token      string // empty for a login
	body       []byte
	repeatable bool // may run twice without harm
}

// answer is one HTTP response, read whole.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	readErr error // the body is cut short
}

// date is the server's time of the answer.
func (a answer) date(otherwise time.Time) time.Time {
	if at, err := http.ParseTime(a.header.Get("Date")); err == nil {
		return at
	}
	return otherwise
}

// exchange posts a request and reads the answer, whatever its status. Its errors
// tell whether Glific may have seen the request.
func (c *Client) exchange(ctx context.Context, r request) (answer, error) {
	start := time.Now()
	defer func() { c.metrics.duration.WithLabelValues(string(r.operation)).Observe(time.Since(start).Seconds()) }()

	var t trace
	req, err := c.newRequest(t.watch(ctx), r)
	if err != nil {
		return answer{}, err
	}
	resp, err := c.do(req, r.repeatable)
	if err != nil {
		return answer{}, c.networkError(ctx, r.operation, t.reached.Load(), err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.body, a.readErr = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case a.readErr == nil || a.status != http.StatusOK:
		return a, nil
	case ctx.Err() != nil || isTimeout(a.readErr):
		return answer{}, c.networkError(ctx, r.operation, true, a.readErr)
	default: // Glific can be reached
		return answer{}, c.fail(r.operation, BadAnswer, "the answer was cut short", a.readErr)
	}
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.account.endpoint(r.path), bytes.NewReader(r.body))
	if err != nil || req.URL.Host == "" || (req.URL.Scheme != "http" && req.URL.Scheme != "https") {
		text := fmt.Sprintf("base URL %q is not an http or https address", redactURL(c.account.BaseURL))
		return nil, c.fail(r.operation, UnknownOrganisation, text, nil)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "avni-messenger")
	if r.token != "" {
		req.Header.Set("Authorization", r.token) // raw: Glific refuses "Bearer"
	}
	return req, nil
}

// do sends once, or up to three times if that does no harm.
func (c *Client) do(req *http.Request, repeatable bool) (*http.Response, error) {
	if !repeatable {
		return c.once.Do(req)
	}
	wrapped, err := retryablehttp.FromRequest(req)
	if err != nil {
		return nil, err
	}
	return c.repeat.Do(wrapped)
}

// worthRepeating is for requests that may run twice: after a broken connection or a
// passing trouble of the server, but not after a timeout, which has cost enough.
func worthRepeating(ctx context.Context, resp *http.Response, err error) (bool, error) {
	if ctx.Err() != nil {
		return false, nil
	}
	if err != nil {
		return !isTimeout(err), nil
	}
	switch resp.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true, nil
	}
	return false, nil
}

// trace watches whether a request may have reached the server. Holding a connection
// counts as reached; the transport takes another one only if it has written nothing
// to the first.
type trace struct{ reached atomic.Bool }

func (t *trace) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { t.reached.Store(false) },
		GotConn: func(httptrace.GotConnInfo) { t.reached.Store(true) },
	})
}
