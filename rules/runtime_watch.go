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
	runtime *jsRuntime
	limit   time.Duration

	mu       sync.Mutex
	deadline time.Time
	maxHeap  uint64 // bytes
	stopped  bool
	paused   bool
	left     time.Duration // of the time while paused
	room     int64         // of the memory while paused
	fired    bool          // the runtime was interrupted
	timer    *time.Timer
	detach   func() bool // from the context
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
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopped || w.paused {
		return
	}
	switch left := time.Until(w.deadline); {
	case left <= 0:
		w.fire(&timeoutError{limit: w.limit})
	case heapBytes() > w.maxHeap:
		w.fire(errMemory)
	default:
		w.timer.Reset(min(nextLook, left))
	}
}

// pause lets the evaluation wait for something that is not the rule's doing: neither the
// time nor the memory that it takes until resume counts. The end of the context does.
func (w *watch) pause() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = true
	w.timer.Stop()
	w.left, w.room = time.Until(w.deadline), int64(w.maxHeap)-int64(heapBytes())
}

func (w *watch) resume() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paused = false
	w.deadline = time.Now().Add(w.left)
	w.maxHeap = uint64(max(0, int64(heapBytes())+w.room))
	w.timer.Reset(min(nextLook, w.left))
}

func (w *watch) interrupt(cause error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.stopped {
		w.fire(cause)
	}
}

// fire needs the lock.
func (w *watch) fire(cause error) {
	w.fired = true
	w.runtime.js.Interrupt(cause)
	w.runtime.interrupted.Store(&cause)
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
