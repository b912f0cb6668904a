package dispatch

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// render is what a claim says now: by its rule, or by the manual message with the
// receiver's name put in. Its parameters are fit to be sent.
func (w *worker) render(ctx context.Context, c *claim, to receiver) (Rendered, error) {
	var rendered Rendered
	var err error
	switch {
	case c.RuleID != 0:
		rendered, err = replan(w.options.Pool, func() (Rendered, error) { return w.options.Renderer.Render(ctx, c.Request) })
	case c.manualID != 0:
		rendered, err = replan(w.options.Pool, func() (Rendered, error) { return w.renderManual(ctx, c.manualID, to) })
	default:
		err = refuse(NoContent, "request %d has neither message_rule_id nor manual_message_id", c.ID)
	}
	if err != nil {
		return Rendered{}, err
	}
	return rendered, checkParameters(rendered.Parameters)
}

func (w *worker) renderManual(ctx context.Context, id int64, to receiver) (Rendered, error) {
	var template string
	var parameters []*string
	var voided bool
	err := w.options.Pool.QueryRow(ctx, `select message_template_id, parameters, is_voided from public.manual_message where id = $1`, id).
		Scan(&template, &parameters, &voided)
	switch {
	case errors.Is(err, pgx.ErrNoRows) || err == nil && voided:
		return Rendered{}, refuse(Withdrawn, "the manual message %d is voided or gone", id)
	case err != nil:
		return Rendered{}, fmt.Errorf("load manual message %d: %w", id, err)
	}
	return Rendered{Parameters: substituteName(parameters, to.name), TemplateID: template}, nil
}
