package cdc

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A query for which PostgreSQL takes too long is replaced by steps that become as small
// as they need to be.
func TestSlowScanTakesSmallSteps(t *testing.T) {
	f := newFixture(t)
	f.setup()
	f.openGapNow(byTime)
	for range 20 {
		f.register(f.avni)
	}
	f.exec(f.db.OwnerURL(), `
		alter table individual rename to individual_rows;
		create view individual as select * from individual_rows where pg_sleep(0.02) is not null`)
	for _, way := range []string{"seqscan", "bitmapscan", "sort"} {
		f.superuser(`do $$ begin execute format('alter database %I set enable_` + way + ` = off', current_database()); end $$`)
	}
	f.db.Pool().Reset()
	want := f.queryInt(`select count(*) from individual_rows where last_modified_date_time > now() - interval '15 minutes'`)
	s := &scan{pool: f.db.Pool(), pace: scanPace{rows: 1000, window: 20, pause: time.Millisecond}, timeout: 300 * time.Millisecond, log: f.reader().log, progressed: func(int) {}}
	var err error
	if s.gap, _, err = nextGap(f.ctx, &store{pool: f.db.Pool(), slot: f.names.Slot}, f.inspect().ServerVersion); err != nil {
		t.Fatal(err)
	}
	if err := s.scanTable(f.ctx, findTable("individual")); err != nil {
		t.Fatal(err)
	}
	if got := len(f.inbox()); got != want || want == 0 {
		t.Errorf("%d rows, want %d", got, want)
	}
}

// However many rows changed, the scan needs little memory; Keep decides.
func TestLargeScan(t *testing.T) {
	const subjects = 50_000
	f := newFixture(t)
	f.setup()
	f.exec(f.db.OwnerURL(), `
		insert into individual (uuid, version, first_name, observations, date_of_birth_verified, organisation_id, subject_type_id,
		                        created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select uuid_generate_v4()::text, 0, 'Asha', jsonb_build_object('story', repeat('x', 200)), false, 101, 301, 202, 202, now(), now()
		from generate_series(1, $1::int)`, subjects)
	even := func(c Change) bool { return c.Table == Individual && c.ID%2 == 0 }
	var peak uint64
	before := heap()
	counts, err := CountCatchUp(f.ctx, CatchUpOptions{Names: f.names, Pool: f.db.Pool(), Since: time.Now().Add(-time.Hour), Keep: even,
		Told: func(CatchUp) { peak = max(peak, heap()) }})
	if n := f.queryInt(`select (select count(*) from messenger.inbox) + (select count(*) from messenger.gap)`); err != nil || n != 0 {
		t.Fatalf("counting has written %d rows, %v", n, err)
	}
	entered, err := CatchUpByHand(f.ctx, CatchUpOptions{Names: f.names, Pool: f.db.Pool(), Since: time.Now().Add(-time.Hour), Keep: even,
		Told: func(CatchUp) { peak = max(peak, heap()) }})
	if err != nil {
		t.Fatal(err)
	}
	in := f.queryInt(`select count(*) from messenger.inbox`)
	want := f.queryInt(`select count(*) from individual where id % 2 = 0 and last_modified_date_time > now() - interval '1 hour'`)
	if in != want || int(entered) != want || want < subjects/2 {
		t.Errorf("%d in the inbox, %d entered, want %d", in, entered, want)
	}
	if diff := cmp.Diff([]CatchUpCount{{Individual, 101, entered}}, counts); diff != "" {
		t.Errorf("counted before (-want +got):\n%s", diff)
	}
	if grown := int64(peak) - int64(before); grown > 8<<20 {
		t.Errorf("the heap grew by %s", Bytes(grown))
	}
	if again, err := CatchUpByHand(f.ctx, CatchUpOptions{Names: f.names, Pool: f.db.Pool(), Since: time.Now().Add(-time.Hour), Keep: even}); err != nil || again != entered {
		t.Errorf("%d entered the second time, %v", again, err)
	}
}

// heap is how much memory is in use after a collection.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A catch-up by hand beside a reader leaves the reader's own gaps alone, and its rows
// are told to all processes.
func TestCatchUpByHandBesideAReader(t *testing.T) {
	f := newFixture(t)
	id := f.register(f.avni)
	told := make(chan struct{}, 100)
	r := f.startStreaming(func(r *Reader) { r.options.Stored = func() { told <- struct{}{} } })
	eventually(t, "a reader that listens", func() (bool, string) {
		n := f.queryInt(`select count(*) from pg_stat_activity where datname = current_database() and query = 'listen messenger_changed'`)
		return n > 0, fmt.Sprint(n)
	})
	for len(told) > 0 {
		<-told
	}
	if n := f.catchUp(time.Hour); n == 0 {
		t.Error("nothing entered")
	}
	f.take(subject(id))
	select {
	case <-told:
	case <-time.After(patience):
		t.Error("the reader was not told")
	}
	if diff := cmp.Diff([]repair{{"by_hand", "time", true, true}}, f.repairs()); diff != "" {
		t.Errorf("repairs (-want +got):\n%s", diff)
	}
	f.dropSlotOf(r) // one by hand does not count for the hour
	f.take(subject(f.register(f.avni)))
}

func (f *fixture) dropSlotOf(r *running) {
	f.t.Helper()
	r.stop()
	f.dropSlot()
	f.startStreaming()
}
