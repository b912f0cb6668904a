package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// thrift keeps the process small while little is done, and quick while much is: how much
// garbage may pile up before it is collected depends on how fast it is made. Go by itself lets
// the heap grow to twice of what is needed, and keeps it.
type thrift struct {
	allocated func() uint64 // bytes, since the process began
	percent   func(int)     // debug.SetGCPercent
	release   func()        // debug.FreeOSMemory

	before   uint64
	released uint64 // allocated when memory was released last
	calm     int    // looks since much was done last
	busy     int    // looks since it was not
}

const (
	thriftLook    = time.Second
	thriftCalm    = 10       // looks until the process is calm
	thriftBusy    = 3        // looks until it is busy
	thriftRest    = 30       // looks between releases of memory while it is calm
	thriftWorth   = 4 << 20  // bytes allocated since the last one
	thriftMuch    = 16 << 20 // bytes allocated between two looks: about 100 changes
	percentOfCalm = 30       // collecting that often takes up to 5 % of a core
	percentOfBusy = 100      // Go's own
)

// newThrift makes that of a process that is calm.
func newThrift() *thrift {
	return &thrift{
		allocated: func() uint64 {
			sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
			metrics.Read(sample)
			return sample[0].Value.Uint64()
		},
		percent: func(percent int) { debug.SetGCPercent(percent) },
		release: debug.FreeOSMemory,
	}
}

// Run looks until ctx ends. It leaves alone what an operator has set with GOGC.
func (t *thrift) Run(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		<-ctx.Done()
		return nil
	}
	t.percent(percentOfCalm)
	ticker := time.NewTicker(thriftLook)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			t.look()
		}
	}
}

func (t *thrift) look() {
	now := t.allocated()
	much := now-t.before > thriftMuch
	t.before = now
	if !much {
		t.busy = 0
		if t.calm++; t.calm == thriftCalm {
			t.percent(percentOfCalm)
		}
		if t.calm%thriftRest == thriftCalm && now-t.released > thriftWorth {
			t.release()
			t.released = now
		}
		return
	}
	t.calm = 0
	if t.busy++; t.busy == thriftBusy {
		t.percent(percentOfBusy)
	}
}
