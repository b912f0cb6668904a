package glific

import (
	"context"
	"strconv"
)

// Template is a message template as Glific has it.
type Template struct {
	ID               int
	NumberParameters int    // how many parameters a send must have
	Type             string // TEXT, IMAGE, VIDEO, DOCUMENT …; all but TEXT need a media file
	Status           string // the provider's word, such as APPROVED, PENDING or REJECTED; not checked by Glific
	Active           bool   // not checked by Glific either
	Language         string // such as en or hi; "" if Glific does not say
	Body             string // with {{1}}, {{2}}, …; without its buttons
}

// Template looks a template up. False: Glific has none with that id.
func (c *Client) Template(ctx context.Context, id int) (t Template, ok bool, err error) {
	defer func() { c.metrics.count(OpTemplate, err) }()
	r, err := c.call(ctx, sessionTemplate, map[string]any{"id": strconv.Itoa(id)})
	if err != nil {
		return Template{}, false, err
	}
	var payload struct {
		SessionTemplate *struct {
			ID               identifier `json:"id"`
			NumberParameters *int       `json:"numberParameters"`
			Type             string     `json:"type"`
			Status           string     `json:"status"`
			IsActive         bool       `json:"isActive"`
			Body             string     `json:"body"`
			Language         struct {
				Locale string `json:"locale"`
			} `json:"language"`
		} `json:"sessionTemplate"`
		Errors inputErrors `json:"errors"`
	}
	if err := c.decode(r, &payload); err != nil {
		return Template{}, false, err
	}
	w := payload.SessionTemplate
	switch {
	case w == nil:
		err := c.failure(r, payload.Errors)
		if hasCode(err, ResourceNotFound) {
			return Template{}, false, nil
		}
		return Template{}, false, err
	case string(w.ID) != strconv.Itoa(id) || w.NumberParameters == nil:
		return Template{}, false, c.fail(r.operation, BadAnswer, "the answer is not about the template, or does not say how many parameters it has", nil)
	}
	return Template{id, *w.NumberParameters, w.Type, w.Status, w.IsActive, w.Language.Locale, w.Body}, true, nil
}
