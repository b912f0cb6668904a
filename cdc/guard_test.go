package cdc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// A slot whose reader gets no further goes before the disk is full. What was not read
// comes from the tables afterwards.
func TestGuardDropsTheSlot(t *testing.T) {
	t.Parallel()
	f := newFixtureOn(t, newServer(t, nil))
	f.superuser(`create table public.other (t text)`)
	r := f.startStreaming(func(r *Reader) {
		r.guard.limit = 8 << 20
		r.pace.watch, r.pace.finish = 100*time.Millisecond, 100*time.Millisecond
	})
	f.take(subject(f.register(f.avni)))

	blocker := f.connect(f.db.SuperuserURL())
	if _, err := blocker.Exec(f.ctx, `begin; lock table messenger.inbox in exclusive mode`); err != nil {
		t.Fatal(err)
	}
	id := f.register(f.avni)
	eventually(t, "a blocked write", func() (bool, string) {
		n := f.queryInt(`select count(*) from pg_locks where not granted`)
		return n > 0, fmt.Sprint(n)
	})
	f.superuser(`insert into public.other select repeat(md5(n::text), 30) from generate_series(1, 6000) n`) // 6 MB
	eventually(t, "a concern", func() (bool, string) {
		concerns := fmt.Sprint(r.Status().Watch.Concerns)
		return strings.Contains(concerns, " times MESSENGER_MAX_SLOT_WAL (the slot is dropped at 16.0 MB, and from 8.0 MB on if reading gets no further): "), concerns
	})
	if n := testutil.ToFloat64(r.options.Metrics.slotDrops); n != 0 {
		t.Errorf("dropped below the limit")
	}
	f.superuser(`insert into public.other select repeat(md5(n::text), 30) from generate_series(1, 6000) n`)
	eventually(t, "the drop", func() (bool, string) {
		return testutil.ToFloat64(r.options.Metrics.slotDrops) == 1, fmt.Sprintf("%+v", r.Status())
	})
	if n := testutil.ToFloat64(r.options.Metrics.disconnects.WithLabelValues(string(reasonGuard))); n > 1 {
		t.Errorf("%v streams ended by it", n)
	}
	if _, err := blocker.Exec(f.ctx, `commit`); err != nil {
		t.Fatal(err)
	}
	r.await(Streaming)
	f.take(subject(id))
	f.take(subject(f.register(f.avni)))
}

// A transaction that stays open makes PostgreSQL keep WAL for a slot whose reader is not
// behind at all. That has an end, too: the slot goes, and somebody is told whose
// transaction it is. When that has ended all is repaired.
func TestGuardDropsForAnOpenTransaction(t *testing.T) {
	t.Parallel()
	f := newFixtureOn(t, newServer(t, nil))
	f.superuser(`create table public.other (t text)`)
	f.superuser(`grant pg_monitor to avni_messenger`)
	r := f.startStreaming(func(r *Reader) {
		r.guard.limit = 4 << 20
		r.pace.watch, r.pace.newSlot = 50*time.Millisecond, 300*time.Millisecond
	})
	f.take(subject(f.register(f.avni)))
	forgotten := f.connect(f.db.OwnerURL())
	if _, err := forgotten.Exec(f.ctx, `begin; update individual set last_name = 'open' where id = 1001`); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the drop", func() (bool, string) {
		f.superuser(`insert into public.other select repeat(md5(n::text), 30) from generate_series(1, 1000) n`) // 1 MB
		return testutil.ToFloat64(r.options.Metrics.slotDrops) == 1, fmt.Sprintf("%+v", r.Status().Watch)
	})
	id := f.register(f.avni)
	whose := fmt.Sprintf("pid %d of role openchs (idle in transaction) since", forgotten.PgConn().PID())
	eventually(t, "who is to blame", func() (bool, string) {
		s := r.Status()
		return s.State == SlotLost && strings.Contains(s.Detail, whose) && strings.Contains(s.Detail, "pg_terminate_backend"), s.Detail
	})
	if _, err := forgotten.Exec(f.ctx, `rollback`); err != nil {
		t.Fatal(err)
	}
	f.take(subject(id))
	r.await(Streaming)
	if n := testutil.ToFloat64(r.options.Metrics.slotDrops); n != 1 {
		t.Errorf("dropped %v times", n)
	}
}

// What the guard drops it names, and whose transaction it is.
func TestGuardSaysWhy(t *testing.T) {
	f := newFixture(t)
	f.superuser(`grant pg_monitor to avni_messenger`)
	open := f.connect(f.db.OwnerURL())
	if _, err := open.Exec(f.ctx, `begin; select txid_current()`); err != nil {
		t.Fatal(err)
	}
	g := guard{limit: 1 << 30}
	in := Inspection{WrittenLSN: 5 << 30, Slot: SlotState{Exists: true, ConfirmedLSN: 5 << 30, RestartLSN: 1 << 30}}
	text := g.why(f.ctx, f.connect(f.db.URL()), in, f.names).Error()
	for _, want := range []string{"4.0 GB", "MESSENGER_MAX_SLOT_WAL (1.0 GB)", fmt.Sprintf("pid %d of role openchs", open.PgConn().PID()), "has to wait for them"} {
		if !strings.Contains(text, want) {
			t.Errorf("does not say %q: %s", want, text)
		}
	}
	in.Slot.ConfirmedLSN = 2 << 30
	if text := g.why(f.ctx, f.connect(f.db.URL()), in, f.names).Error(); !strings.Contains(text, "not read fast enough") {
		t.Error(text)
	}
}

