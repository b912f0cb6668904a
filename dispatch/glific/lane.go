package glific

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	// documentsAtOnce is how many documents of a lane are under way at most. Glific
	// stores the messages of an organisation one after another: more gain nothing.
	documentsAtOnce = 2

	// A call with less time left than this shares no document with calls that have
	// more: a document ends with the first of its calls, and leaves the others in doubt.
	hurry = 10 * time.Second

	// singlyFor is how long documents of a kind hold one call each after Glific has
	// refused one with several.
	singlyFor = 10 * time.Minute
)

// call is one root field that somebody waits for.
type call struct {
	ctx       context.Context
	document  *document
	variables map[string]any
	done      chan result // takes one
	flight    *flight     // that it is in, or was; the lane's
}

// result is the answer to a call.
type result struct {
	reply reply
	err   error
}

// flight is a document under way.
type flight struct {
	*document
	ctx     context.Context // ends with the first deadline of the calls
	cancel  context.CancelFunc
	calls   []*call
	awaited int // calls whose caller still waits; the lane's
}

// lane brings calls to Glific: each at once while fewer than documentsAtOnce are under
// way, else together with those that wait as well, oldest first.
type lane struct {
	client *Client

	mu        sync.Mutex
	waiting   []*call
	preparing context.CancelFunc // the next document is waiting for a token or our rate limit; else nil
	flying    int
	singly    map[*document]time.Time // until when
}

// await hands calls to the lane and waits for the answers.
func (l *lane) await(calls []*call) []result {
	l.mu.Lock()
	l.waiting = append(l.waiting, calls...)
	l.start()
	l.mu.Unlock()
	results := make([]result, len(calls))
	for i, k := range calls {
		select {
		case results[i] = <-k.done:
		case <-k.ctx.Done():
			results[i] = l.leave(k)
		}
	}
	return results
}

// leave is the answer to a call whose caller gives up. One that was not under way yet
// never will be. The last caller of a document takes it with it, which then tells
// whether Glific may have read it; so does one whose time is over, as the document's
// time is as well.
func (l *lane) leave(k *call) result {
	late := errors.Is(k.ctx.Err(), context.DeadlineExceeded)
	l.mu.Lock()
	f, goesOn := k.flight, false
	switch {
	case f == nil:
		l.waiting = slices.DeleteFunc(l.waiting, func(other *call) bool { return other == k })
		if len(l.waiting) == 0 && l.preparing != nil {
			l.preparing()
		}
	case !late:
		f.awaited--
		if goesOn = f.awaited > 0; !goesOn {
			f.cancel()
		}
	}
	l.mu.Unlock()
	if f == nil || goesOn {
		select {
		case r := <-k.done: // a moment ago
			return r
		default:
		}
	}
	switch {
	case f == nil:
		return result{err: l.client.fail(k.document.operation, Cancelled, "stopped while waiting for its turn", k.ctx.Err())}
	case goesOn:
		return result{err: l.client.fail(k.document.operation, Timeout, "timeout: stopped while waiting for the answer", k.ctx.Err())}
	}
	return <-k.done
}

// start prepares a document if calls wait for one and it may leave. It needs the lock.
func (l *lane) start() {
	if len(l.waiting) == 0 || l.preparing != nil || l.flying >= documentsAtOnce {
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	l.preparing = stop
	go l.run(ctx)
}

// run brings one document on its way. What it holds is decided when it leaves, so that
// calls that came while it had to wait are in it.
func (l *lane) run(ctx context.Context) {
	token, err := l.client.ready(ctx)
	runtime.Gosched() // callers whose answers came together come together again
	l.mu.Lock()
	stopped := ctx.Err() != nil // all callers have given up; there may be new ones
	l.preparing()
	l.preparing = nil
	var f *flight
	var failed []*call
	switch {
	case err == nil:
		if f = l.take(); f != nil {
			l.flying++
		}
	case !stopped:
		failed, l.waiting = l.waiting, nil
	}
	l.start()
	l.mu.Unlock()
	for _, k := range failed {
		k.done <- result{err: about(k, err)}
	}
	if f == nil {
		return
	}
	again := l.client.fly(f, token)
	f.cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flying--
	l.requeue(f, again)
	l.start()
}

// take makes a document of the oldest call and those that can go with it; nil if no
// caller waits any more. It needs the lock.
func (l *lane) take() *flight {
	now := time.Now()
	l.waiting = slices.DeleteFunc(l.waiting, func(k *call) bool { return k.ctx.Err() != nil })
	if len(l.waiting) == 0 {
		return nil
	}
	first := l.waiting[0]
	f := &flight{document: first.document}
	most := first.document.most
	if l.client.now().Before(l.singly[first.document]) {
		most = 1
	}
	l.waiting = slices.DeleteFunc(l.waiting, func(k *call) bool {
		fits := k.document == first.document && k.hurried(now) == first.hurried(now) && len(f.calls) < most
		if fits {
			k.flight = f
			f.calls = append(f.calls, k)
		}
		return fits
	})
	f.awaited = len(f.calls)
	f.ctx, f.cancel = withFirstDeadline(f.calls)
	return f
}

// hurried is true of a call that has little time left.
func (k *call) hurried(now time.Time) bool {
	deadline, ok := k.ctx.Deadline()
	return ok && deadline.Sub(now) < hurry
}

// withFirstDeadline is the context of a document: nothing leaves later than any of its
// calls allows.
func withFirstDeadline(calls []*call) (context.Context, context.CancelFunc) {
	var first time.Time
	for _, k := range calls {
		if deadline, ok := k.ctx.Deadline(); ok && (first.IsZero() || deadline.Before(first)) {
			first = deadline
		}
	}
	if first.IsZero() {
		return context.WithCancel(context.Background())
	}
	return context.WithDeadline(context.Background(), first)
}

// requeue has the calls of a refused document asked again, before all others. It needs
// the lock.
func (l *lane) requeue(f *flight, again []*call) {
	var back []*call
	for _, k := range again {
		if err := k.ctx.Err(); err != nil { // it may be waiting for this answer
			k.done <- result{err: l.client.fail(f.operation, Cancelled, "stopped before it was asked alone", err)}
			continue
		}
		k.flight = nil
		back = append(back, k)
	}
	l.waiting = append(back, l.waiting...)
}

// askSingly says whether documents of a kind are to hold no more than one call for a
// while: after Glific has refused one with several, until a call is refused by itself,
// which then was to blame.
func (l *lane) askSingly(d *document, singly bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.singly, d)
	if singly {
		l.singly[d] = l.client.now().Add(singlyFor)
	}
}
