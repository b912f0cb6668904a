package rules

import "context"

// A lateReader reads what the rule of one evaluation touches, on the watch's time.
type lateReader struct {
	habit *habit
	wait  func(query func(context.Context) error) error
}

func newLateReader(ctx context.Context, w *watch, h *habit) *lateReader {
	return &lateReader{habit: h, wait: func(query func(context.Context) error) error {
		w.pause()
		defer w.resume()
		return query(ctx)
	}}
}

func (r *lateReader) touched(p part) { r.habit.touch(p) }

func (r *lateReader) read(query func(context.Context) error) error { return r.wait(query) }
