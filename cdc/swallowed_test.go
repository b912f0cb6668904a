package cdc

import (
	"context"
	"testing"
	"time"
)

// swallowed are calls on a connection that a network has lost without a word. Whoever
// makes them has time, but not the quarter of an hour for which TCP tries.
var swallowed = map[string]func(*fixture, *proxy, *scan, *store) error{
	"unlock setup": func(f *fixture, network *proxy, _ *scan, st *store) error {
		pooled, err := st.pool.Acquire(f.ctx)
		if err != nil {
			return err
		}
		defer pooled.Release()
		unlock, err := lockSetup(f.ctx, pooled.Conn(), f.names)
		if err != nil {
			return err
		}
		network.swallow()
		unlock()
		return context.DeadlineExceeded
	},
	"next gap": func(f *fixture, network *proxy, _ *scan, st *store) error {
		network.swallow()
		_, _, err := nextGap(f.ctx, st, f.inspect().ServerVersion)
		return err
	},
	"settle": func(f *fixture, network *proxy, s *scan, _ *store) error {
		network.swallow()
		return s.settle(f.ctx)
	},
	"close": func(f *fixture, network *proxy, s *scan, _ *store) error {
		network.swallow()
		return s.close(f.ctx)
	},
	"record": func(f *fixture, network *proxy, s *scan, st *store) error {
		network.swallow()
		return s.record(f.ctx, st.slot)
	},
}

// A connection that is dead and does not know it keeps nobody waiting for long.
func TestSwallowedCallsEnd(t *testing.T) {
	for name, call := range swallowed {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.setup()
			network, pool := newProxy(f)
			if err := pool.Ping(f.ctx); err != nil {
				t.Fatal(err)
			}
			st := &store{pool: pool, slot: f.names.Slot, timeout: 100 * time.Millisecond}
			s := &scan{pool: pool, gap: gap{id: 1, ceiling: 1 << 40}, timeout: st.timeout, log: f.reader().log}
			done := make(chan error, 1)
			go func() { done <- call(f, network, s, st) }()
			select {
			case err := <-done:
				if err == nil {
					t.Error("it is said to have succeeded")
				}
			case <-time.After(patience):
				t.Error("it hangs")
			}
		})
	}
}

// A stream that begins is not taken for one that hangs, however long ago the last one was.
func TestStreamThatBeginsDoesNotHang(t *testing.T) {
	var m monitor
	m.turn(time.Now().Add(-time.Hour))
	m.begin(func(error) {})
	if still := m.still(time.Now()); still > time.Minute {
		t.Errorf("still for %s", still)
	}
}
