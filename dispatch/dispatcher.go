package dispatch

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
)

// Dispatcher delivers the queues of several organisations, each by a worker of its own.
type Dispatcher struct {
	options Options
	changed chan struct{}

	mu      sync.Mutex
	workers map[int32]*running
}

// running is a worker and how to stop it.
type running struct {
	*worker
	stop context.CancelFunc
}

// NewDispatcher prepares a dispatcher; Run starts it.
func NewDispatcher(options Options) *Dispatcher {
	return &Dispatcher{
		options: options.withDefaults(),
		changed: make(chan struct{}, 1),
		workers: make(map[int32]*running),
	}
}

// Run delivers until the context ends, then for at most Settings.StopGrace more, so
// that sends in hand end well. It returns nil: nothing else stops it.
func (d *Dispatcher) Run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	for {
		d.adjust(ctx, &group)
		select {
		case <-ctx.Done():
			return nil
		case <-d.changed:
		}
	}
}

// Wake makes the organisation's worker look at the queue at once. It never blocks.
func (d *Dispatcher) Wake(organisation int32) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w, ok := d.workers[organisation]; ok {
		w.wake()
	}
}

// Reload asks for the organisations again: new ones are started, gone ones stopped,
// and those with another Glific account begin anew, without a pause that the old
// account had brought. It never blocks.
func (d *Dispatcher) Reload() {
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// Status returns how each organisation does, ordered by id. What is due and what has
// failed is counted anew; if that takes too long, the last count stands.
func (d *Dispatcher) Status() []Status {
	d.mu.Lock()
	workers := slices.Collect(maps.Values(d.workers))
	d.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), countLimit)
	defer cancel()
	statuses := make([]Status, len(workers))
	for i, w := range workers {
		_ = w.count(ctx) // the worker itself tells of a database in trouble
		statuses[i] = w.status()
	}
	slices.SortFunc(statuses, func(a, b Status) int { return cmp.Compare(a.OrganisationID, b.OrganisationID) })
	return statuses
}

// adjust makes the workers those of the organisations as they are now.
func (d *Dispatcher) adjust(ctx context.Context, group *sync.WaitGroup) {
	wanted := make(map[int32]Organisation)
	for _, o := range d.options.Organisations() {
		wanted[o.ID] = o
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, old := range d.workers {
		if _, ok := wanted[id]; !ok {
			old.stop()
			delete(d.workers, id)
			group.Go(func() { <-old.done; d.forget(old.name) })
		}
	}
	for id, o := range wanted {
		old := d.workers[id]
		if old != nil && old.account == o.Glific && old.name == o.Name {
			old.update(o)
			old.wake()
			continue
		}
		d.workers[id] = d.start(ctx, group, o, old)
	}
}

// start runs a worker, after the one that it replaces has ended.
func (d *Dispatcher) start(ctx context.Context, group *sync.WaitGroup, o Organisation, old *running) *running {
	ctx, stop := context.WithCancel(ctx)
	w := &running{worker: newWorker(d.options, o), stop: stop}
	if old != nil {
		old.stop()
		w.log.Info("Glific's settings of the organisation have changed: deliveries begin anew", "account", o.Glific)
	}
	group.Go(func() {
		defer stop()
		if old != nil {
			<-old.done
			d.forget(old.name)
		}
		w.run(ctx)
	})
	return w
}

// forget takes a name's metrics away, unless an organisation has it (again).
func (d *Dispatcher) forget(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.workers {
		if w.name == name {
			return
		}
	}
	d.options.Metrics.end(name)
}
