package cdc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// A reader that has been overtaken cannot write any more, neither rows nor position.
func TestFencedReaderCannotCommit(t *testing.T) {
	f := newFixture(t)
	f.setup()
	begin := func() *store {
		s := &store{pool: f.db.Pool(), slot: f.names.Slot, timeout: patience}
		if _, _, err := s.takeOver(f.ctx); err != nil {
			t.Fatal(err)
		}
		return s
	}
	row := func(id int64) []inboxRow {
		return []inboxRow{{change: Change{Table: Individual, Op: Insert, ID: id, OrganisationID: 101, TypeID: 301}, at: time.Now(), lsn: "0/10"}}
	}
	first := begin()
	if err := first.write(f.ctx, row(1), position{lsn: 0x10}, news{}); err != nil {
		t.Fatal(err)
	}
	second := begin()
	if err := first.write(f.ctx, row(2), position{lsn: 0x20}, news{}); !errors.Is(err, errFenced) {
		t.Errorf("overtaken reader got %v", err)
	}
	if got := f.inspect().Position.LSN; got != 0x10 {
		t.Errorf("position %s", got)
	}
	if err := second.write(f.ctx, row(3), position{lsn: 0x30}, news{}); err != nil {
		t.Fatal(err)
	}
	want := []entry{subject(1), subject(3)}
	if diff := cmp.Diff(want, f.inbox()); diff != "" {
		t.Errorf("inbox (-want +got):\n%s", diff)
	}
}

// The running reader notices, too, and comes back without losing anything.
func TestRunningReaderIsFenced(t *testing.T) {
	f := newFixture(t)
	f.countStores()
	r := f.startStreaming()
	f.exec(f.db.URL(), `update messenger.position set fencing_token = fencing_token + 1`)
	id := f.register(f.avni)
	eventually(t, "the change", func() (bool, string) { return len(f.inbox()) == 1, r.Status().Detail })
	f.take(subject(id))
	f.eachStoredOnce(1)
	if n := testutil.ToFloat64(r.options.Metrics.disconnects.WithLabelValues(string(reasonFenced))); n != 1 {
		t.Errorf("fenced %v times", n)
	}
}

// An older change, read again after a crash, does not replace a newer one.
func TestOlderChangeDoesNotWin(t *testing.T) {
	f := newFixture(t)
	f.setup()
	s := &store{pool: f.db.Pool(), slot: f.names.Slot, timeout: patience}
	if _, _, err := s.takeOver(f.ctx); err != nil {
		t.Fatal(err)
	}
	for _, row := range []inboxRow{
		{change: Change{Table: Individual, ID: 1, OrganisationID: 101, TypeID: 301}, at: time.Now(), lsn: "1/0"},
		{change: Change{Table: Individual, ID: 1, OrganisationID: 101, TypeID: 301, Voided: true}, at: time.Now(), lsn: "0/FFFFFFFF"},
	} {
		if err := s.write(f.ctx, []inboxRow{row}, position{lsn: 0x10}, news{}); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]entry{subject(1)}, f.inbox()); diff != "" {
		t.Errorf("inbox (-want +got):\n%s", diff)
	}
}

func TestSecondReaderStandsByAndTakesOver(t *testing.T) {
	f := newFixture(t)
	f.countStores()
	first := f.startStreaming()
	second := f.start()
	if detail := second.await(Standby).Detail; !strings.Contains(detail, "avni-messenger:"+f.names.Slot) {
		t.Errorf("detail %s", detail)
	}
	f.register(f.avni)
	eventually(t, "the change", func() (bool, string) { return len(f.inbox()) == 1, first.Status().Detail })
	first.stop()
	if s := first.Status(); s.State != Stopped {
		t.Errorf("state of the first: %+v", s)
	}
	second.await(Streaming)
	f.register(f.avni)
	eventually(t, "the change", func() (bool, string) { return len(f.inbox()) == 2, second.Status().Detail })
	f.eachStoredOnce(2)
}

// WAL that holds nothing for us is let go of, without anything to tell.
func TestIdlePositionAdvances(t *testing.T) {
	for name, adjust := range map[string]func(*pace){
		"by time": func(p *pace) { p.persistAge = 50 * time.Millisecond },
		"by size": func(p *pace) { p.persistBytes = 1 << 20 },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.superuser(`create table public.other (t text)`)
			f.startStreaming(func(r *Reader) {
				r.pace.status, r.pace.newStatus = 20*time.Millisecond, 10*time.Millisecond
				adjust(&r.pace)
			})
			f.superuser(`insert into public.other select repeat('x', 1000) from generate_series(1, 3000)`)
			end := f.inspect().WrittenLSN - 3<<19 // of the 3 MB written
			eventually(t, "acknowledgement of "+end.String(), func() (bool, string) {
				in := f.inspect()
				return in.Slot.ConfirmedLSN >= end, fmt.Sprintf("%+v", in)
			})
			if in := f.inspect(); in.Position.LSN < in.Slot.ConfirmedLSN {
				t.Errorf("acknowledged %s before %s was stored", in.Slot.ConfirmedLSN, in.Position.LSN)
			}
		})
	}
}