// Between a look at a slot whose leader is frozen and the drop another one may have taken
// it over.
func TestGuardLooksAgain(t *testing.T) {
	f := newFixtureOn(t, newServer(t, nil))
	f.superuser(`create table public.other (t text)`)
	f.setup()
	f.superuser(`insert into public.other select repeat(md5(n::text), 30) from generate_series(1, 4000) n`)
	r := f.reader(func(r *Reader) { r.guard.limit = 1 << 20 })
	frozen := f.inspect()
	if !frozen.Position.Lapsed || frozen.retained() <= guardCeiling*r.guard.limit {
		t.Fatalf("%+v", frozen)
	}
	other := f.reader()
	if _, _, err := other.store(frozen).takeOver(f.ctx); err != nil {
		t.Fatal(err)
	}
	if err := r.protect(f.ctx, frozen, 0, func(err error) { t.Error("broken off: ", err) }); err != nil {
		t.Fatal(err)
	}
	if !f.inspect().Slot.Exists {
		t.Fatal("the new leader's slot was dropped")
	}
	// And while somebody sets it up or repairs it nobody drops it.
	f.exec(f.db.URL(), `update messenger.position set holder = null, lease_until = null`)
	conn := f.connect(f.db.URL())
	unlock, err := lockSetup(f.ctx, conn, f.names)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.protect(f.ctx, f.inspect(), 0, func(error) {}) }()
	eventually(t, "a wait for the lock", func() (bool, string) {
		n := f.queryInt(`select count(*) from pg_locks where locktype = 'advisory' and not granted`)
		return n == 1, fmt.Sprint(n)
	})
	if !f.inspect().Slot.Exists {
		t.Error("dropped under the lock")
	}
	unlock()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if f.inspect().Slot.Exists {
		t.Error("not dropped at all")
	}
}

// looks is what the guard is shown, look by look.
type looks struct {
	retained, unconfirmed, confirmed LSN
	leader, lapsed                   bool
	reached                          int64
}

func TestGuardJudges(t *testing.T) {
	const limit = 1 << 30
	stuck := looks{retained: 2 << 30, unconfirmed: 2 << 30, confirmed: 5, leader: true}
	change := func(f func(*looks)) looks { l := stuck; f(&l); return l }
	held := func(gigabytes LSN) looks {
		return change(func(l *looks) { l.retained, l.unconfirmed = gigabytes<<30, 1<<20 })
	}
	of := func(l looks) looks { l.leader = false; return l }
	creeps := func(confirmed LSN) looks {
		return change(func(l *looks) { l.retained, l.unconfirmed, l.confirmed = 3<<30, 3<<30, confirmed })
	}
	for name, c := range map[string]struct {
		limit LSN
		looks []looks
		want  bool
	}{
		"two looks without progress": {limit, []looks{stuck, stuck, stuck}, true},
		"only one":                   {limit, []looks{stuck, stuck}, false},
		"no limit":                   {0, []looks{stuck, stuck, stuck, stuck}, false},
		"below the limit":            {4 << 30, []looks{stuck, stuck, stuck, stuck}, false},
		"confirms": {limit, []looks{stuck, stuck, change(func(l *looks) { l.confirmed = 6 }),
			change(func(l *looks) { l.confirmed = 6 })}, false},
		"reads a large transaction":                {limit, []looks{stuck, change(func(l *looks) { l.reached = 1 }), change(func(l *looks) { l.reached = 2 })}, false},
		"held by somebody's open transaction":      {limit, []looks{held(2), held(2), held(2)}, false},
		"for far too long":                         {limit, []looks{held(2), held(3), held(3)}, true},
		"only for a moment":                        {limit, []looks{held(3), held(2), held(3)}, false},
		"of a database without a limit":            {0, []looks{held(3), held(3), held(3)}, false},
		"under another leader":                     {limit, []looks{of(held(3)), of(held(3)), of(held(3))}, false},
		"far too much in spite of a byte per look": {limit, []looks{creeps(5), creeps(6), creeps(7)}, true},
		"another leader that renews its lease": {limit, []looks{change(func(l *looks) { l.leader = false }),
			change(func(l *looks) { l.leader = false }), change(func(l *looks) { l.leader = false })}, false},
		"another leader that is frozen": {limit, []looks{change(func(l *looks) { l.leader, l.lapsed = false, true }),
			change(func(l *looks) { l.leader, l.lapsed = false, true }), change(func(l *looks) { l.leader, l.lapsed = false, true })}, true},
	} {
		g := guard{limit: c.limit}
		var got bool
		for _, l := range c.looks {
			const begin = LSN(16 << 30)
			end := begin + l.confirmed + l.unconfirmed
			got = g.exceeded(Inspection{WrittenLSN: end, Slot: SlotState{Exists: true, ConfirmedLSN: begin + l.confirmed, RestartLSN: end - l.retained},
				Position: PositionState{Lapsed: l.lapsed}}, l.leader, l.reached)
		}
		if got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A stream that breaks off at the same place each time gets no further.
func TestReach(t *testing.T) {
	var p reach
	transaction := func(commit LSN, rows int) int64 {
		p.begin(commit)
		for range rows {
			p.row()
		}
		return p.steps.Load()
	}
	if n := transaction(100, 3); n != 3 {
		t.Errorf("%d steps", n)
	}
	if n := transaction(90, 5); n != 3 {
		t.Errorf("%d steps after one that was read before", n)
	}
	if n := transaction(100, 3); n != 3 {
		t.Errorf("%d steps after the same again", n)
	}
	if n := transaction(100, 4); n != 4 {
		t.Errorf("%d steps after one row more", n)
	}
	p.keepalive(200)
	p.keepalive(200)
	if n := p.steps.Load(); n != 5 {
		t.Errorf("%d steps after a keepalive", n)
	}
}
