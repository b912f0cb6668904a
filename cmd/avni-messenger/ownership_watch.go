package main

import (
	"context"
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
	seen    *queueMark // the last mark; nil before the first
	trouble string     // as last logged
}

// mostChanged is how many rows wait to be looked at; of more a sweep finds what it can.
const mostChanged = 10_000

func newWatcher(a *app, registry prometheus.Registerer) *watcher {
	w := &watcher{
		pool: a.pool, judge: judge{a.cfg.Slot}, directory: a.directory, reload: a.reloadOrganisations, judged: a.dispatcher.Wake,
		log: a.log.With("component", "ownership"), every: a.cfg.PollInterval,
		writes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "messenger_organisation_foreign_writes_total",
			Help: "Requests of organisations that are ours that somebody else inserted (foreign_request) or marked Sent (foreign_sent), as noticed by this process.",
		}, []string{"organisation", "kind"}),
		wake: make(chan struct{}, 1), changed: map[int64]int32{}, all: true,
	}
	registry.MustRegister(w.writes)
	return w
}

// Look has a changed row of message_request_queue looked at, before whoever may send it
// is woken. It never blocks.
func (w *watcher) Look(organisation int32, id int64) {
	w.mu.Lock()
	full := len(w.changed) >= mostChanged
	if !full {
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
	w.mu.Lock()
	w.all = true
	w.mu.Unlock()
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

// settlePause is how soon it is looked again whether an organisation can begin, and
// troublePause for how long to leave a database in trouble alone.
const (
	settlePause  = 100 * time.Millisecond
	troublePause = time.Second
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

// turn looks at what there is to look at, and returns when to come back unasked; 0: need not be.
func (w *watcher) turn(ctx context.Context, sweep bool) time.Duration {
	changed, all := w.take()
	err := w.look(ctx, slices.Collect(maps.Keys(changed)), sweep, all)
	for _, organisation := range changed {
		w.judged(organisation)
	}
	if err == nil && w.directory.settling() {
		if err = w.reload(ctx); err == nil {
			if !w.directory.settling() {
				w.LookBack() // from the line that was drawn
			}
			return settlePause
		}
	}
	w.tell(ctx, err)
	if err == nil {
		return 0
	}
	w.LookBack()
	return troublePause
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

func (w *watcher) look(ctx context.Context, ids []int64, sweep, all bool) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var found []foreignWrite
	if len(ids) > 0 {
		more, err := w.judge.hold(ctx, w.pool, foreignAmongSQL, ids)
		if err != nil {
			return err
		}
		found = more
	}
	if sweep || all {
		more, err := w.sweep(ctx, all)
		if err != nil {
			return err
		}
		found = append(found, more...)
	}
	return w.noticed(ctx, found)
}

// markAge is how old a mark must be to be relied on: whoever has drawn the number of a row
// has a transaction number within moments.
const markAge = time.Minute

// sweep looks through the requests that were inserted since the last sweep, or by
// transactions that were open then, and those that were marked Sent since. Without an index that
// would read the whole table, so that it is done only if something may have been missed.
func (w *watcher) sweep(ctx context.Context, all bool) (found []foreignWrite, err error) {
	var now queueMark
	var oldest, after int64
	if err := w.pool.QueryRow(ctx, horizonSQL).Scan(&now.id, &now.xmax, &oldest); err != nil {
		return nil, err
	}
	var organisations int
	var since, begun time.Time
	var indexed bool
	err = w.pool.QueryRow(ctx, unjudgedSQL, w.judge.slot, "public."+deliveredIndex).Scan(&organisations, &after, &since, &begun, &indexed)
	if err != nil || organisations == 0 {
		return nil, err
	}
	if found, err = w.judge.hold(ctx, w.pool, foreignAfterSQL, after); err != nil {
		return nil, err
	}
	if all || indexed {
		more, err := w.judge.hold(ctx, w.pool, foreignSentSQL, since)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
		if _, err := w.pool.Exec(ctx, sweptSQL, w.judge.slot, begun); err != nil {
			return nil, err
		}
	}
	now.at = begun
	return found, w.advance(ctx, now, oldest)
}

// advance forgets the requests up to the last mark, once everybody has ended who was
// busy then, and makes a new mark.
func (w *watcher) advance(ctx context.Context, now queueMark, oldest int64) error {
	if w.seen == nil {
		w.seen = &now
		return nil
	}
	if now.at.Sub(w.seen.at) < markAge || oldest < w.seen.xmax {
		return nil
	}
	if _, err := w.pool.Exec(ctx, judgedSQL, w.judge.slot, w.seen.id); err != nil {
		return err
	}
	w.seen = &now
	return nil
}

// shownForeign is how many requests a line of the log names.
const shownForeign = 10

// noticed tells of what somebody else wrote, and has their organisations held.
func (w *watcher) noticed(ctx context.Context, found []foreignWrite) error {
	if len(found) == 0 {
		return nil
	}
	twice := map[int32][]int64{}
	for _, f := range found {
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
	return w.reload(ctx)
}
