package cdc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// catchUp does, beside the stream that st writes for, what is needed so that no change
// stays lost: it looks up what earlier streams have missed, and takes the samples that
// make this exact. The returned function ends it.
func (r *Reader) catchUp(ctx context.Context, st *store, in Inspection) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { r.fillGaps(ctx, st, in) })
	running.Go(func() { r.takeSamples(ctx, st, in.ServerVersion) })
	return func() {
		cancel()
		running.Wait()
	}
}

// fillGaps scans for every gap that is open, until that is done. Gaps are opened only
// between streams.
func (r *Reader) fillGaps(ctx context.Context, st *store, in Inspection) {
	defer r.options.Metrics.catchingUp.Set(0)
	defer r.monitor.catchingUp(CatchUp{})
	pause, said := r.pace.retryMin, ""
	for ctx.Err() == nil {
		err := r.fillOpen(ctx, st, in)
		if err == nil || ctx.Err() != nil || errors.Is(err, errFenced) { // the stream notices, too
			return
		}
		if text := err.Error(); text != said {
			r.log.Warn("changes that were not read cannot be looked up; trying again", "err", err)
			said = text
		}
		if !rest(ctx, pause) {
			return
		}
		pause = min(2*pause, r.pace.retryMax)
	}
}

func (r *Reader) fillOpen(ctx context.Context, st *store, in Inspection) error {
	for {
		g, found, err := nextGap(ctx, st, in.ServerVersion)
		if err != nil || !found {
			return err
		}
		r.options.Metrics.catchingUp.Set(1)
		s := &scan{pool: st.pool, token: &st.token, gap: g, pace: r.pace.scan, keep: r.options.Keep, holder: st.holder, log: r.log,
			timeout: scanTimeout}
		s.progressed = func(entered int) {
			r.monitor.catchingUp(s.status())
			r.options.Metrics.catchUpRows.WithLabelValues(string(s.gap.mode)).Add(float64(entered))
			if entered > 0 {
				r.stored()
			}
		}
		if err := s.run(ctx); err != nil {
			return err
		}
	}
}

// scanPace is how gently Avni's tables are looked through.
type scanPace struct {
	rows   int           // that one query may find
	window int           // rows that one query may look at where no index helps
	pause  time.Duration // between chunks, at least; and at least as long as the chunk took
}

const (
	scanTimeout  = 10 * time.Second // of one statement
	longestPause = 2 * time.Second
)

func defaultScanPace() scanPace {
	return scanPace{rows: 2000, window: 10_000, pause: 20 * time.Millisecond}
}

// scan puts the rows that changed in a gap into the inbox, in chunks. What the inbox
// has already stays if it is newer.
type scan struct {
	pool       pool
	token      *int64 // the fencing token that must hold; nil: none, as by hand
	gap        gap
	pace       scanPace
	keep       func(Change) bool
	holder     string
	log        *slog.Logger
	timeout    time.Duration
	progressed func(entered int) // after each chunk
	counted    func(chunk)       // gets each chunk, of which then nothing is stored; nil: they are
}

// answered bounds one question: the server's own limit comes first, ours is for a network
// that swallows everything.
func (s *scan) answered(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timeout+2*time.Second)
}

func (s *scan) status() CatchUp {
	return CatchUp{Running: true, Reason: s.gap.reason, Since: s.gap.since, Table: s.gap.table, Rows: s.gap.rows}
}

// errOvertaken says that somebody else has moved the gap's cursor, or that the fencing
// token does not hold any more.
var errOvertaken = fmt.Errorf("another process goes on with the search: %w", errFenced)

// run goes on where the gap's cursor is, and closes the gap at the end.
func (s *scan) run(ctx context.Context) error {
	begin := time.Now()
	s.log.Info("looking up changes that were not read", "reason", s.gap.reason, "mode", string(s.gap.mode),
		"since", s.gap.since, "table", string(s.gap.table), "rows", s.gap.rows)
	s.progressed(0)
	if err := s.settle(ctx); err != nil {
		return err
	}
	if err := s.lookThrough(ctx); err != nil {
		return err
	}
	if err := s.close(ctx); err != nil {
		return err
	}
	s.log.Info("changes that were not read are in the inbox", "reason", s.gap.reason, "mode", string(s.gap.mode),
		"rows", s.gap.rows, "took", time.Since(begin).Round(time.Millisecond).String())
	return nil
}

// lookThrough goes through the tables, from where the gap's cursor is.
func (s *scan) lookThrough(ctx context.Context) error {
	for _, table := range entityTables(s.gap.table) {
		if err := s.scanTable(ctx, table); err != nil {
			return fmt.Errorf("look through table %s: %w", table.name, err)
		}
	}
	return nil
}

// entityTables are the tables that are scanned, from the given one on; "" is the first.
func entityTables(from Table) []*watchedTable {
	var tables []*watchedTable
	for i := range watchedTables {
		t := &watchedTables[i]
		if t.reference { // whatever is kept of these is loaded anew when a stream begins
			continue
		}
		if t.name == from {
			tables = nil
		}
		tables = append(tables, t)
	}
	return tables
}

func (s *scan) scanTable(ctx context.Context, table *watchedTable) error {
	if s.gap.table != table.name {
		s.gap.next = bookmark{table: table.name}
	} else {
		s.gap.next = s.gap.bookmark
	}
	at := step{windowed: s.gap.mode == byXmin || table.name == Users, rows: s.pace.rows} // there is no index
	if at.windowed {
		at.rows = s.pace.window
	}
	for {
		begin := time.Now()
		last, err := s.take(ctx, table, at)
		switch took := time.Since(begin); {
		case isCode(err, "57014") && ctx.Err() == nil && at.shorten(s.pace): // nothing was stored
		case err != nil:
			return err
		case last:
			return nil
		case took < s.timeout/4:
			at.lengthen(s.pace)
		}
		if !rest(ctx, min(max(s.pace.pause, time.Since(begin)), max(s.pace.pause, longestPause))) {
			return ctx.Err()
		}
	}
}

// take reads one chunk and stores or counts it, and says whether it was the table's last.
func (s *scan) take(ctx context.Context, table *watchedTable, at step) (last bool, err error) {
	c, err := s.read(ctx, table, at)
	if err != nil {
		return false, err
	}
	entered := len(c.rows)
	if s.counted != nil {
		s.counted(c)
		s.passed(c, entered)
	} else if entered, err = s.write(ctx, c); err != nil {
		return false, err
	}
	s.progressed(entered)
	return c.last, nil
}

// step is how the next chunk is looked for: rows that changed, or a window of so many
// rows of which some may have.
type step struct {
	windowed bool
	rows     int
}

// shorten makes the step one that PostgreSQL may manage in the time that one statement
// has, unless it is as short as can be: windows at first, then fewer and fewer rows.
func (at *step) shorten(pace scanPace) bool {
	switch {
	case !at.windowed:
		*at = step{windowed: true, rows: pace.window}
	case at.rows > 1:
		at.rows /= 2
	default:
		return false
	}
	return true
}

// lengthen makes a window larger again when the server has become faster.
func (at *step) lengthen(pace scanPace) {
	if at.windowed {
		at.rows = min(2*at.rows, pace.window)
	}
}

// rest waits, and says whether ctx has not ended meanwhile.
func rest(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
