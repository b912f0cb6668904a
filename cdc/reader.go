package cdc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// Reader streams changes into the inbox, for ever.
type Reader struct {
	options Options
	names   Names
	log     *slog.Logger
	pace    pace
	monitor monitor
	batch   *batch
	// established: the stored position has been seen, so a missing one was deleted on
	// purpose and is not made anew by this process.
	established bool
	// doubtful: the last stream ended at once. The next one is not called streaming
	// before it has done better, so that state and log do not flicker.
	doubtful bool
	warned   string // last warning about the publication

	holder   string        // names this reader in the lease
	lease    time.Duration // see Options
	handling chan struct{} // filled while Started or Reference runs
	known    atomic.Int64  // version of what they keep
	guard    guard
}

// NewReader returns a reader that does nothing yet.
func NewReader(options Options) *Reader {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Metrics == nil {
		options.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	r := &Reader{options: options, names: Names{Slot: options.Slot, Publication: options.Publication},
		log: options.Log.With("component", "cdc"), pace: defaultPace(), batch: newBatch(), holder: newHolder(), lease: options.Lease, handling: make(chan struct{}, 1)}
	if r.lease <= 0 {
		r.lease = defaultLease
	}
	r.guard.limit = LSN(max(0, options.MaxSlotWAL))
	r.monitor.set(Stopped, "", time.Now())
	return r
}

// Status returns what the reader is doing. Any goroutine may call it.
func (r *Reader) Status() Status { return r.monitor.get() }

// Run streams until ctx ends, and then returns nil. Whatever happens to Postgres, it
// tries again; only impossible options make it return an error. It must not be called
// twice at the same time.
func (r *Reader) Run(ctx context.Context) error {
	if err := r.names.Validate(); err != nil {
		return err
	}
	defer r.enter(Stopped, "")
	r.enter(Connecting, "")
	aside, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { r.listen(aside) })
	running.Go(func() { r.watch(aside) })
	defer running.Wait()
	defer cancel()
	pause := r.pace.retryMin
	for ctx.Err() == nil {
		worked, err := r.stream(ctx)
		if ctx.Err() != nil {
			r.options.Metrics.disconnects.WithLabelValues(string(reasonStopped)).Inc()
			break
		}
		if worked {
			pause = r.pace.retryMin
		}
		t := r.classify(err)
		if t.cause != "" {
			if t = r.repaired(ctx, t); t == nil {
				continue
			}
		}
		r.failed(t)
		wait := r.wait(t, pause)
		if t.state == Connecting {
			pause = min(2*pause, r.pace.retryMax)
		}
		if rest(ctx, wait) && t.state == Standby {
			r.standBy(ctx)
		}
	}
	return nil
}

// wait is how long to pause before the next try, ±10 %.
func (r *Reader) wait(t *trouble, pause time.Duration) time.Duration {
	switch t.state {
	case Standby:
		pause = r.pace.standby
	case SlotLost, SlotDropped, Misconfigured, Stuck:
		pause = r.pace.slow
	}
	return time.Duration(float64(pause) * (0.9 + 0.2*rand.Float64()))
}

// stream runs one stream from connecting to its end, and says whether it worked for
// a while.
func (r *Reader) stream(ctx context.Context) (bool, error) {
	in, err := r.prepare(ctx)
	if err != nil {
		return false, err
	}
	config, err := r.config()
	if err != nil {
		return false, misconfigured(err)
	}
	conn, err := connect(ctx, config, r.names)
	if err != nil {
		return false, err
	}
	defer conn.close()
	s, err := r.begin(ctx, conn, in)
	if err != nil {
		return false, err
	}
	r.options.Metrics.connects.Inc()
	s.proven = func() {
		if r.enter(Streaming, "") {
			r.log.Info("streaming", "lsn", s.durable.lsn.String())
		}
	}
	if !r.doubtful {
		s.prove()
	}
	err = r.follow(ctx, s, in)
	worked := s.progressed || time.Since(s.began) >= s.pace.newStatus
	r.doubtful = !worked
	return worked, err
}