// Our own writes come back as WAL; they must not make us write again.
func TestIdleReaderIsQuiet(t *testing.T) {
	f := newFixture(t)
	r := f.startStreaming(func(r *Reader) { r.pace.status, r.pace.newStatus = 10*time.Millisecond, time.Millisecond })
	f.take(subject(f.register(f.avni)))
	stored := f.inspect().Position.LSN
	for range 20 {
		f.superuser(`create table public.other (); drop table public.other`)
		var end LSN
		if err := f.db.Pool().QueryRow(f.ctx, `select pg_current_wal_lsn()::text`).Scan(&end); err != nil {
			t.Fatal(err)
		}
		eventually(t, "receipt of "+end.String(), func() (bool, string) {
			got := LSN(testutil.ToFloat64(r.options.Metrics.received))
			return got >= end, got.String()
		})
	}
	if got := f.inspect().Position.LSN; got != stored {
		t.Errorf("position moved from %s to %s", stored, got)
	}
}

// When Run has returned the slot is free, and everything stored is acknowledged.
func TestStop(t *testing.T) {
	f := newFixture(t)
	r := f.startStreaming(func(r *Reader) { r.options.URL = f.db.URL() })
	for range 5 {
		f.register(f.avni)
	}
	eventually(t, "all changes", func() (bool, string) { return len(f.inbox()) == 5, "" })
	begin := time.Now()
	r.stop()
	if took := time.Since(begin); took > 4*time.Second+busy {
		t.Errorf("stopping took %s", took)
	}
	eventually(t, "an idle slot", func() (bool, string) { return !f.inspect().Slot.Active, "" })
	if in := f.inspect(); in.Slot.ConfirmedLSN != in.Position.LSN {
		t.Errorf("slot at %s, position %s", in.Slot.ConfirmedLSN, in.Position.LSN)
	}
}

// Stopping works in every state.
func TestStopWhileNotStreaming(t *testing.T) {
	f := newFixture(t)
	f.setup()
	f.exec(f.db.URL(), `select pg_drop_replication_slot('`+f.names.Slot+`')`)
	f.repairedJustNow()
	r := f.start(func(r *Reader) { r.pace.slow = time.Hour })
	r.await(SlotLost)
	r.stop()
	pool := f.pool("postgres://nobody@127.0.0.1:1/nothing")
	defer pool.Close()
	r = f.start(func(r *Reader) { r.options.Pool = pool; r.pace.retryMin = time.Hour })
	eventually(t, "a failed connection", func() (bool, string) { s := r.Status(); return s.State == Connecting && s.Detail != "", s.Detail })
	r.stop()
}

// A failing SQL side acknowledges nothing, and everything is read again.
func TestFailedStoreAcknowledgesNothing(t *testing.T) {
	f := newFixture(t)
	r := f.startStreaming()
	before := f.inspect()
	f.exec(f.db.URL(), `alter table messenger.inbox add constraint no check (entity_id < 0)`)
	id := f.register(f.avni)
	eventually(t, "trouble", func() (bool, string) {
		s := r.Status()
		return s.State == Connecting && strings.Contains(s.Detail, "violates check constraint"), s.Detail
	})
	if in := f.inspect(); in.Position.LSN != before.Position.LSN || in.Slot.ConfirmedLSN > before.Position.LSN {
		t.Errorf("position %s, slot %s; before %s", in.Position.LSN, in.Slot.ConfirmedLSN, before.Position.LSN)
	}
	f.exec(f.db.URL(), `alter table messenger.inbox drop constraint no`)
	f.take(subject(id))
}

// Started comes before the first change, each time.
func TestStartedComesFirst(t *testing.T) {
	f := newFixture(t)
	f.setup()
	id := f.register(f.avni)
	var started atomic.Int32
	f.startStreaming(func(r *Reader) {
		r.options.Started = func(context.Context) error {
			if started.Add(1) < 3 {
				return errors.New("not yet")
			}
			return nil
		}
		r.options.Keep = func(Change) bool { return started.Load() >= 3 }
	})
	f.take(subject(id))
}

func TestMetricsAreNamedWell(t *testing.T) {
	problems, err := testutil.GatherAndLint(registryOf(NewMetrics))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
