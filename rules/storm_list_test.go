package rules

import (
	"slices"
	"strings"
	"testing"

	"avni-messenger/internal/avnitest"
)

// hold has rule 603 hold messages of visits that are not there.
func (o *office) hold(from, to int, transaction string) {
	o.Helper()
	exec(o, o.db.Pool(), `insert into messenger.held (rule_id, source_table, entity_id, organisation_id, commit_lsn, committed_at, scheduled_for, changed_by)
		select 603, 'program_encounter', n, 101, case $3 when '' then ('1/' || to_hex(n))::pg_lsn else nullif($3, '')::pg_lsn end, now(), $4, 202
		from generate_series($1::int, $2::int) n`, from, to, transaction, march)
}

// However many transactions they are of, the list has the largest, and counts the others.
func TestManyTransactionsAreListed(t *testing.T) {
	o := openOffice(t, Write)
	o.hold(1, 3000, "")
	o.hold(3001, 3010, "0/A")
	o.hold(3011, 3015, "0/B")
	exec(t, o.db.Pool(), `update messenger.held set state = 'voided' where entity_id in (3011, 3012)`)
	list := must[HeldList](t)(ListHeld(t.Context(), o.db.Pool()))
	if len(list.Groups) != listedHeld || list.More != 3003-listedHeld || list.MoreMessages != 3015-10-3-2-(listedHeld-3) {
		t.Errorf("%d are listed, and %d more with %d messages", len(list.Groups), list.More, list.MoreMessages)
	}
	at := slices.IndexFunc(list.Groups, func(h Held) bool { return h.Transaction == "0/A" })
	if at < 0 || list.Groups[at].Count != 10 || list.Groups[at].State != "held" {
		t.Errorf("the largest is at %d of %+v", at, list.Groups)
	}
	if !slices.ContainsFunc(list.Groups, func(h Held) bool { return h.Transaction == "0/B" && h.State == "voided" && h.Count == 2 }) {
		t.Error("what is voided is not listed")
	}
	o.upkeep()
	if held := o.worker.Held(); len(held) != 1 || held[0].Count != 3013 || held[0].Transaction != "" {
		t.Errorf("counted %+v", held)
	}
}

// What a catch-up finds after the slot was lost counts as one transaction, and is said to
// be no such thing.
func TestTooManyAfterTheSlotWasLost(t *testing.T) {
	for name, lost := range map[string]bool{"lost": true, "by hand": false} {
		t.Run(name, func(t *testing.T) {
			var log notebook
			o := openOffice(t, Write, withLimit, withLog(&log))
			exec(t, o.db.Pool(), `insert into messenger.gap (slot, reason, since, mode, to_lsn, by_hand) values ('avni_messenger', 'slot_missing', now(), 'time', '0/1A2B3C', $1)`, !lost)
			o.heldVisit()
			o.upkeep()
			held, list := o.worker.Held(), must[HeldList](t)(ListHeld(t.Context(), o.db.Pool()))
			if len(held) != 1 || held[0].CatchUp != lost || len(list.Groups) != 1 || list.Groups[0].CatchUp != lost {
				t.Errorf("counted %+v, listed %+v", held, list)
			}
			lines := log.lines("too many new messages at once")
			if len(lines) != 1 || strings.Contains(lines[0], "the slot was lost") != lost || !strings.Contains(lines[0], "release --rule 603") {
				t.Errorf("the log says %q", lines)
			}
		})
	}
}

// What was released is released again if its change was dropped meanwhile.
func TestReleasedAgain(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	o.imported("0/1A2B3C", 3*limit)
	o.work()
	n := o.release(HeldSelection{RuleID: 603})
	o.upkeep()
	o.dir.treat(avnitest.AshaGramin, Ignore)
	o.work()
	o.dir.treat(avnitest.AshaGramin, Write)
	o.reviewed()
	if left := len(o.heldOf(stateReleased)); left != int(n) || n == 0 {
		t.Fatalf("%d of %d are released still", left, n)
	}
	if again := o.release(HeldSelection{RuleID: 603}); again != n {
		t.Errorf("%d are released again, want %d", again, n)
	}
	if again := o.release(HeldSelection{RuleID: 603}); again != 0 {
		t.Errorf("%d are released twice", again)
	}
	o.reviewed()
	if left := o.count(`select count(*) from messenger.held`); left != 0 {
		t.Errorf("%d are held still", left)
	}
}

// A command goes through what is held once, however many pages it has.
func TestManyAreCancelled(t *testing.T) {
	o := openOffice(t, Write)
	const many = 2*handPage + 7
	o.hold(1, many, "")
	exec(t, o.db.Pool(), `insert into messenger.held (rule_id, source_table, entity_id, organisation_id, commit_lsn, committed_at, scheduled_for)
		select 603, 'encounter', n, 101, '0/C', now(), now() from generate_series(1, $1::int) n`, handPage)
	for _, want := range []int64{many + handPage, 0} {
		if n := o.cancel(HeldSelection{RuleID: 603}); n != want {
			t.Errorf("%d are cancelled, want %d", n, want)
		}
	}
}
