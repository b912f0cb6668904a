package cdc

import (
	"testing"
	"time"
)

// What is looked up by hand is marked so, also where the inbox has something newer. A
// change that is committed after somebody asked takes its place: that is an ordinary one.
func TestCatchUpByHandIsMarked(t *testing.T) {
	f := newFixture(t)
	f.setup()
	newer, again, older := f.register(f.avni), f.register(f.avni), f.register(f.avni)
	f.exec(f.db.URL(), `insert into messenger.inbox (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn, change_number, claimed_until)
		values ('individual', $1, 101, 301, true, '2040-01-01', 'FF/0', -1, now() + interval '1 hour')`, newer)
	f.catchUp(time.Hour)
	if n := f.queryInt(`select count(*) from messenger.inbox where entity_id = $1 and by_hand and is_voided and commit_lsn = 'FF/0'
		and committed_at = '2040-01-01' and change_number > 0 and claimed_until is null`, newer); n != 1 {
		t.Errorf("what was newer: %+v", f.inbox())
	}
	marked := `select count(*) from messenger.inbox where source_table = 'individual' and entity_id = $1 and by_hand`
	if n := f.queryInt(marked, again); n != 1 {
		t.Errorf("what was looked up is not marked: %+v", f.inbox())
	}
	before := f.queryInt(`select change_number from messenger.inbox where source_table = 'individual' and entity_id = $1`, again)
	f.startStreaming()
	save := func(id int64) {
		t.Helper()
		if err := f.avni.SaveSubject(f.ctx, id); err != nil {
			t.Fatal(err)
		}
		saved := `select count(*) from messenger.inbox where source_table = 'individual' and entity_id = $1 and change_number > $2`
		eventually(t, "the save in the inbox", func() (bool, string) { return f.queryInt(saved, id, before) == 1, "" })
	}
	save(again)
	if n := f.queryInt(marked, again); n != 0 {
		t.Error("a save that is newer than the search is taken for what was asked for")
	}
	// Of changes that were committed before somebody asked, the stream may be late with some.
	f.exec(f.db.URL(), `update messenger.inbox set commit_lsn = '0/0' where entity_id = $1`, older)
	f.exec(f.db.URL(), `update messenger.gap set opened_at = now() + interval '1 hour'`)
	save(older)
	if n := f.queryInt(marked, older); n != 1 {
		t.Error("a save that is older than the search makes it forgotten that somebody asked")
	}
}

// What the reader looks up by itself is not.
func TestCatchUpByItselfIsNotMarked(t *testing.T) {
	f := newFixture(t)
	f.setup()
	f.openGapNow(byTime)
	id := f.register(f.avni)
	f.exec(f.db.URL(), `update messenger.position set lsn = pg_current_wal_lsn()`)
	f.startStreaming()
	eventually(t, "what was missed, unmarked", func() (bool, string) {
		return f.queryInt(`select count(*) from messenger.inbox where source_table = 'individual' and entity_id = $1 and not by_hand`, id) == 1, ""
	})
}
