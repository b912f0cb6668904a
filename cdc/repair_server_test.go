package cdc

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

// What waits in the inbox from another server, whose WAL was longer, is older than any
// change to come; so is what a search finds that was begun there.
func TestInboxOfAnotherServer(t *testing.T) {
	f := newFixture(t)
	f.startStreaming().stop()
	waiting, unfinished := f.register(f.avni), f.register(f.avni)
	f.exec(f.db.URL(), `insert into messenger.inbox (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn, claimed_by, claimed_until)
		values ('individual', $1, 101, 301, false, now(), 'FF/0', '5f0c954c-7ab9-4dbb-8d3a-2f1e13ab5b7b', now() + interval '1 hour')`, waiting)
	f.exec(f.db.URL(), `insert into messenger.gap (slot, reason, since, mode, xmin_floor, xid_ceiling, from_lsn, to_lsn, opened_at)
		values ($1, 'slot_missing', now() - interval '15 minutes', 'xmin', 4000000000, 5000000000, 'FE/0', 'FF/0', now() - interval '2 hours')`, f.names.Slot)
	f.exec(f.db.URL(), `update messenger.position set system_identifier = 1, lsn = 'FF/100'`)
	r := f.startStreaming()
	eventually(t, "both searches", func() (bool, string) {
		done := f.repairs()
		return len(done) == 2 && done[0] == repair{string(causeSlotMissing), string(byTime), false, true} && done[1] == repair{string(causeOtherServer), string(byTime), false, true}, fmt.Sprintf("%+v %+v", done, r.Status())
	})
	if n := f.queryInt(`select count(*) from messenger.inbox where claimed_by is not null or commit_lsn > pg_current_wal_lsn()`); n != 0 {
		t.Errorf("%d rows of the other server", n)
	}
	for _, id := range []int64{waiting, unfinished} {
		f.exec(f.db.OwnerURL(), `update individual set is_voided = true, last_modified_date_time = now() where id = $1`, id)
		voided := subject(id)
		voided.Voided = true
		f.take(voided)
	}
}

// A standby that has become the server goes on in a new timeline, and so does the stream
// if the slot has come along: nothing was missed. The way back is another server.
func TestPromotedServer(t *testing.T) {
	t.Parallel()
	f := newFixtureOn(t, newServer(t, map[string]string{"restore_command": "false"}))
	r := f.startStreaming()
	f.take(subject(f.register(f.avni)))
	if in := f.inspect(); in.Timeline != 1 || in.Position.Timeline != 1 {
		t.Fatalf("timeline %d, stored %d", in.Timeline, in.Position.Timeline)
	}
	r.stop()
	missed := f.register(f.avni)
	f.superuser(`do $$ begin execute format('copy (select) to %L', current_setting('data_directory') || '/recovery.signal'); end $$`)
	f.restart("fast")
	r = f.startStreaming()
	f.take(subject(missed))
	f.take(subject(f.register(f.avni)))
	if in := f.inspect(); in.Timeline != 2 || in.Position.Timeline != 2 {
		t.Errorf("timeline %d, stored %d", in.Timeline, in.Position.Timeline)
	}
	if done := f.repairs(); len(done) != 0 {
		t.Errorf("repairs %+v", done)
	}
	r.stop()
	f.exec(f.db.URL(), `update messenger.position set timeline = 3`)
	missed = f.register(f.avni)
	r = f.startStreaming()
	f.take(subject(missed))
	f.awaitRepairs(r, repair{string(causeOtherServer), string(byTime), false, true})
	if in := f.inspect(); in.Position.Timeline != 2 {
		t.Errorf("stored timeline %d", in.Position.Timeline)
	}
}

