package main

import (
	"context"
	"log/slog"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/dispatch"
	"avni-messenger/metrics"
	"avni-messenger/rules"
)

// directory knows the organisations that are served and where each stands. It is as
// current as the last Load: the stream asks for one when a configuration changes, a
// timer for the tables that the stream does not carry. Safe for concurrent use;
// reading takes no lock.
type directory struct {
	pool  *pgxpool.Pool
	guard guard
	log   *slog.Logger

	own     func(context.Context, *snapshot, []ownedRow) ([]ownedRow, error) // see ownership.keep; nil: nobody keeps watch
	loading sync.Mutex                                                       // one reader of the tables at a time: an older answer never replaces a newer one
	now     atomic.Pointer[snapshot]
	read    atomic.Pointer[time.Time] // when; nil before the first time
}

var _ rules.Directory = (*directory)(nil)

func newDirectory(pool *pgxpool.Pool, cfg Config, log *slog.Logger) *directory {
	d := &directory{pool: pool, log: log.With("component", "organisations"), guard: cfg.guard()}
	d.now.Store(&snapshot{})
	return d
}

// Load reads the organisations again and reports whether anything about them changed.
// What it knew stays in force if it fails.
func (d *directory) Load(ctx context.Context) (changed bool, err error) {
	d.loading.Lock()
	defer d.loading.Unlock()
	found, err := readRows(ctx, d.pool, !d.guard.Overlook)
	if err == nil && d.now.Load().byID == nil && !d.guard.Overlook { // for the first time
		found.delivered, err = readDelivered(ctx, d.pool)
	}
	if err != nil {
		return false, err
	}
	read := time.Now()
	d.read.Store(&read)
	before, after := d.now.Load(), d.guard.assemble(found)
	if d.own != nil {
		if found.owned, err = d.own(ctx, after, found.owned); err != nil {
			return false, err
		}
		after = d.guard.assemble(found)
	}
	after.remember(before, found.delivered, read)
	if reflect.DeepEqual(before, after) {
		return false, nil
	}
	d.now.Store(after)
	d.tell(before, after)
	return true, nil
}

// tell writes one line for each organisation whose standing changed.
func (d *directory) tell(before, after *snapshot) {
	for _, stray := range after.strays {
		if !slices.Contains(before.strays, stray) {
			d.log.Warn("MESSENGER_ORGANISATIONS names what cannot be served", "reason", stray.Reason, "fix", stray.Fix)
		}
	}
	for _, s := range after.standings {
		old := before.byID[s.rules.ID]
		if old != nil && old.Mode == s.Mode && old.Held == s.Held && old.Trouble == s.Trouble {
			continue
		}
		log := d.log.With("organisation", s.label(), "mode", string(s.Mode))
		switch {
		case s.Held != "":
			log.Warn("organisation is held back: nothing is written or sent for it", "reason", s.Held, "fix", s.Fix)
		case s.Trouble != "":
			log.Warn("organisation is evaluated only", "reason", s.Trouble, "fix", s.Fix)
		default:
			log.Info("organisation is served")
		}
	}
	d.tellDeparted(before, after)
}

// Organisation implements rules.Directory.
func (d *directory) Organisation(id int32) (rules.Organisation, bool) {
	s := d.now.Load().byID[id]
	if s == nil {
		return rules.Organisation{}, false
	}
	return s.rules, true
}

// IDs implements rules.Directory.
func (d *directory) IDs() []int32 {
	var ids []int32
	for _, s := range d.now.Load().standings {
		ids = append(ids, s.rules.ID)
	}
	return ids
}

// Delivering returns the organisations whose queue this process delivers.
func (d *directory) Delivering() []dispatch.Organisation {
	var delivering []dispatch.Organisation
	for _, s := range d.now.Load().standings {
		if d.guard.delivers(s) {
			delivering = append(delivering, s.dispatch)
		}
	}
	return delivering
}

// Served returns the organisations whose queue is shown in /metrics.
func (d *directory) Served() []metrics.Organisation {
	var served []metrics.Organisation
	for _, s := range d.now.Load().standings {
		served = append(served, metrics.Organisation{ID: s.rules.ID, Label: s.label(), Delivers: d.unheld(s.rules.ID)})
	}
	return served
}

// settling is true while an organisation waits for nothing but to become ours.
func (d *directory) settling() bool {
	return slices.ContainsFunc(d.now.Load().standings, func(s *standing) bool { return s.settling })
}

// unheld is true if an organisation's messages are written or sent, as far as is known.
func (d *directory) unheld(id int32) bool {
	s := d.now.Load().byID[id]
	return s != nil && s.Held == "" && (s.Mode == ModeFull || s.Mode == ModeDispatch)
}

// label is what logs call an organisation.
func (d *directory) label(id int32) string {
	if s := d.now.Load().byID[id]; s != nil {
		return s.label()
	}
	return strconv.Itoa(int(id))
}
