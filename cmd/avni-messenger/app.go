package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"
	_ "time/tzdata" // rules need their time zone on machines that have no database of them

	"github.com/prometheus/client_golang/prometheus"

	"avni-messenger/cdc"
	"avni-messenger/dispatch"
	"avni-messenger/dispatch/glific"
	"avni-messenger/internal/page"
	"avni-messenger/internal/schema"
	"avni-messenger/metrics"
	"avni-messenger/rules"
)

// app is the process that `run` runs, wired together:
//
//	cdc.Reader ─▶ inbox ─▶ rules.Worker ─▶ message_request_queue ─▶ dispatch.Dispatcher ─▶ Glific
//
// with the directory of organisations and the catalogue of rules beside them, and the
// metrics server around them.
type app struct {
	cfg Config
	log *slog.Logger
	pools
	registry   *prometheus.Registry
	page       *page.Handler
	deadman    *deadman // nil: nobody outside is told
	server     *metrics.Server
	directory  *directory
	catalogue  *rules.Catalogue
	loader     *rules.Loader
	failures   *rules.Failures
	reader     *cdc.Reader
	worker     *rules.Worker
	dispatcher *dispatch.Dispatcher
	instances  *instances
	watcher    *watcher

	waiting  atomic.Pointer[obstacle] // why the work has not begun; nil once it has
	stopping atomic.Bool
}

// newApp wires everything and binds the listener. It connects to nothing else: an
// error is the configuration's fault, or that of the binary.
func newApp(cfg Config, log *slog.Logger) (*app, error) {
	setLocalTime(cfg.Timezone)
	pools, err := newPools(cfg)
	if err != nil {
		pools.close(log)
		return nil, err
	}
	build := metrics.Build(currentBuild())
	a := &app{cfg: cfg, log: log, pools: pools, directory: newDirectory(pools.pool, cfg, log), registry: metrics.NewRegistry(build)}
	a.waiting.Store(&obstacle{Detail: "starting"})
	a.instances = newInstances(a)
	owner := &ownership{pool: a.pool, slot: cfg.Slot, self: a.instances.table.holder, sole: bool(cfg.SoleOwner)}
	a.directory.guard.Slot, a.directory.own = cfg.Slot, owner.keep
	if err := a.wire(a.registry); err != nil {
		a.close(log)
		return nil, err
	}
	a.registry.MustRegister(a.directory, metrics.NewPostgresCollector(metrics.PostgresOptions{
		Pool: a.figurePool, Slot: cfg.Slot, SlotLimit: int64(cfg.MaxSlotWAL), Since: a.cfg.window(), Organisations: a.directory.Served, Log: log,
	}))
	health := metrics.NewDoctor(build.Version, a.checks()).Health
	a.page = a.newPage(build.Version, health)
	if cfg.PingKey != "" {
		a.deadman = newDeadman(cfg.PingKey, health, log)
	}
	a.server, err = metrics.Listen(cfg.Listen, metrics.ServerOptions{Registry: a.registry, Narrow: !bool(cfg.MetricsFor), Health: health, Page: a.page, Log: log})
	if err != nil {
		a.close(log)
		return nil, fmt.Errorf("MESSENGER_LISTEN: %w: set it to a free address, or stop what uses this one", err)
	}
	return a, nil
}

// setLocalTime makes rules see local time as rules-server does, whose TZ is the zone.
func setLocalTime(zone Timezone) {
	if time.Local.String() != zone.String() {
		time.Local = zone.Location()
	}
}

// wire makes the components. They call each other only through what pipeline.go glues.
func (a *app) wire(registry prometheus.Registerer) error {
	cfg, log := a.cfg, a.log
	options, err := cfg.engineOptions()
	if err != nil {
		return err
	}
	options.Log, options.Metrics = log, rules.NewEngineMetrics(registry)
	engine, err := rules.NewEngine(options)
	if err != nil {
		return engineError(err)
	}
	ruleMetrics := rules.NewMetrics(registry)
	a.loader = rules.NewLoader(a.pool)
	a.catalogue = rules.NewCatalogue(a.pool, a.directory, log, ruleMetrics)
	a.failures = rules.NewFailures(rules.FailuresOptions{Pool: a.pool, Catalogue: a.catalogue, Directory: a.directory, Log: log, Metrics: ruleMetrics})
	a.dispatcher = dispatch.NewDispatcher(dispatch.Options{
		Pool: a.pool, Organisations: a.directory.Delivering, Settings: cfg.deliverySettings(),
		Renderer: renderer{rules.NewRenderer(rules.RendererOptions{
			Pool: a.pool, Catalogue: a.catalogue, Engine: engine, Directory: a.directory, Loader: a.loader,
			Failures: a.failures, Log: log, Metrics: ruleMetrics,
		})},
		Glific: glific.Options{RequestsPerMinute: cfg.RequestsPerMinute, Log: log, Metrics: glific.NewMetrics(registry)},
		Log:    log, Metrics: dispatch.NewMetrics(registry, cfg.quietHours()),
	})
	a.watcher = newWatcher(a, registry)
	a.worker = rules.NewWorker(rules.WorkerOptions{
		Pool: a.pool, Catalogue: a.catalogue, Engine: engine, Directory: a.directory, Loader: a.loader,
		Queued: a.dispatcher.Wake, Fresh: a.fresh, Failures: a.failures, RepairWindow: a.cfg.window(), Log: log, Metrics: ruleMetrics,
		Slot: cfg.Slot, StormLimit: cfg.StormLimit, Elsewhere: a.instances.full,
		Rehearser: rehearser{a.dispatcher, a.directory},
	})
	a.reader = cdc.NewReader(cdc.Options{
		Slot: cfg.Slot, Publication: cfg.Publication, URL: cfg.Database.ConnectionURL(), Pool: a.pool,
		Keep: a.catalogue.Keep, Reference: a.referencesChanged, Started: a.streamStarted, Stored: a.worker.Wake,
		MaxSlotWAL: int64(cfg.MaxSlotWAL),
		Log:        log, Metrics: cdc.NewMetrics(registry),
	})
	return nil
}