// A gap that comes at once, after setup or after another repair, is filled exactly, too.
func TestFirstGapIsExact(t *testing.T) {
	for name, before := range map[string]func(*fixture){
		"after setup": func(f *fixture) { f.setup() },
		"after another server": func(f *fixture) {
			f.setup()
			f.exec(f.db.URL(), `update messenger.position set system_identifier = 1`)
			r := f.startStreaming(func(r *Reader) { r.pace.sample = time.Hour })
			f.awaitRepairs(r, repair{string(causeOtherServer), string(byTime), false, true})
			r.stop()
			f.exec(f.db.URL(), `delete from messenger.gap; delete from messenger.snapshot_sample where at > (select min(at) from messenger.snapshot_sample)`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			before(f)
			missed := f.register(f.avni)
			f.dropSlot()
			r := f.startStreaming()
			f.take(subject(missed))
			f.awaitRepairs(r, repair{string(causeSlotMissing), string(byXmin), false, true})
		})
	}
}

// A transaction that began before a new slot's beginning may have committed before it and
// be seen a moment later: the search waits for it.
func TestSearchWaitsForWhatIsNotVisible(t *testing.T) {
	f := newFixture(t)
	f.setup()
	f.openGapNow(byTime)
	open := f.behind(`update individual set last_modified_date_time = now() where id = 1001`)
	f.exec(f.db.URL(), `update messenger.gap set xid_ceiling = txid_current()`)
	f.exec(f.db.URL(), `update messenger.position set lsn = pg_current_wal_lsn()`)
	r := f.startStreaming()
	eventually(t, "a search", func() (bool, string) { return r.Status().CatchUp.Running, "" })
	select {
	case <-time.After(300 * time.Millisecond): // nothing may come
	case <-f.ctx.Done():
	}
	if c := r.Status().CatchUp; !c.Running || c.Table != "" || f.repairs()[0].Finished {
		t.Errorf("the search did not wait: %+v", c)
	}
	if _, err := open.Exec(f.ctx, `commit`); err != nil {
		t.Fatal(err)
	}
	f.awaitRepairs(r, repair{string(causeSlotMissing), string(byTime), false, true})
	f.take(subject(1001))
	// A repair sets that bar.
	r.stop()
	f.exec(f.db.URL(), `delete from messenger.gap`)
	f.dropSlot()
	r = f.startStreaming()
	eventually(t, "a repair that waited for what was open", func() (bool, string) {
		n := f.queryInt(`select count(*) from messenger.gap where finished_at is not null and xid_ceiling between 3 and txid_current()`)
		return n == 1, fmt.Sprintf("%+v", r.Status())
	})
}

// Two who make the publication at the same moment do not get in each other's way.
func TestRepairMeetsSomebodyElse(t *testing.T) {
	f := newFixture(t)
	f.streamOnce()
	f.exec(f.db.URL(), `drop publication `+f.names.Publication)
	missed := f.register(f.avni)
	operator := f.connect(f.db.URL())
	if _, err := operator.Exec(f.ctx, `begin; `+createPublicationSQL(f.names, f.inspect().ServerVersion)); err != nil {
		t.Fatal(err)
	}
	r := f.start(func(r *Reader) { r.pace.slow, r.pace.retryMin, r.pace.retryMax = time.Hour, time.Hour, time.Hour })
	f.awaitLockWaiter("concept")
	if _, err := operator.Exec(f.ctx, `commit`); err != nil {
		t.Fatal(err)
	}
	f.take(subject(missed))
	r.await(Streaming)
}

// While one process makes the slot, the others wait and do not take it for a stranger.
func TestStandbyWhileTheSlotIsMade(t *testing.T) {
	f := newFixture(t)
	f.startStreaming().stop()
	missed := f.register(f.avni)
	f.dropSlot()
	open := f.behind(`update individual set first_name = 'late' where id = ` + fmt.Sprint(missed))
	maker := f.start()
	eventually(t, "a slot in the making", func() (bool, string) {
		s := f.inspect().Slot
		return s.made(f.names), fmt.Sprintf("%+v", s)
	})
	other := f.reader()
	in := f.inspect()
	err := other.claim(f.ctx, f.connect(f.db.URL()), in)
	if err == nil || !strings.Contains(err.Error(), "is being made by another avni-messenger") || strings.Contains(err.Error(), "stop it") {
		t.Errorf("standby: %v", err)
	}
	for _, c := range in.concerns(f.names, 0, "") {
		if c.kind == "foreign" {
			t.Errorf("concern %s", c.Text)
		}
	}
	if _, err := open.Exec(f.ctx, `commit`); err != nil {
		t.Fatal(err)
	}
	f.take(subject(missed))
	maker.await(Streaming)
	if n := f.queryInt(`select count(*) from pg_stat_activity where application_name = $1`, makerName(f.names.Slot)); n != 0 {
		t.Errorf("%d connections keep the name", n)
	}
}

