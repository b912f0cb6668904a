package rules

import (
	"context"
	"errors"
	"fmt"
	"runtime/metrics"
	"sync"
	"time"
)

// errMemory is the fault of an evaluation during which the heap grew too much. The heap is
// the whole process's: the culprit is certain only if nothing else was running.
var errMemory = errors.New("the rule used too much memory")

// A timeoutError is the fault of an evaluation that ran for too long.
type timeoutError struct{ limit time.Duration }

func (e *timeoutError) Error() string { return fmt.Sprintf("the rule ran for more than %v", e.limit) }

const (
	firstLook = 20 * time.Millisecond // most rules are done long before
	nextLook  = 5 * time.Millisecond
)

// A watch interrupts a runtime when its evaluation takes too long or too much memory, or
// when the context ends.
type watch struct {
	runtime  *jsRuntime
	limit    time.Duration
	deadline time.Time
	maxHeap  uint64 // bytes

	mu      sync.Mutex
	stopped bool
	fired   bool // the runtime was interrupted
	timer   *time.Timer
	detach  func() bool // from the context
}

// watchOver starts watching. stop must be called when the evaluation is over.
func watchOver(ctx context.Context, runtime *jsRuntime, limit time.Duration, heapGrowth uint64) *watch {
	w := &watch{runtime: runtime, limit: limit, deadline: time.Now().Add(limit), maxHeap: heapBytes() + heapGrowth}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(min(firstLook, limit), w.look)
	w.detach = context.AfterFunc(ctx, func() { w.interrupt(context.Cause(ctx)) })
	return w
}

func (w *watch) look() {
	left := time.Until(w.deadline)
	switch {
	case left <= 0:
		w.interrupt(&timeoutError{limit: w.limit})
	case heapBytes() > w.maxHeap:
		w.interrupt(errMemory)
	default:
		w.mu.Lock()
		if !w.stopped {
			w.timer.Reset(min(nextLook, left))
		}
		w.mu.Unlock()
	}
}

func (w *watch) interrupt(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		w.fired = true
		w.runtime.js.Interrupt(cause)
		w.runtime.interrupted.Store(&cause)
	}
}

// stop ends the watch and says whether it interrupted the runtime. Nothing does so
// afterwards.
func (w *watch) stop() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	w.timer.Stop()
	w.detach()
	w.runtime.js.ClearInterrupt()
	w.runtime.interrupted.Store(nil)
	return w.fired
}

const heapMetric = "/memory/classes/heap/objects:bytes"

func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: heapMetric}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
