package dispatch

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/singleflight"
	"golang.org/x/time/rate"

	"avni-messenger/dispatch/glific"
)

// worker delivers the queue of one organisation, by one Glific account.
type worker struct {
	options  Options
	settings Settings
	name     string
	account  glific.Account
	client   sender
	queue    *queue
	metrics  *Metrics
	log      *slog.Logger

	limiter     *rate.Limiter
	brake       brake
	contacts    contactBook
	templates   templateBook
	asking      singleflight.Group // whether Glific answers at all
	markersFail atomic.Bool        // Glific does not keep send times
	inHand      errgroup.Group     // deliveries under way; its functions return no errors
	sending     atomic.Int32       // how many of them
	upkeep      errgroup.Group     // the one look at refused templates that may be under way
	woken       chan struct{}
	done        chan struct{}

	chores                time.Time // when the chores are due again; run's own
	expiry                time.Time // when that of ending late requests is; run's own
	pruning               time.Time // when that of forgetting what is old is; run's own
	retried               bool      // held requests were looked at again; run's own
	overOpen, overRefused walk      // run's own

	mu         sync.Mutex
	of         Organisation
	seen       Status
	troubledAt time.Time
}

func newWorker(options Options, of Organisation) *worker {
	settings := options.Settings
	limit := rate.Inf
	if settings.MessagesPerSecond > 0 {
		limit = rate.Limit(settings.MessagesPerSecond)
	}
	w := &worker{
		options: options, settings: settings, name: of.Name, account: of.Glific, client: options.client(of),
		queue: newQueue(options.Pool, of.ID, settings), metrics: options.Metrics,
		log:     options.Log.With("component", "dispatch", "organisation", of.Name),
		limiter: rate.NewLimiter(limit, settings.burst()),
		brake:   brake{short: settings.ShortPause, long: settings.LongPause},
		woken:   make(chan struct{}, 1), done: make(chan struct{}),
		overOpen: overOpen, overRefused: overRefused,
		of: of,
	}
	w.templates = templateBook{ask: w.askTemplate, ttl: settings.TemplateTTL, now: w.now, changed: w.templateChanged}
	w.inHand.SetLimit(settings.InFlight)
	w.upkeep.SetLimit(1)
	return w
}

func (w *worker) now() time.Time { return w.options.Now() }

// organisation is what is known of it at the moment.
func (w *worker) organisation() Organisation {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.of
}

// update takes over what may change without a new Glific account.
func (w *worker) update(of Organisation) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of = of
}

// wake makes the worker look at the queue; it never blocks.
func (w *worker) wake() {
	select {
	case w.woken <- struct{}{}:
	default:
	}
}

// run delivers until the context ends, then lets sends in hand end well, for a
// bounded time.
func (w *worker) run(ctx context.Context) {
	defer close(w.done)
	calls, cancel := outlive(ctx, w.settings.StopGrace)
	defer cancel()
	defer func() { _ = w.upkeep.Wait() }()
	defer func() { _ = w.inHand.Wait() }()
	w.metrics.begin(w.name)
	var following sync.WaitGroup
	defer following.Wait()
	following.Go(func() { newFollower(w).follow(ctx) })
	for ctx.Err() == nil {
		w.sleep(ctx, w.turn(ctx, calls))
	}
}

// outlive is a context that ends some time after its parent.
func outlive(parent context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(parent))
	stop := context.AfterFunc(parent, func() { time.AfterFunc(by, cancel) })
	return ctx, func() { stop(); cancel() }
}

func (w *worker) sleep(ctx context.Context, length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-w.woken:
	}
}

// turn claims what is due, has it delivered and returns how long to sleep. Deliveries
// may still be under way then: they wake the worker if they leave something to do.
// During a pause it is only found out which of the new requests cannot be sent anyway.
func (w *worker) turn(ctx, calls context.Context) time.Duration {
	switch held, err := w.queue.held(ctx); {
	case err != nil:
		w.troubled(err)
		return min(time.Second, w.settings.PollInterval)
	case held:
		return w.settings.PollInterval
	}
	if w.doChores(ctx) && !w.settings.DryRun && !w.paused() {
		w.upkeep.TryGo(func() error {
			if err := w.reviveByTemplate(calls); err != nil && calls.Err() == nil {
				w.troubled(err)
			}
			return nil
		})
	}
	now := w.now()
	until, quiet := w.settings.QuietHours.End(now)
	if quiet {
		return min(until.Sub(now), w.settings.PollInterval)
	}
	wait, claim := w.settings.PollInterval, w.queue.claim
	if p, paused := w.brake.holds(now); paused {
		wait, claim = min(wait, p.until.Sub(now)), w.queue.claimUnjudged
	}
	claims, err := claim(ctx, now)
	for _, c := range claims {
		w.inHand.Go(func() error { // waits while as many as may are under way
			w.deliver(calls, ctx.Done(), c)
			return nil
		})
	}
	switch {
	case err != nil:
		w.troubled(err)
		return min(time.Second, w.settings.PollInterval)
	case len(claims) == w.settings.ClaimSize:
		return 0
	}
	wait = w.queue.rest(wait)
	next, err := w.queue.nextDue(ctx, now) // what has become due since then was not looked at
	if err != nil {
		w.troubled(err)
		return min(time.Second, w.settings.PollInterval)
	}
	w.calm()
	if next.IsZero() {
		return wait
	}
	return min(next.Sub(w.now()), wait)
}

// stopped is true while no delivery may begin.
func (w *worker) stopped(stopping <-chan struct{}) bool {
	select {
	case <-stopping:
		return true
	default:
	}
	_, quiet := w.settings.QuietHours.End(w.now())
	return quiet
}

// paused is true while Glific is left alone.
func (w *worker) paused() bool {
	_, on := w.brake.holds(w.now())
	return on
}
