package dispatch

import (
	"context"

	"avni-messenger/dispatch/glific"
)

// blame reads an error and finds out whose trouble it is that a connection was cut. It is
// the organisation's if Glific does not answer another question either. Else it is that of
// what was asked about, and is told as an error that Glific has answered with: one request
// that is always cut must not stop the others.
func (w *worker) blame(ctx context.Context, err error) (failure, bool) {
	f, ok := glificFailure(err)
	if f.cut && w.answers(ctx) {
		f.outcome, f.reason = glific.Uncertain, GlificError
	}
	return f, ok
}

// answers tells whether Glific answers what has to do with no request. Those who want to
// know at the same time share one question.
func (w *worker) answers(ctx context.Context) bool {
	_, err, _ := w.asking.Do("", func() (any, error) { return w.client.CurrentUser(ctx) })
	if err == nil {
		w.answered(false)
	}
	return err == nil
}
