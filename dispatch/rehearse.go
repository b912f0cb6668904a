package dispatch

import (
	"context"
	"errors"
)

// Rehearsal is what would be sent now, as far as can be told without Glific.
type Rehearsal struct {
	Rendered          // as far as it got, also with a Refusal
	Refusal  *Refusal // why nothing would be sent; nil: it would be
}

// Rehearse finds out what a request of a rule says now, to a subject or a user, by the
// checks that come before every delivery. It writes nothing and asks Glific nothing. The
// error passes. Safe for concurrent use.
func (d *Dispatcher) Rehearse(ctx context.Context, of Organisation, request Request, receiverType string, receiverID int64) (Rehearsal, error) {
	stage := &worker{options: d.options, name: of.Name, account: of.Glific, of: of} // no settings: nothing holds it back
	m, err := stage.compose(ctx, &claim{Request: request, receiver: receiverRef{kind: receiverType, id: receiverID}})
	r := Rehearsal{Rendered: Rendered{Parameters: m.parameters}}
	if m.templateID != 0 {
		r.TemplateID = m.templateText()
	}
	if errors.As(err, &r.Refusal) {
		err = nil
	}
	return r, err
}
