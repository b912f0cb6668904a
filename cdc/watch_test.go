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
	r := f.startStreaming(func(r *Reader) { r.pace.watch = 20 * time.Millisecond })
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
