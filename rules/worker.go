package rules

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

// evaluator runs rules. *Engine is one. An error that is a *Failure is the rule's
// fault, any other a reason to try again. Safe for concurrent use.
type evaluator interface {
	Schedule(ctx context.Context, organisationID int32, script string, in Input) (Schedule, error)
	Parameters(ctx context.Context, organisationID int32, script string, in Input) ([]string, error)
}

// WorkerOptions are what a Worker needs. The first five are required.
type WorkerOptions struct {
	Pool      *pgxpool.Pool
	Catalogue *Catalogue
	Engine    evaluator
	Directory Directory
	Loader    *Loader

	Queued  func(organisationID int32) // called after requests were written; must not block; may be nil
	Log     *slog.Logger               // nil: no log
	Metrics *Metrics                   // nil: counted nowhere
	// Fresh brings Catalogue, Directory and Loader up to a version of what they keep, as
	// messenger.reference_version counts them; nil: they are always up to date.
	Fresh func(ctx context.Context, version int64) error
	// Elsewhere returns the organisations that another process serves in mode full at this
	// moment, so that this one does not end what that one goes on with; nil: none.
	Elsewhere func(ctx context.Context) ([]int32, error)
	// Failures tells of rules that fail; nil: one of this worker's own.
	Failures *Failures

	Slot       string // whose changes these are, so that what another slot's process serves is left alone
	StormLimit int    // new requests of one rule and source transaction that are made, the others are held; 0: any number
	// Rehearser tells what would have been sent when avni-server sends in shadow mode; nil: nobody asks.
	Rehearser Rehearser

	Parallel     int              // organisations that are served at the same time; 0: one for each core, at least 8
	PollInterval time.Duration    // how often the inbox is looked at unasked; 0: 5 s
	ClaimFor     time.Duration    // how long a claimed change is safe from other workers; 0: 10 s
	RepairWindow time.Duration    // how long ago a rule may have failed, or a message have been due, to be looked at again; 0: 4 days
	FollowAfter  time.Duration    // how long after a rule was changed its pending requests follow; 0: 2 s
	SettleFor    time.Duration    // how long avni-server may take before a difference counts, in shadow mode; 0: 10 s
	Now          func() time.Time // nil: time.Now
}

func (o *WorkerOptions) setDefaults() {
	if o.Queued == nil {
		o.Queued = func(int32) {}
	}
	if o.Fresh == nil {
		o.Fresh = func(context.Context, int64) error { return nil }
	}
	if o.Elsewhere == nil {
		o.Elsewhere = func(context.Context) ([]int32, error) { return nil, nil }
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = unregistered()
	}
	if o.Parallel <= 0 {
		o.Parallel = max(8, runtime.GOMAXPROCS(0))
	}
	if o.PollInterval <= 0 {
		o.PollInterval = 5 * time.Second
	}
	if o.ClaimFor <= 0 {
		o.ClaimFor = 10 * time.Second
	}
	if o.RepairWindow <= 0 {
		o.RepairWindow = 4 * 24 * time.Hour
	}
	if o.FollowAfter <= 0 {
		o.FollowAfter = defaultFollowAfter
	}
	if o.SettleFor <= 0 {
		o.SettleFor = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Failures == nil {
		o.Failures = NewFailures(FailuresOptions{Pool: o.Pool, Catalogue: o.Catalogue, Directory: o.Directory, Log: o.Log, Metrics: o.Metrics, Now: o.Now})
	}
}

// Worker takes changes out of the inbox, runs the rules of their organisations and
// writes what those say. Any number of workers, here or in other processes, may share
// an inbox: each change takes effect exactly once.
type Worker struct {
	options  WorkerOptions
	id       uuid.UUID
	wake     chan struct{}
	changed  *changedRules
	requests *changedRequests
	storms   storms

	deactivated bool // only the upkeep uses it
	held        atomic.Pointer[[]HeldRule]
}

// NewWorker returns a worker that Run starts.
func NewWorker(options WorkerOptions) *Worker {
	options.setDefaults()
	return &Worker{options: options, id: uuid.New(), wake: make(chan struct{}, 1), changed: newChangedRules(), requests: newChangedRequests()}
}

// Wake makes the worker look at the inbox now: changes have arrived, or the Directory
// treats an organisation differently. It never blocks.
func (w *Worker) Wake() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, then returns nil. A database that is away is waited for.
// Organisations take turns of one batch each, so that none waits behind another.
func (w *Worker) Run(ctx context.Context) error {
	t := &turns{worker: w, running: map[int32]bool{}, again: map[int32]bool{}, finished: make(chan turnEnd)}
	upkeep, parity := w.startUpkeep(ctx), w.startParity(ctx)
	poll := time.NewTimer(0)
	defer poll.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-w.wake:
			t.look(ctx)
		case <-poll.C:
			t.look(ctx)
			poll.Reset(w.options.PollInterval)
		case end := <-t.finished:
			t.end(end)
		}
		t.start(ctx)
	}
	for len(t.running) > 0 {
		t.end(<-t.finished)
	}
	<-upkeep
	<-parity
	return w.release(ctx)
}

// turns is whose turn it is. Only Run's goroutine uses it.
type turns struct {
	worker   *Worker
	waiting  []int32        // organisations with changes, first come first served
	running  map[int32]bool // organisations whose turn it is
	again    map[int32]bool // running ones that got more changes meanwhile
	finished chan turnEnd
	trouble  string // why the inbox could not be read, to be logged once
}

type turnEnd struct {
	organisationID int32
	more           bool // there may be more changes
}

// look finds the organisations that have changes to deal with.
func (t *turns) look(ctx context.Context) {
	found, err := t.worker.organisationsWithChanges(ctx)
	if err != nil {
		t.complain(ctx, err)
		return
	}
	t.trouble = ""
	for _, id := range found {
		if t.running[id] {
			t.again[id] = true
		} else {
			t.enqueue(id)
		}
	}
}

func (t *turns) complain(ctx context.Context, err error) {
	if ctx.Err() == nil && t.trouble != err.Error() {
		t.trouble = err.Error()
		t.worker.options.Log.Error("cannot read the inbox: changes wait there until the database answers", "component", "rules", "err", err)
	}
}

func (t *turns) enqueue(id int32) {
	for _, w := range t.waiting {
		if w == id {
			return
		}
	}
	t.waiting = append(t.waiting, id)
}

func (t *turns) start(ctx context.Context) {
	for ctx.Err() == nil && len(t.waiting) > 0 && len(t.running) < t.worker.options.Parallel {
		id := t.waiting[0]
		t.waiting = t.waiting[1:]
		t.running[id] = true
		go func() {
			t.finished <- turnEnd{id, t.worker.turn(ctx, id)}
		}()
	}
}

func (t *turns) end(e turnEnd) {
	delete(t.running, e.organisationID)
	if e.more || t.again[e.organisationID] {
		t.enqueue(e.organisationID)
	}
	delete(t.again, e.organisationID)
}

// release gives back what is claimed still, so that others need not wait for it.
func (w *Worker) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if _, err := w.options.Pool.Exec(ctx, releaseSQL, w.id); err != nil {
		w.options.Log.Warn("claims not released: they lapse by themselves", "component", "rules", "err", fmt.Errorf("release claims: %w", err))
	}
	return nil
}
