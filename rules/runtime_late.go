package rules

import "context"

// A lateReader reads what the rule of one evaluation touches, on the watch's time.
type lateReader struct {
	habit   *habit
	touches *touchLog
	runtime *jsRuntime
	wait    func(query func(context.Context) error) error
}

func newLateReader(ctx context.Context, w *watch, in Input) *lateReader {
	return &lateReader{habit: in.habit, touches: in.touches, runtime: w.runtime, wait: func(query func(context.Context) error) error {
		w.pause()
		defer w.resume()
		return query(ctx)
	}}
}

func (r *lateReader) touched(p part) {
	r.habit.touch(p)
	r.touches.touch(p, r.runtime)
}

func (r *lateReader) read(query func(context.Context) error) error {
	return r.wait(func(ctx context.Context) error {
		defer r.touches.waiting()()
		return query(ctx)
	})
}