// It is said why PostgreSQL has given a slot up, and what was not the reason is not blamed.
func TestReasonsForALostSlot(t *testing.T) {
	size := func(n int64) *int64 { return &n }
	for name, c := range map[string]struct {
		slot  SlotState
		keep  *int64
		says  string
		cause cause
	}{
		"too much WAL":   {SlotState{Invalidation: "wal_removed"}, size(1024), "max_slot_wal_keep_size, 1.0 GB, was exceeded", causeWALRemoved},
		"PostgreSQL 13":  {SlotState{}, size(64), "max_slot_wal_keep_size, 64.0 MB, was exceeded", causeWALRemoved},
		"WAL without it": {SlotState{Invalidation: "wal_removed"}, size(-1), "is not there any more (wal_status is lost)", causeWALRemoved},
		"nobody read":    {SlotState{Invalidation: "idle_timeout"}, size(1024), "longer than idle_replication_slot_timeout (48h0m0s)", causeSlotUnreadable},
		"wal_level":      {SlotState{Invalidation: "wal_level_insufficient"}, size(1024), "invalidation_reason is wal_level_insufficient", causeSlotUnreadable},
		"PostgreSQL 16":  {SlotState{Conflicting: true}, size(64), "max_slot_wal_keep_size, 64.0 MB, was exceeded", causeWALRemoved},
		"standby, old":   {SlotState{Conflicting: true, RestartLSN: 1}, size(1024), "in the way of recovery on a standby", causeSlotUnreadable},
	} {
		c.slot.Exists, c.slot.Plugin, c.slot.WALStatus = true, outputPlugin, "lost"
		in := Inspection{Slot: c.slot, MaxSlotWALKeep: c.keep, IdleSlotTimeout: 48 * time.Hour, Position: PositionState{Exists: true, LSN: 1}, WrittenLSN: 2}
		err := in.gap(Names{"s", "p"})
		got := classify(err, "")
		if !strings.Contains(got.Error(), c.says) || got.cause != c.cause {
			t.Errorf("%s: %s: %v", name, got.cause, err)
		}
	}
}

// A search by hand that was broken off leaves nothing open.
func TestCatchUpByHandBrokenOff(t *testing.T) {
	f := newFixture(t)
	f.register(f.avni)
	ctx, cancel := context.WithCancel(f.ctx)
	_, err := CatchUpByHand(ctx, CatchUpOptions{Names: f.names, Pool: f.db.Pool(), Since: time.Now().Add(-time.Hour), Told: func(c CatchUp) {
		if c.Rows > 0 {
			cancel()
		}
	}})
	if err == nil || len(f.repairs()) != 0 {
		t.Errorf("%v, %+v", err, f.repairs())
	}
	f.exec(f.db.URL(), `insert into messenger.gap (slot, reason, since, mode, by_hand, opened_at) values ($1, 'by_hand', now(), 'time', true, now() - interval '8 days')`, f.names.Slot)
	f.catchUp(time.Minute)
	if done := f.repairs(); len(done) != 1 || !done[0].Finished {
		t.Errorf("%+v", done)
	}
}

// After a teardown nothing is known of the repairs before it.
func TestSetupAfterTeardownBeginsAnew(t *testing.T) {
	f := newFixture(t)
	f.startStreaming().stop()
	f.repairedJustNow()
	if err := Teardown(f.ctx, f.connect(f.db.URL()), f.names); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"position", "gap", "snapshot_sample"} {
		if n := f.queryInt(`select count(*) from messenger.` + table); n != 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
	f.setup()
	missed := f.register(f.avni)
	f.dropSlot()
	f.startStreaming()
	f.take(subject(missed))
}
