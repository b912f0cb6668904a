package cdc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/internal/avnitest"
)

// A publication that was made anew while it is being read is noticed although the
// stream says nothing: PostgreSQL 18 skips what it does not publish at the moment.
func TestWatchNoticesAnotherPublication(t *testing.T) {
	f := newFixture(t)
	r := f.startStreaming(func(r *Reader) { r.pace.watch, r.pace.sample = 20*time.Millisecond, 20*time.Millisecond })
	before := f.inspect()
	eventually(t, "a check that is noted", func() (bool, string) {
		p := f.inspect().Position
		return p.CheckedLSN > before.Position.CheckedLSN && p.CheckedAt.After(before.Position.CheckedAt), fmt.Sprintf("%+v", p)
	})
	conn := f.connect(f.db.URL())
	if _, err := conn.Exec(f.ctx, `begin; drop publication `+f.names.Publication+`; `+createPublicationSQL(f.names, before.ServerVersion)+`; commit`); err != nil {
		t.Fatal(err)
	}
	eventually(t, "repair", func() (bool, string) {
		in := f.inspect()
		return !in.altered() && in.Publication.Fingerprint != before.Publication.Fingerprint, fmt.Sprintf("%+v", in)
	})
	if n := f.queryInt(`select count(*) from messenger.gap where reason = $1`, causePublicationChanged); n != 1 {
		t.Errorf("%d gaps", n)
	}
	r.await(Streaming)
	f.take(subject(f.register(f.avni)))
}

// What a look finds in order is noted no more often than samples are taken: a gap could
// not begin any later, and an idle database stays idle.
func TestChecksAreNotedRarely(t *testing.T) {
	f := newFixture(t)
	f.setup()
	r := f.reader()
	if _, _, err := r.store(f.inspect()).takeOver(f.ctx); err != nil {
		t.Fatal(err)
	}
	noted := func() time.Time {
		t.Helper()
		if err := r.look(f.ctx); err != nil {
			t.Fatal(err)
		}
		return f.inspect().Position.CheckedAt
	}
	first := noted()
	if again := noted(); !again.Equal(first) {
		t.Errorf("noted at %s, and at %s again", first, again)
	}
	f.exec(f.db.URL(), `update messenger.position set checked_at = checked_at - interval '1 minute'`)
	if later := noted(); !later.After(first) {
		t.Errorf("not noted after a minute, but at %s", later)
	}
}

// Whoever keeps WAL from being let go of is named, as far as our role may see it.
func TestConcernNamesTheOldestTransaction(t *testing.T) {
	f := newFixtureOn(t, newServer(t, nil))
	f.setup()
	f.superuser(`create table public.other (t text)`)
	open := f.connect(f.db.SuperuserURL())
	if _, err := open.Exec(f.ctx, `begin; select txid_current()`); err != nil {
		t.Fatal(err)
	}
	f.superuser(`insert into public.other select repeat(md5(n::text), 30) from generate_series(1, 4000) n`)
	f.superuser(`select pg_replication_slot_advance('` + f.names.Slot + `', pg_current_wal_lsn())`)
	f.exec(f.db.URL(), `update messenger.position set lsn = pg_current_wal_lsn()`)
	r := f.reader(func(r *Reader) { r.guard.limit = 2 << 20 })
	concern := func() string {
		t.Helper()
		if err := r.look(f.ctx); err != nil {
			t.Fatal(err)
		}
		return strings.Join(r.Status().Watch.Concerns, "\n")
	}
	whose := fmt.Sprintf("for the sake of transactions that are open: pid %d of role postgres (", open.PgConn().PID())
	for _, want := range []string{whose + "state hidden) since unknown", "grant pg_monitor to \"avni_messenger\";", "pg_terminate_backend"} {
		if text := concern(); !strings.Contains(text, want) {
			t.Errorf("does not say %q: %s", want, text)
		}
	}
	f.superuser(`grant pg_monitor to avni_messenger`)
	if text := concern(); !strings.Contains(text, whose+"idle in transaction) since 20") || strings.Contains(text, "grant") {
		t.Errorf("says %s", text)
	}
	for _, want := range []string{fmt.Sprintf(" of WAL on its disk for slot %q, ", f.names.Slot),
		" times MESSENGER_MAX_SLOT_WAL (the slot is dropped at 4.0 MB, and from 2.0 MB on if reading gets no further): ", ". It passes by itself once they have ended"} {
		if text := concern(); !strings.Contains(text, want) {
			t.Errorf("does not say %q: %s", want, text)
		}
	}
	if _, err := open.Exec(f.ctx, `rollback`); err != nil {
		t.Fatal(err)
	}
	if text := concern(); !strings.Contains(text, ": for the sake of transactions that have ended by now, so that it passes by itself") {
		t.Errorf("when it has ended it says %s", text)
	}
}

// What is kept is told as a share of what may be.
func TestConcernTellsHowMuchIsKept(t *testing.T) {
	const megabyte = 1 << 20
	in := Inspection{WrittenLSN: 1000 * megabyte, Slot: SlotState{Exists: true, RestartLSN: 898 * megabyte, ConfirmedLSN: 898 * megabyte}}
	const want = `PostgreSQL keeps 102.0 MB of WAL on its disk for slot "s", 1.6 times MESSENGER_MAX_SLOT_WAL (the slot is dropped at 128.0 MB, and from 64.0 MB on if reading gets no further): avni-messenger is behind`
	if found := in.slotConcerns(Names{Slot: "s"}, 64*megabyte, ""); len(found) != 1 || found[0].Text != want {
		t.Errorf("%+v, want %s", found, want)
	}
	if found := in.slotConcerns(Names{Slot: "s"}, 204*megabyte, ""); len(found) != 0 {
		t.Errorf("half of what may be kept is %+v", found)
	}
}

