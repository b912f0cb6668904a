package cdc

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
)

// catchUp does one by hand.
func (f *fixture) catchUp(ago time.Duration) int64 {
	f.t.Helper()
	entered, err := CatchUpByHand(f.ctx, CatchUpOptions{Names: f.names, Pool: f.db.Pool(), Since: time.Now().Add(-ago)})
	if err != nil {
		f.t.Fatal(err)
	}
	return entered
}

// openGapNow records a gap that the next stream scans for.
func (f *fixture) openGapNow(mode scanMode) {
	f.t.Helper()
	f.exec(f.db.URL(), `
		insert into messenger.gap (slot, reason, since, mode, xmin_floor, from_lsn, to_lsn)
		select $1, 'slot_missing', now() - interval '15 minutes', $2, `+snapshotXmin(f.inspect().ServerVersion)+`, pg_current_wal_lsn(), pg_current_wal_lsn()`,
		f.names.Slot, string(mode))
}

// settleBefore makes everything that is there too old for any scan.
func (f *fixture) settleBefore() {
	f.t.Helper()
	for _, table := range entityTables("") {
		f.exec(f.db.OwnerURL(), `update `+table.qualified()+` set created_date_time = now() - interval '1 day', last_modified_date_time = now() - interval '1 day'`)
	}
	// What else runs on this server may be older, and then so is the next floor.
	settled := f.queryInt(`select txid_current()`)
	eventually(f.t, "the end of all older transactions", func() (bool, string) {
		oldest := f.queryInt(`select txid_snapshot_xmin(txid_current_snapshot())`)
		return oldest > settled, fmt.Sprint(oldest, " <= ", settled)
	})
}

// Every table's changes are found by both modes, with the columns that the stream would
// have brought. Users count when they were created or voided.
func TestScanFindsWhatTheStreamWouldBring(t *testing.T) {
	for _, mode := range scanModes {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.settleBefore()
			f.setup()
			f.openGapNow(mode)
			ctx, now := f.ctx, time.Now()
			must := func(id int64, err error) int64 {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
				return id
			}
			person := f.register(f.avni)
			enrolment := must(f.avni.Enrol(ctx, person, 401, now, nil))
			visit := must(f.avni.ScheduleVisit(ctx, enrolment, 501, "ANC", now, now))
			must(0, f.avni.VoidVisit(ctx, visit))
			encounter := must(f.avni.ScheduleEncounter(ctx, person, 502, "Home visit", now, now))
			created := must(f.avni.CreateUser(ctx, avnitest.UserFields{Name: "Sita"}))
			must(0, f.avni.SaveUser(ctx, 202))
			must(0, f.avni.VoidUser(ctx, 203))
			// The slot is younger, so that only the scan can bring them.
			f.exec(f.db.URL(), `select pg_replication_slot_advance('`+f.names.Slot+`', pg_current_wal_lsn())`)
			f.exec(f.db.URL(), `update messenger.position set lsn = (select confirmed_flush_lsn from pg_replication_slots where slot_name = slot)`)
			var mu sync.Mutex
			ops := map[Table]Op{}
			r := f.startStreaming(func(r *Reader) {
				r.options.Keep = func(c Change) bool {
					mu.Lock()
					defer mu.Unlock()
					ops[c.Table] = c.Op
					return true
				}
			})
			f.awaitRepairs(r, repair{"slot_missing", string(mode), false, true})
			want := []entry{subject(person), {ProgramEnrolment, enrolment, avnitest.AshaGramin, 401, false}, {Encounter, encounter, avnitest.AshaGramin, 502, false},
				{ProgramEncounter, visit, avnitest.AshaGramin, 501, true}, {Users, 203, avnitest.AshaGramin, 0, true}, {Users, created, avnitest.AshaGramin, 0, false}}
			if diff := cmp.Diff(want, f.inbox()); diff != "" {
				t.Errorf("inbox (-want +got):\n%s", diff)
			}
			if ops[Individual] != Insert || ops[Users] != Insert {
				t.Errorf("operations %v", ops)
			}
		})
	}
}

// Only the exact mode finds what SQL changed without touching last_modified_date_time,
// and it does so for transactions that were open when the sample was taken.
func TestExactModeNeedsNoTimestamps(t *testing.T) {
	f := newFixture(t)
	changed := f.register(f.avni)
	late := f.register(f.avni)
	f.settleBefore()
	r := f.startStreaming(quick)
	f.take(subject(f.register(f.avni)))
	open := f.connect(f.db.OwnerURL())
	if _, err := open.Exec(f.ctx, `begin; update individual set first_name = 'late' where id = `+fmt.Sprint(late)); err != nil {
		t.Fatal(err)
	}
	f.take(subject(f.register(f.avni)))
	f.awaitFloor(r)
	r.stop()
	f.exec(f.db.OwnerURL(), `update individual set first_name = 'changed' where id = $1`, changed)
	if _, err := open.Exec(f.ctx, `commit`); err != nil {
		t.Fatal(err)
	}
	f.exec(f.db.SuperuserURL(), `vacuum freeze individual`)
	f.dropSlot()
	r = f.startStreaming()
	f.awaitRepairs(r, repair{string(causeSlotMissing), string(byXmin), false, true})
	f.take(subject(changed))
	f.take(subject(late))
}

// A floor that is too old to compare with, or of the future, is not trusted.
func TestFloorOutOfReach(t *testing.T) {
	for name, by := range map[string]int64{"old": 2_000_000_000, "future": -1000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.setup()
			id := f.register(f.avni)
			f.openGapNow(byXmin)
			f.exec(f.db.URL(), `update messenger.gap set xmin_floor = xmin_floor - $1`, by)
			f.exec(f.db.URL(), `update messenger.position set lsn = pg_current_wal_lsn()`)
			f.startStreaming()
			f.take(subject(id))
		})
	}
}

