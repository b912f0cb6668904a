package glific

import (
	"context"
	"encoding/json"
)

// reply is Glific's answer to one call: the value of its root field and what the answer
// says beside it.
type reply struct {
	operation Operation
	value     json.RawMessage // null if there is none
	messages  []string        // of the top-level errors about it
}

// call asks for one root field and waits for its answer.
func (c *Client) call(ctx context.Context, d *document, variables map[string]any) (reply, error) {
	r := c.calls(ctx, d, variables)[0]
	return r.reply, r.err
}

// calls asks for several root fields of one kind, in as few documents as may be.
func (c *Client) calls(ctx context.Context, d *document, variables ...map[string]any) []result {
	var calls []*call
	for _, v := range variables {
		calls = append(calls, &call{ctx: ctx, document: d, variables: v, done: make(chan result, 1)})
	}
	return c.lane(d).await(calls)
}

// lane is where the calls of a kind go: those that change something do not wait for
// those that only read.
func (c *Client) lane(d *document) *lane {
	if d.mutation {
		return c.sends
	}
	return c.reads
}

// graphQLError is an error of an answer.
type graphQLError struct {
	message string
	field   string // the root field, or its alias, that it is about; "" if the error does not tell
}

// parse reads the GraphQL envelope: the answer to each call of a document.
func (c *Client) parse(d *document, calls int, a answer) ([]result, error) {
	var envelope struct {
		Data   json.RawMessage   `json:"data"`
		Errors []json.RawMessage `json:"errors"`
	}
	if err := json.Unmarshal(a.body, &envelope); err != nil {
		return nil, c.fail(d.operation, BadAnswer, "not a GraphQL answer: "+excerpt(a.body), nil)
	}
	errs := readErrors(envelope.Errors)
	if envelope.Data == nil && len(errs) > 0 {
		return nil, c.fail(d.operation, InvalidRequest, errs[0].message, nil)
	}
	var fields map[string]json.RawMessage
	if len(envelope.Data) > 0 {
		if err := json.Unmarshal(envelope.Data, &fields); err != nil {
			return nil, c.fail(d.operation, BadAnswer, "data is not an object: "+excerpt(a.body), nil)
		}
	}
	results := make([]result, calls)
	for i := range results {
		name := d.field
		if calls > 1 {
			name = aliasOf(i)
		}
		r := &results[i].reply
		r.operation, r.value = d.operation, fields[name]
		for _, e := range errs {
			if calls == 1 || e.field == name {
				r.messages = append(r.messages, e.message)
			}
		}
	}
	return results, nil
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
func (c *Client) failure(r reply, payload inputErrors) error {
	switch {
	case len(r.messages) > 0:
		return c.textError(r.operation, r.messages[0])
	case len(payload) > 0:
		return c.textError(r.operation, payload[0])
	default:
		return c.fail(r.operation, BadAnswer, "the answer holds neither a result nor an error", nil)
	}
}

// readErrors reads errors that are objects with a message or, outside GraphQL, bare
// strings.
func readErrors(list []json.RawMessage) []graphQLError {
	var errs []graphQLError
	for _, raw := range list {
		var object struct {
			Message string            `json:"message"`
			Path    []json.RawMessage `json:"path"`
		}
		var e graphQLError
		if json.Unmarshal(raw, &object) == nil && object.Message != "" {
			e.message = object.Message
			if len(object.Path) > 0 {
				_ = json.Unmarshal(object.Path[0], &e.field) // a number names no field
			}
		} else if json.Unmarshal(raw, &e.message) != nil {
			e.message = string(raw)
		}
		errs = append(errs, e)
	}
	return errs
}
