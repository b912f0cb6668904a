package rules

import (
	"container/list"
	"context"
	"runtime"
	"sync"
)

// A runtimePool keeps one runtime for each organisation, the most recently used ones.
// What a rule does to the globals of its runtime, no other organisation can see.
type runtimePool struct {
	max            int // seats
	maxEvaluations int // of one runtime
	make           func() (*jsRuntime, error)
	metrics        *EngineMetrics

	growing sync.Mutex // held by who makes one of the first runtimes

	mu    sync.Mutex
	spare *jsRuntime // for the first organisation; nil once that has it
	made  int        // runtimes so far, at most max+1
	seats map[int32]*list.Element
	order *list.List // of *seat, most recently used first
}

// A seat holds the runtime of one organisation. Whoever has taken the token of `turn` may
// use it.
type seat struct {
	organisationID int32
	turn           chan struct{}
	runtime        *jsRuntime // nil: not made yet, or discarded
}

func newRuntimePool(max, maxEvaluations int, make func() (*jsRuntime, error), metrics *EngineMetrics) *runtimePool {
	return &runtimePool{
		max: max, maxEvaluations: maxEvaluations, make: make, metrics: metrics,
		seats: map[int32]*list.Element{}, order: list.New(),
	}
}

// warm makes the first runtime before anybody needs it.
func (p *runtimePool) warm() (err error) {
	p.spare, err = p.tidily()
	return err
}

// take waits for the organisation's turn and returns its seat with a runtime in it.
func (p *runtimePool) take(ctx context.Context, organisationID int32) (*seat, error) {
	s := p.seat(organisationID)
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.runtime == nil {
		made, err := p.runtime()
		if err != nil {
			<-s.turn
			return nil, err
		}
		s.runtime = made
		p.metrics.made()
	}
	return s, nil
}

func (p *runtimePool) runtime() (*jsRuntime, error) {
	p.mu.Lock()
	spare := p.spare
	p.spare = nil
	p.mu.Unlock()
	if spare != nil {
		return spare, nil
	}
	return p.tidily()
}

// tidily makes a runtime. Three quarters of what that takes is garbage. As long as the pool grows
// little comes after that would fill the holes between what stays, which would take half as much
// again, so that it makes one after the other and clears up behind each.
func (p *runtimePool) tidily() (*jsRuntime, error) {
	if !p.grows() {
		return p.make()
	}
	p.growing.Lock()
	defer p.growing.Unlock()
	defer runtime.GC()
	return p.make()
}

func (p *runtimePool) grows() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.made = min(p.made, p.max) + 1
	return p.made <= p.max
}

// give ends the turn. A runtime with a fault or with enough evaluations behind it is
// thrown away.
func (p *runtimePool) give(s *seat, fault bool) {
	switch {
	case fault:
		s.runtime = nil
		p.metrics.discarded(discardedFault)
	case s.runtime.evaluations >= p.maxEvaluations:
		s.runtime = nil
		p.metrics.discarded(discardedWorn)
	}
	<-s.turn
}

// seat finds or makes the organisation's seat and drops the one unused for longest if
// there are too many. Whoever still sits on that one may finish.
func (p *runtimePool) seat(organisationID int32) *seat {
	p.mu.Lock()
	defer p.mu.Unlock()
	if element, ok := p.seats[organisationID]; ok {
		p.order.MoveToFront(element)
		return element.Value.(*seat)
	}
	s := &seat{organisationID: organisationID, turn: make(chan struct{}, 1)}
	p.seats[organisationID] = p.order.PushFront(s)
	if p.order.Len() > p.max {
		oldest := p.order.Remove(p.order.Back()).(*seat)
		delete(p.seats, oldest.organisationID)
		p.metrics.discarded(discardedIdle)
	}
	return s
}
