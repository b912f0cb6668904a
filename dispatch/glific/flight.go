package glific

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"time"
)

// ready waits until a request may leave: not before Glific's limit allows it, with a
// token, and within our own limit.
func (c *Client) ready(ctx context.Context) (token string, err error) {
	if wait := c.limited.left(c.now()); wait > 0 {
		e := c.fail("", RateLimited, "Glific's rate limit was reached a moment ago", nil)
		e.RetryAfter = wait
		return "", e
	}
	if token, err = c.token(ctx); err != nil {
		c.heed(err)
		return "", err
	}
	if err := c.limiter.Wait(ctx); err != nil {
		return "", c.fail("", Cancelled, "stopped while waiting for the own rate limit", err)
	}
	return token, nil
}

// fly sends a document and hands each of its calls the answer, but to those that it
// returns: Glific has refused to run several at once and ran none of them.
func (c *Client) fly(f *flight, token string) (again []*call) {
	sent, a, err := c.transmit(f, token)
	for _, k := range f.calls {
		if !slices.Contains(sent, k) {
			k.done <- result{err: c.fail(f.operation, Cancelled, "stopped before it was asked again", context.Cause(k.ctx))}
		}
	}
	if len(sent) == 0 {
		return nil
	}
	var results []result
	if err == nil {
		results, err = c.parse(f.document, len(sent), a)
	}
	c.heed(err)
	switch unfit := hasCode(err, InvalidRequest) && slices.Contains(unfitDocument, a.status); {
	case unfit && len(sent) > 1:
		c.log.Warn("Glific refuses to run several calls of one request: they are asked one by one", "operation", f.operation, "calls", len(sent), "error", err)
		c.lane(f.document).askSingly(f.document, true)
		return sent
	case unfit:
		c.lane(f.document).askSingly(f.document, false)
	}
	for i, k := range sent {
		if err != nil {
			k.done <- result{err: about(k, err)}
		} else {
			k.done <- results[i]
		}
	}
	return nil
}

// unfitDocument are the statuses with which a document that does not please is refused
// before it runs.
var unfitDocument = []int{http.StatusOK, http.StatusBadRequest, http.StatusRequestEntityTooLarge}

// freshTokenWaits are the waits before a request is repeated to which Glific has
// answered 401, so that nothing ran. The first is for a token that is gone, by age, a
// restart of Glific or a change of the user. If a fresh one is refused as well, Glific
// may have several nodes that do not all know it yet.
var freshTokenWaits = []time.Duration{0, 250 * time.Millisecond, time.Second}

// transmit posts the document with the calls that are still waited for, and returns
// which they were.
func (c *Client) transmit(f *flight, token string) (sent []*call, a answer, err error) {
	for try := 0; ; try++ {
		sent = slices.DeleteFunc(slices.Clone(f.calls), func(k *call) bool { return k.ctx.Err() != nil })
		if len(sent) == 0 {
			return nil, answer{}, nil
		}
		body, err := f.encode(sent)
		if err != nil {
			return sent, answer{}, c.fail(f.operation, InvalidRequest, "encode the request", err)
		}
		c.metrics.calls.WithLabelValues(string(f.operation)).Observe(float64(len(sent)))
		a, err = c.exchange(f.ctx, request{f.operation, "/api", token, body, f.repeatable})
		if err != nil {
			return sent, a, err
		}
		if a.status != http.StatusUnauthorized {
			return sent, a, c.statusError(f.operation, a)
		}
		if try != 1 { // a fresh one gets a second chance
			c.session.drop(token)
		}
		if try == len(freshTokenWaits) {
			return sent, a, c.statusError(f.operation, a)
		}
		if err := pause(f.ctx, freshTokenWaits[try]); err != nil {
			return sent, a, c.fail(f.operation, Cancelled, "stopped before a request that was not authenticated was repeated", err)
		}
		if token, err = c.ready(f.ctx); err != nil {
			return sent, a, err
		}
	}
}

// encode is the request body for some calls.
func (d *document) encode(calls []*call) ([]byte, error) {
	var variables []map[string]any
	for _, k := range calls {
		variables = append(variables, k.variables)
	}
	return json.Marshal(struct {
		Query     string         `json:"query"`
		Variables map[string]any `json:"variables"`
	}{d.text(len(calls)), numbered(variables)})
}

// pause waits, unless the context ends before.
func pause(ctx context.Context, length time.Duration) error {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// about is an error of a document, or of what comes before it, as that of one call.
func about(k *call, err error) error {
	e := (*Error)(nil)
	if !errors.As(err, &e) {
		return err
	}
	own := *e
	if own.Operation == "" {
		own.Operation = k.document.operation
	}
	return &own
}