// A disk without a limit is a concern for as long as it has none, not only at the start.
func TestNoLimitIsAConcern(t *testing.T) {
	for keep, want := range map[int64]int{-1: 1, 16384: 0} {
		in := Inspection{MaxSlotWALKeep: &keep}
		w := in.watch("", in.concerns(Names{}, 0, ""))
		if len(w.Concerns) != want {
			t.Errorf("max_slot_wal_keep_size %d: %q", keep, w.Concerns)
		}
	}
	old := Inspection{} // no setting could mend it
	if w := old.watch("", old.concerns(Names{}, 0, "")); len(w.Concerns) != 0 {
		t.Errorf("PostgreSQL 12: %q", w.Concerns)
	}
}

// A table that is taken out of the publication is, too.
func TestWatchNoticesAnotherShape(t *testing.T) {
	f := newFixture(t)
	r := f.startStreaming(func(r *Reader) { r.pace.watch = 20 * time.Millisecond })
	f.exec(f.db.URL(), `alter publication `+f.names.Publication+` drop table encounter`)
	if detail := r.await(Misconfigured).Detail; !strings.Contains(detail, "table encounter is missing") {
		t.Errorf("detail %s", detail)
	}
	// What it has missed comes from the table.
	visit, err := f.avni.ScheduleEncounter(f.ctx, 1001, 502, "Home visit", time.Now(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	f.exec(f.db.URL(), `alter publication `+f.names.Publication+` add table encounter`)
	r.await(Streaming)
	f.take(entry{Encounter, visit, avnitest.AshaGramin, 502, false})
}

// What is shown of the slot is what the server says.
func TestWatchShowsTheSlot(t *testing.T) {
	f := newFixture(t)
	short := func(r *Reader) { r.pace.watch = 20 * time.Millisecond }
	leader := f.startStreaming(short)
	standby := f.start(short)
	f.register(f.avni)
	eventually(t, "figures", func() (bool, string) {
		l, s := leader.Status().Watch, standby.Status().Watch
		return l.Active && l.Leader && l.Retained > 0 && l.LeaseUntil.After(l.At) && l.Holder == leader.holder &&
			s.Active && !s.Leader && s.Holder == leader.holder && s.ActivePID == l.ActivePID, fmt.Sprintf("%+v\n%+v", l, s)
	})
	if s := f.inspect().Slot; s.RestartLSN == 0 || f.inspect().ServerVersion >= 130000 && s.WALStatus != "reserved" {
		t.Errorf("slot %+v", s)
	}
}

// Who cannot ask the database does not claim to have the lease.
func TestLeaderIsNotKnownWithoutDatabase(t *testing.T) {
	f := newFixture(t)
	f.setup()
	pool := f.pool(f.db.URL())
	r := f.reader(func(r *Reader) { r.options.Pool = pool })
	if _, _, err := r.store(f.inspect()).takeOver(f.ctx); err != nil {
		t.Fatal(err)
	}
	if err := r.look(f.ctx); err != nil || testutil.ToFloat64(r.options.Metrics.leader) != 1 {
		t.Fatalf("leader %v, %v", testutil.ToFloat64(r.options.Metrics.leader), err)
	}
	pool.Close()
	if err := r.look(f.ctx); err == nil || testutil.ToFloat64(r.options.Metrics.leader) != 0 {
		t.Errorf("leader %v, %v", testutil.ToFloat64(r.options.Metrics.leader), err)
	}
}

func TestWarnings(t *testing.T) {
	size := func(n int64) *int64 { return &n }
	for name, c := range map[string]struct {
		in   Inspection
		says []string
	}{
		"no limit":        {Inspection{MaxSlotWALKeep: size(-1)}, []string{"max_slot_wal_keep_size is -1", "alter system set"}},
		"none at all":     {Inspection{MaxSlotWALKeep: size(0)}, []string{"max_slot_wal_keep_size is 0", "slot is lost"}},
		"a limit":         {Inspection{MaxSlotWALKeep: size(16384)}, nil},
		"PostgreSQL 12":   {Inspection{}, []string{"has no max_slot_wal_keep_size", "avni-messenger teardown"}},
		"PostgreSQL 18":   {Inspection{MaxSlotWALKeep: size(16384), IdleSlotTimeout: 24 * time.Hour}, []string{"idle_replication_slot_timeout is 24h0m0s"}},
		"18 without both": {Inspection{MaxSlotWALKeep: size(-1), IdleSlotTimeout: time.Hour}, []string{"is -1", "idle_replication_slot_timeout"}},
	} {
		got := strings.Join(c.in.Warnings(), "\n")
		for _, want := range c.says {
			if !strings.Contains(got, want) {
				t.Errorf("%s does not say %q: %s", name, want, got)
			}
		}
		if c.says == nil && got != "" {
			t.Errorf("%s says %s", name, got)
		}
	}
	f := newFixture(t)
	if in := f.inspect(); in.ServerVersion >= 130000 && in.MaxSlotWALKeep == nil {
		t.Error("max_slot_wal_keep_size is not read")
	}
}