// follow runs a session, which watch can break off, with the catch-up beside it.
func (r *Reader) follow(ctx context.Context, s *session, in Inspection) error {
	ctx, breakOff := context.WithCancelCause(ctx)
	defer breakOff(nil)
	r.monitor.begin(breakOff)
	defer r.monitor.begin(nil)
	stop := r.catchUp(ctx, s.store, in)
	err := s.run(ctx)
	stop()
	var broken *trouble
	if errors.As(context.Cause(ctx), &broken) {
		return broken
	}
	return err
}

func (r *Reader) config() (*pgconn.Config, error) {
	if r.options.URL == "" {
		return &r.options.Pool.Config().ConnConfig.Config, nil
	}
	config, err := pgxpool.ParseConfig(r.options.URL)
	if err != nil {
		return nil, fmt.Errorf("read database URL: %w", err)
	}
	return &config.ConnConfig.Config, nil
}

// begin takes the position over, now that the slot is ours, and looks once more
// whether the two fit.
func (r *Reader) begin(ctx context.Context, conn *connection, in Inspection) (*session, error) {
	pace := r.pace.forSender(in.WALSenderTimeout)
	st, leased := r.store(in), time.Now()
	promoted := in.Position.Timeline != 0 && in.Timeline > in.Position.Timeline
	if err := r.takeOver(ctx, st, &in); err != nil {
		return nil, err
	}
	if err := in.gap(r.names); err != nil {
		return nil, err
	}
	if promoted {
		r.log.Info("this server was a standby; the stream goes on where the former one's was", "lsn", in.Position.LSN.String())
	}
	r.batch.begin()
	start := position{lsn: in.Position.LSN, at: in.Position.CommittedAt}
	s := &session{options: &r.options, pace: pace, conn: conn, decoder: newDecoder(), store: st, monitor: &r.monitor, log: r.log, batch: r.batch,
		referenced: r.referenced, version: st.version, leasedAt: leased, start: start.lsn, seen: start, durable: start, storedAt: time.Now()}
	r.monitor.stored(start)
	if err := s.begin(ctx, r.load); err != nil {
		return nil, err
	}
	return s, nil
}

// takeOver takes the position over and reads what may have changed since it was inspected.
func (r *Reader) takeOver(ctx context.Context, st *store, in *Inspection) error {
	ctx, cancel := context.WithTimeout(ctx, r.pace.survey)
	defer cancel()
	var err error
	if in.Position, in.Slot.ConfirmedLSN, err = st.takeOver(ctx); err != nil {
		return err
	}
	if err := in.readFingerprints(ctx, r.options.Pool, r.names); err != nil {
		return fmt.Errorf("read fingerprint of publication %q: %w", r.names.Publication, err)
	}
	if err := in.readWritten(ctx, r.options.Pool); err != nil {
		return fmt.Errorf("read end of the WAL: %w", err)
	}
	return nil
}

// enter changes the state and says whether that is news.
func (r *Reader) enter(state State, detail string) bool {
	r.options.Metrics.setState(state)
	return r.monitor.set(state, detail, time.Now())
}

// failed makes trouble visible that ended a stream or kept it from starting.
func (r *Reader) failed(t *trouble) {
	r.options.Metrics.disconnects.WithLabelValues(string(t.reason)).Inc()
	r.tell(t)
}

// tell makes trouble visible, and logs it when it is not the same as before.
func (r *Reader) tell(t *trouble) {
	if !r.enter(t.state, t.Error()) {
		return
	}
	level := slog.LevelError
	switch t.state {
	case Standby:
		level = slog.LevelInfo
	case Connecting:
		level = slog.LevelWarn
	}
	r.log.Log(context.Background(), level, "not streaming: "+string(t.state), "reason", string(t.reason), "err", t.Error())
}
