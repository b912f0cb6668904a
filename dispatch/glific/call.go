package glific

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// reply is the answer to one document: the value of its root field and what the
// answer says beside it.
type reply struct {
	operation Operation
	value     json.RawMessage // null if there is none
	messages  []string        // of the top-level errors
}

// inputError is an error inside a payload.
type inputError struct {
	Key     string `json:"key"`
	Message string `json:"message"`
}

// call runs a document. A 401 means that nothing ran and that the token is gone, by
// age, a restart of Glific or a change of the user: one login, and once more.
func (c *Client) call(ctx context.Context, d document, variables any) (reply, error) {
	body, err := json.Marshal(struct {
		Query     string `json:"query"`
		Variables any    `json:"variables"`
	}{d.text, variables})
	if err != nil {
		return reply{}, c.fail(d.operation, InvalidRequest, "encode the request", err)
	}
	var a answer
	for range 2 {
		token, err := c.token(ctx)
		if err != nil {
			return reply{}, err
		}
		if err := c.limiter.Wait(ctx); err != nil {
			return reply{}, c.fail(d.operation, Cancelled, "stopped while waiting for the own rate limit", err)
		}
		a, err = c.exchange(ctx, request{d.operation, "/api", token, body, d.repeatable})
		if err != nil {
			return reply{}, err
		}
		if a.status != http.StatusUnauthorized {
			break
		}
		c.session.drop(token)
	}
	if err := c.statusError(d.operation, a); err != nil {
		return reply{}, err
	}
	return c.parse(d, a)
}

// parse reads the GraphQL envelope.
func (c *Client) parse(d document, a answer) (reply, error) {
	var envelope struct {
		Data   json.RawMessage   `json:"data"`
		Errors []json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(a.body, &envelope); err != nil {
		return reply{}, c.fail(d.operation, BadAnswer, "not a GraphQL answer: "+excerpt(a.body), nil)
	}
	r := reply{operation: d.operation, messages: errorMessages(envelope.Errors)}
	if envelope.Data == nil && len(r.messages) > 0 {
		return reply{}, c.fail(d.operation, InvalidRequest, r.messages[0], nil)
	}
	var fields map[string]json.RawMessage
	if len(envelope.Data) > 0 {
		if err := json.Unmarshal(envelope.Data, &fields); err != nil {
			return reply{}, c.fail(d.operation, BadAnswer, "data is not an object: "+excerpt(a.body), nil)
		}
	}
	r.value = fields[d.field]
	return r, nil
}

// decode reads the value of the root field; a null leaves the target as it is.
func (c *Client) decode(r reply, into any) error {
	if len(r.value) == 0 {
		return nil
	}
	if err := json.Unmarshal(r.value, into); err != nil {
		return c.fail(r.operation, BadAnswer, "unexpected shape of the answer: "+err.Error(), nil)
	}
	return nil
}

// failure is the error of an answer that lacks what was asked for: by its top-level
// errors, else by those of its payload.
func (c *Client) failure(r reply, payload []inputError) error {
	switch {
	case len(r.messages) > 0:
		return c.textError(r.operation, r.messages[0])
	case len(payload) > 0:
		return c.textError(r.operation, payload[0].Message)
	default:
		return c.fail(r.operation, BadAnswer, "the answer holds neither a result nor an error", nil)
	}
}

// errorMessages reads errors that are objects with a message or, outside GraphQL,
// bare strings.
func errorMessages(list []json.RawMessage) []string {
	var texts []string
	for _, raw := range list {
		var e struct {
			Message string `json:"message"`
		}
		var text string
		if json.Unmarshal(raw, &e) == nil && e.Message != "" {
			text = e.Message
		} else if json.Unmarshal(raw, &text) != nil {
			text = string(raw)
		}
		texts = append(texts, text)
	}
	return texts
}

// instant is a time as Glific writes it: RFC 3339, or without a zone, then UTC.
type instant time.Time

// UnmarshalJSON reads null and "" as the zero time.
func (i *instant) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(raw), `"`)
	if text == "null" || text == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if at, err = time.Parse("2006-01-02T15:04:05", text); err != nil {
			return err
		}
	}
	*i = instant(at.UTC())
	return nil
}
