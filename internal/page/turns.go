package page

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"
)

// patience bounds one request as a whole, the wait for its turn with it. The server writes
// for 30 s at most.
const patience = 20 * time.Second

// turns lets few requests work at a time, so that a search that takes long takes nothing
// from the messages.
type turns struct {
	room    chan struct{}
	waiting atomic.Int32
	most    int32 // who may wait
}

func newTurns(atOnce int, waiting int32) *turns {
	return &turns{room: make(chan struct{}, atOnce), most: waiting}
}

// take waits for a turn; false: too many wait, or it took too long. Who gets one gives it back.
func (t *turns) take(ctx context.Context) bool {
	select {
	case t.room <- struct{}{}:
		return true
	default:
	}
	defer t.waiting.Add(-1)
	if t.waiting.Add(1) > t.most {
		return false
	}
	select {
	case t.room <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (t *turns) giveBack() { <-t.room }

// inTurn does something when its turn comes.
func (h *Handler) inTurn(t *turns, do http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !t.take(r.Context()) {
			w.Header().Set("Retry-After", "5")
			h.refuse(w, http.StatusServiceUnavailable, "Busy: too many ask at once. Try again in some seconds.")
			return
		}
		defer t.giveBack()
		do(w, r)
	}
}
