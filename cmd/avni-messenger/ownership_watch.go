package main

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// watcher notices that somebody else writes or sends the requests of an organisation that
// is ours, and holds the organisation: at once by what the stream names, and, should the
// stream have lost something, by looking through the queue at the start, when a stream
// begins and with each poll. What it has seen twice it counts once.
type watcher struct {
	pool      *pgxpool.Pool
	judge     judge
	directory *directory
	reload    func(context.Context) error // takes over what directory has to know
	judged    func(organisation int32)    // called once changed rows of its queue were looked at
	log       *slog.Logger
	writes    *prometheus.CounterVec
	every     time.Duration // between two sweeps

	wake chan struct{}

	mu      sync.Mutex
	changed map[int64]int32 // rows of message_request_queue that nobody has looked at yet, and whose they are
	all     bool            // something may have been missed

	// Only Run's goroutine uses these.
	sweeper sweeper
	settles int    // how often in a row it was looked whether an organisation can begin
	trouble string // as last logged
	pruned  time.Time
}

// mostChanged is how many rows wait to be looked at; more are looked for in the queue.
const mostChanged = 10_000

func newWatcher(a *app, registry prometheus.Registerer) *watcher {
	w := &watcher{
		pool: a.pool, judge: judge{a.cfg.Slot}, directory: a.directory, reload: a.reloadOrganisations, judged: a.dispatcher.Wake,
		log: a.log.With("component", "ownership"), every: a.cfg.PollInterval,
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "messenger_organisation_foreign_writes_total",
			Help: "Requests of organisations that are ours that somebody else inserted (foreign_request) or marked Sent (foreign_sent), as noticed by this process.",
		}, []string{"organisation", "kind"}),
		wake: make(chan struct{}, 1), changed: map[int64]int32{}, all: true, sweeper: sweeper{base: sweepLimit},
	}
	registry.MustRegister(w.writes)
	return w
}

// Look has a changed row of message_request_queue looked at, before whoever may send it
// is woken. It never blocks.
func (w *watcher) Look(organisation int32, id int64) {
	w.mu.Lock()
	full := len(w.changed) >= mostChanged
	if full {
		w.all = true
	} else {
		w.changed[id] = organisation
	}
	w.mu.Unlock()
	if full {
		w.judged(organisation)
	}
	w.nudge()
}

// LookBack has the queue looked through, because changes may have been missed. It never blocks.
func (w *watcher) LookBack() {
	w.missed()
	w.nudge()
}

func (w *watcher) nudge() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// take returns what is to be looked at.
func (w *watcher) take() (changed map[int64]int32, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	changed, w.changed = w.changed, map[int64]int32{}
	all, w.all = w.all, false
	return changed, all
}

// settlePause is how soon it is looked again whether an organisation can begin: later and
// later, up to longSettlePause, which is well below senderRest. troublePause is for how long
// to leave a database in trouble alone.
const (
	settlePause     = 100 * time.Millisecond
	longSettlePause = time.Second
	troublePause    = time.Second
)

// Run watches until ctx ends, then returns nil.
func (w *watcher) Run(ctx context.Context) error {
	poll := time.NewTicker(w.every)
	defer poll.Stop()
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		sweep := false
		select {
		case <-ctx.Done():
			return nil
		case <-poll.C:
			sweep = true
		case <-w.wake:
		case <-again.C:
		}
		if next := w.turn(ctx, sweep); next > 0 {
			again.Reset(next)
		}
	}
}

// begin shows the metric of the organisations that are served before anything happens.
func (w *watcher) begin() {
	for _, organisation := range w.directory.Served() {
		for _, kind := range []string{"foreign_request", "foreign_sent"} {
			w.writes.WithLabelValues(organisation.Label, kind)
		}
	}
}

// turn looks at what there is to look at, and returns when to come back unasked; 0: need not be.
func (w *watcher) turn(ctx context.Context, sweep bool) time.Duration {
	w.begin()
	changed, all := w.take()
	err := w.look(ctx, slices.Collect(maps.Keys(changed)), sweep, all)
	for _, organisation := range changed {
		w.judged(organisation)
	}
	if err == nil && sweep {
		err = w.prune(ctx)
	}
	if err == nil && w.directory.settling() {
		if err = w.reload(ctx); err == nil {
			return w.settle()
		}
	}
	w.settles = 0
	w.tell(ctx, err)
	if err == nil {
		return 0
	}
	w.missed()
	return max(troublePause, w.sweeper.resting())
}

// settle says when it is to be looked again whether an organisation can begin.
func (w *watcher) settle() time.Duration {
	if !w.directory.settling() {
		w.settles = 0
		w.LookBack() // from the line that was drawn
		return settlePause
	}
	w.settles++
	return min(settlePause<<min(w.settles, 8), longSettlePause)
}

// tell logs trouble, once.
func (w *watcher) tell(ctx context.Context, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != w.trouble && ctx.Err() == nil {
		w.log.Warn("it is not known at the moment whether somebody else writes or sends messages too", "err", text)
	}
	w.trouble = text
}

// look looks at rows, and through the queue. Rows that were changed are not kept waiting for
// long by a sweep that does not get through.
func (w *watcher) look(ctx context.Context, ids []int64, sweep, all bool) error {
	if len(ids) > 0 {
		if err := w.lookAt(ctx, ids); err != nil {
			return err
		}
	}
	if !sweep && !all {
		return nil
	}
	if w.sweeper.resting() > 0 {
		if all {
			w.missed()
		}
		return nil
	}
	found, err := w.sweep(ctx, all)
	return errors.Join(err, w.noticed(ctx, found))
}

func (w *watcher) lookAt(ctx context.Context, ids []int64) error {
	ctx, cancel := context.WithTimeout(ctx, sweepLimit)
	defer cancel()
	found, err := w.judge.hold(ctx, w.pool, foreignAmongSQL, ids)
	if err != nil {
		return err
	}
	return w.noticed(ctx, found)
}

// missed has the next sweep look at everything.
func (w *watcher) missed() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = true
}

// shownForeign is how many requests a line of the log names.
const shownForeign = 10

// noticed tells of what somebody else wrote, and has their organisations held.
func (w *watcher) noticed(ctx context.Context, found []foreignWrite) error {
	if len(found) == 0 {
		return nil
	}
	twice, unheld := map[int32][]int64{}, false
	for _, f := range found {
		unheld = unheld || f.Fresh || w.directory.unheld(f.OrganisationID)
		w.writes.WithLabelValues(w.directory.label(f.OrganisationID), string(f.Kind)).Inc()
		if f.MaybeTwice {
			twice[f.OrganisationID] = append(twice[f.OrganisationID], f.RequestID)
		}
	}
	for organisation, requests := range twice {
		w.log.Warn("messages may have been sent twice: by us and by somebody else", "organisation", w.directory.label(organisation),
			"requests", len(requests), "request", requests[:min(len(requests), shownForeign)],
			"fix", "Look at the conversations of these contacts in Glific; avni-messenger release lists all of them.")
	}
	if !unheld {
		return nil
	}
	return w.reload(ctx)
}