func (c Config) deliverySettings() dispatch.Settings {
	numbers := make([]dispatch.Phone, len(c.TestNumbers))
	for i, number := range c.TestNumbers {
		numbers[i] = dispatch.Phone(number[len("+"):])
	}
	return dispatch.Settings{
		Window: c.window(), PollInterval: c.PollInterval, MaxAttempts: c.MaxAttempts, RetryBase: c.RetryBase,
		MessagesPerSecond: c.MessagesPerSecond, TestNumbers: numbers, DryRun: bool(c.DryRun), StopGrace: 20 * time.Second,
		QuietHours: c.quietHours(),
	}
}

// window is how long after it was due a request is still sent.
func (c Config) window() time.Duration { return time.Duration(c.SinceDays) * 24 * time.Hour }

// Addr is where the process answers HTTP.
func (a *app) Addr() net.Addr { return a.server.Addr() }

// Run does the work until ctx ends. HTTP answers from the first moment to the last.
// The error is nil unless a component ended by itself, which none does for something
// that may pass.
func (a *app) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	serving, stopServing := context.WithCancel(context.WithoutCancel(ctx))
	a.logPageLink()
	served := make(chan error, 1)
	go func() {
		err := a.server.Run(serving)
		if err != nil {
			cancel()
		}
		served <- err
	}()
	pinging := make(chan struct{})
	go func() { // from the first moment: also while the database is waited for
		defer close(pinging)
		if a.deadman != nil {
			a.deadman.Run(ctx)
		}
	}()
	err := a.work(ctx)
	cancel()
	<-pinging
	a.stopping.Store(true)
	a.close(a.log)
	stopServing()
	if httpErr := <-served; httpErr != nil {
		return httpErr
	}
	a.log.Info("stopped")
	return err
}

func (a *app) work(ctx context.Context) error {
	if !a.awaitDatabase(ctx) {
		return nil
	}
	a.waiting.Store(nil)
	context.AfterFunc(ctx, func() { a.stopping.Store(true) })
	return runStages(ctx, a.log, []stage{
		{"cdc", a.reader.Run, 10 * time.Second},
		{"organisations", a.pollOrganisations, 5 * time.Second},
		{"ownership", a.watcher.Run, 5 * time.Second},
		{"rules", a.worker.Run, 10 * time.Second},
		{"dispatch", a.dispatcher.Run, 25 * time.Second},
		{"instances", a.instances.Run, 5 * time.Second},
		{"memory", newThrift().Run, time.Second},
	})
}

// awaitDatabase returns once the database can be worked with: reachable, ours to read,
// with our tables in it. It tries for ever, and logs when the reason for waiting
// changes. It returns false if ctx ends before.
func (a *app) awaitDatabase(ctx context.Context) bool {
	pause := 200 * time.Millisecond
	for {
		err := a.prepare(ctx)
		if ctx.Err() != nil {
			return false
		}
		if err == nil {
			return true
		}
		reason := explain(err, a.cfg)
		if before := a.waiting.Swap(reason); *before != *reason {
			a.log.Error("waiting for the database", "reason", reason.Detail, "fix", reason.Fix)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pause):
		}
		pause = min(2*pause, 30*time.Second)
	}
}

// prepare makes one attempt at everything that the components take for granted.
func (a *app) prepare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	found, err := preflight(ctx, a.pool)
	if err != nil {
		return err
	}
	ran, err := schema.Migrate(ctx, a.pool)
	if err != nil {
		return err
	}
	a.log.Info("database is ready", "server", found.String(), "migrations", ran)
	if _, err := a.directory.Load(ctx); err != nil {
		return err
	}
	return a.catalogue.Load(ctx)
}