// Killed in the middle, the scan goes on where it was: no row is lost, none comes twice.
func TestScanResumes(t *testing.T) {
	for _, mode := range scanModes {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			const subjects = 50
			f := newFixture(t)
			f.settleBefore()
			f.setup()
			f.countStores()
			f.openGapNow(mode)
			for range subjects {
				f.register(f.avni)
			}
			f.exec(f.db.URL(), `update messenger.position set lsn = pg_current_wal_lsn()`)
			f.exec(f.db.URL(), `select pg_replication_slot_advance('`+f.names.Slot+`', (select lsn from messenger.position))`)
			small := func(r *Reader) { r.pace.scan = scanPace{rows: 10, window: 10, pause: time.Millisecond} }
			ctx, cancel := context.WithCancel(f.ctx)
			defer cancel()
			stored := make(chan struct{})
			r := f.reader(small, func(r *Reader) {
				r.options.Stored = func() { // which also other things call
					var n int
					if err := f.db.Pool().QueryRow(f.ctx, `select count(*) from messenger.inbox`).Scan(&n); err != nil || n == 0 {
						return
					}
					cancel()
					<-stored // nothing more happens before the reader is told to end
				}
			})
			ended := make(chan error)
			go func() { ended <- r.Run(ctx) }()
			<-ctx.Done()
			close(stored)
			if err := <-ended; err != nil {
				t.Fatal(err)
			}
			if n := len(f.inbox()); n == 0 || n >= subjects {
				t.Fatalf("%d rows entered before the end", n)
			}
			f.awaitRepairs(f.startStreaming(small), repair{"slot_missing", string(mode), false, true})
			if n := len(f.inbox()); n != subjects {
				t.Errorf("%d rows of %d", n, subjects)
			}
			f.eachStoredOnce(subjects)
			if n := f.queryInt(`select rows from messenger.gap`); n != subjects {
				t.Errorf("gap counts %d rows", n)
			}
		})
	}
}

// Whoever has lost the fencing token fills nothing; nor does a second one with the same
// cursor.
func TestFencedScanWritesNothing(t *testing.T) {
	f := newFixture(t)
	f.setup()
	f.openGapNow(byTime)
	f.register(f.avni)
	st := &store{pool: f.db.Pool(), slot: f.names.Slot, timeout: patience}
	if _, _, err := st.takeOver(f.ctx); err != nil {
		t.Fatal(err)
	}
	newScan := func() *scan {
		t.Helper()
		g, found, err := nextGap(f.ctx, st, f.inspect().ServerVersion)
		if err != nil || !found {
			t.Fatal(found, err)
		}
		return &scan{pool: f.db.Pool(), token: &st.token, gap: g, pace: defaultScanPace(), timeout: patience, log: f.reader().log, progressed: func(int) {}}
	}
	rival, old := newScan(), newScan()
	c, err := old.read(f.ctx, findTable("individual"), step{rows: 1000})
	if err != nil || len(c.rows) == 0 {
		t.Fatal(c, err)
	}
	f.exec(f.db.URL(), `update messenger.position set fencing_token = fencing_token + 1`)
	if _, err := old.write(f.ctx, c); !errors.Is(err, errFenced) {
		t.Errorf("fenced scan got %v", err)
	}
	if got := f.inbox(); len(got) != 0 {
		t.Errorf("inbox %+v", got)
	}
	f.exec(f.db.URL(), `update messenger.position set fencing_token = fencing_token - 1`)
	if err := rival.run(f.ctx); err != nil {
		t.Fatal(err)
	}
	f.exec(f.db.URL(), `delete from messenger.inbox`)
	if _, err := old.write(f.ctx, c); !errors.Is(err, errFenced) {
		t.Errorf("overtaken scan got %v", err)
	}
	if got := f.inbox(); len(got) != 0 {
		t.Errorf("inbox %+v", got)
	}
}

// What the stream brings during a scan is newer than what the scan has read, and what
// was in the inbox before the gap is older.
func TestScanKeepsNewerChanges(t *testing.T) {
	f := newFixture(t)
	f.setup()
	id, waiting := f.register(f.avni), f.register(f.avni)
	f.openGapNow(byTime)
	insert := `insert into messenger.inbox (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn, claimed_until)
		values ('individual', $1, 101, 301, true, now(), $2::text::pg_lsn, now() + interval '1 hour')`
	f.exec(f.db.URL(), insert, waiting, "0/1")
	s := &scan{pool: f.db.Pool(), pace: defaultScanPace(), timeout: patience, log: f.reader().log, progressed: func(int) {}}
	var found bool
	var err error
	if s.gap, found, err = nextGap(f.ctx, &store{pool: f.db.Pool(), slot: f.names.Slot}, f.inspect().ServerVersion); err != nil || !found {
		t.Fatal(found, err)
	}
	s.gap.next = bookmark{table: Individual}
	c, err := s.read(f.ctx, findTable("individual"), step{rows: 1000})
	if err != nil {
		t.Fatal(err)
	}
	f.exec(f.db.URL(), insert, id, "FF/0") // the stream is quicker
	if _, err := s.write(f.ctx, c); err != nil {
		t.Fatal(err)
	}
	for subject, voided := range map[int64]bool{id: true, waiting: false} {
		got := f.queryInt(`select count(*) from messenger.inbox where entity_id = $1 and is_voided = $2 and (claimed_until is null) <> $2`, subject, voided)
		if got != 1 {
			t.Errorf("subject %d in the inbox: %+v", subject, f.inbox())
		}
	}
}
