package cdc

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
)

// A transaction that does not end keeps a new slot waiting. Its session is named, and
// when it has ended the repair goes on.
func TestRepairWaitsForOpenTransactions(t *testing.T) {
	f := newFixture(t)
	f.streamOnce()
	missed := f.register(f.avni)
	f.dropSlot()
	open := f.behind(`update individual set first_name = 'late' where id = ` + fmt.Sprint(missed))
	r := f.start(func(r *Reader) { r.pace.newSlot = 100 * time.Millisecond })
	eventually(t, "who is waited for", func() (bool, string) {
		s := r.Status()
		return s.State == SlotLost && strings.Contains(s.Detail, "of role openchs") && strings.Contains(s.Detail, "is tried again"), s.Detail
	})
	if _, err := open.Exec(f.ctx, `commit`); err != nil {
		t.Fatal(err)
	}
	f.take(subject(missed))
	eventually(t, "one repair", func() (bool, string) {
		done := f.repairs()
		return len(done) == 1 && done[0].Finished, fmt.Sprintf("%+v", done)
	})
}

// Of two processes one repairs, once.
func TestTwoProcessesRepairOnce(t *testing.T) {
	f := newFixture(t)
	f.settleBefore()
	f.startStreaming().stop()
	f.countStores()
	missed := f.register(f.avni)
	f.dropSlot()
	first, second := f.start(), f.start()
	eventually(t, "one that streams and one that waits", func() (bool, string) {
		a, b := first.Status(), second.Status()
		return a.State == Streaming && b.State == Standby || a.State == Standby && b.State == Streaming, fmt.Sprintf("%+v\n%+v", a, b)
	})
	f.take(subject(missed))
	eventually(t, "the end of the repair", func() (bool, string) {
		done := f.repairs()
		return len(done) == 1 && done[0].Finished, fmt.Sprintf("%+v", done)
	})
	f.eachStoredOnce(1)
}

// WAL that was removed because the slot kept too much, while stopped and while
// streaming from a reader that gets no further.
func TestSlotThatLostItsWAL(t *testing.T) {
	t.Parallel()
	if newFixture(t).inspect().ServerVersion < 130000 {
		return // such a server never removes what a slot needs
	}
	server := newServer(t, map[string]string{"max_slot_wal_keep_size": "1MB", "wal_keep_size": "0", "min_wal_size": "32MB", "max_wal_size": "64MB"})
	lose := func(f *fixture) {
		f.t.Helper()
		f.superuser(`create table if not exists public.other (n int)`)
		eventually(f.t, "loss", func() (bool, string) {
			f.superuser(`select pg_switch_wal()`)
			f.superuser(`insert into public.other select generate_series(1, 1000)`)
			f.superuser(`checkpoint`)
			s := f.inspect().Slot
			return s.WALStatus == "lost" || len(f.repairs()) > 0, s.WALStatus
		})
	}
	t.Run("stopped", func(t *testing.T) {
		f := newFixtureOn(t, server)
		f.startStreaming().stop()
		missed := f.register(f.avni)
		lose(f)
		r := f.startStreaming()
		f.take(subject(missed))
		f.awaitRepairs(r, repair{string(causeWALRemoved), f.repairs()[0].Mode, false, true})
	})
	t.Run("streaming", func(t *testing.T) {
		f := newFixtureOn(t, server)
		release := make(chan struct{})
		stuck := make(chan struct{}, 1)
		r := f.startStreaming(func(r *Reader) {
			r.pace.silence = time.Millisecond
			r.options.Reference = func(ctx context.Context, changes []Change) error {
				select {
				case stuck <- struct{}{}:
				default:
				}
				select {
				case <-release:
				case <-ctx.Done():
				}
				return nil
			}
		})
		_, err := f.avni.SaveRule(f.ctx, avnitest.RuleFields{ID: 601, Name: "Welcome", EntityType: "Subject", EntityTypeID: 301, TemplateID: "7001", ScheduleRule: "1", MessageRule: "1"})
		if err != nil {
			t.Fatal(err)
		}
		<-stuck
		missed := f.register(f.avni)
		lose(f)
		close(release)
		f.take(subject(missed))
		eventually(t, "a repair", func() (bool, string) {
			done := f.repairs()
			return len(done) == 1 && done[0].Finished, fmt.Sprintf("%+v, %+v", done, r.Status())
		})
		r.await(Streaming)
	})
}

// A process that freezes in the middle of a repair, or that the network loses, does not
// keep others from it. (Before PostgreSQL 14 that is up to TCP.)
func TestRepairOfAFrozenProcess(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if f.inspect().ServerVersion < 140000 {
		return
	}
	f.startStreaming().stop()
	missed := f.register(f.avni)
	f.dropSlot()
	if _, err := lockSetup(f.ctx, f.connect(f.db.URL()), f.names); err != nil {
		t.Fatal(err)
	}
	f.startStreaming()
	f.take(subject(missed))
}

// What bounds the lock for setup does not stay with a connection of the pool.
func TestLockForSetupLeavesNothing(t *testing.T) {
	f := newFixture(t)
	conn := f.connect(f.db.URL())
	settings := func() (text string) {
		t.Helper()
		err := conn.QueryRow(f.ctx, `select string_agg(name || ' ' || setting, ' ' order by name) from pg_settings where name in ('idle_session_timeout', 'tcp_keepalives_idle')`).Scan(&text)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	before := settings()
	unlock, err := lockSetup(f.ctx, conn, f.names)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
	if after := settings(); after != before {
		t.Errorf("settings %s became %s", before, after)
	}
}
