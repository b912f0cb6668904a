package rules

import (
	"testing"

	"avni-messenger/cdc"
)

func (o *office) release(which HeldSelection) int64 {
	o.Helper()
	return must[int64](o)(Release(o.Context(), o.db.Pool(), which))
}

func (o *office) cancel(which HeldSelection) int64 {
	o.Helper()
	return must[int64](o)(CancelHeld(o.Context(), o.db.Pool(), which))
}

// What somebody asks for is not held, and not counted.
func TestCatchUpByHandIsNotHeld(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	o.imported("0/1A2B3C", 3*limit)
	exec(t, o.db.Pool(), `update messenger.inbox set by_hand = true`)
	o.work()
	if held := o.heldOf(stateHeld); len(held) != 0 {
		t.Errorf("%d are held", len(held))
	}
	for _, id := range o.imported("0/1A2B3C", limit-over) {
		o.work()
		o.expectLog(cdc.ProgramEncounter, id, "603 scheduled")
	}
}

func TestReleased(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	first := o.imported("0/1A2B3C", 4*limit)
	o.work()
	second := o.imported("0/1A2B3D", 4*limit)
	o.work()
	all := len(o.heldOf(stateHeld))
	which := HeldSelection{RuleID: 603, Transaction: "0/1a2b3c"}
	n := o.release(which)
	if again := o.release(which); again != 0 || n < limit {
		t.Errorf("%d are released, then %d", n, again)
	}
	if other := o.release(HeldSelection{RuleID: 604}); other != 0 {
		t.Errorf("%d of another rule are released", other)
	}
	o.reviewed()
	if held := o.heldOf(stateHeld); len(held) != all-int(n) || len(o.heldOf(stateReleased)) != 0 {
		t.Errorf("%d are held, and %d released", len(held), len(o.heldOf(stateReleased)))
	}
	for _, id := range first {
		if r := o.request(603, id); r.Voided {
			t.Errorf("request %+v", r)
		}
	}
	o.expectLog(cdc.ProgramEncounter, first[len(first)-1], "603 held", "603 scheduled")

	// What was released is not counted: neither of its transaction nor of the hour.
	o.worker.options.StormLimit = 1
	exec(t, o.db.Pool(), `update messenger.trigger_log set by_hand = true where outcome = 'scheduled'`)
	later := o.imported("0/1A2B3E", 1)
	o.work()
	o.expectLog(cdc.ProgramEncounter, later[0], "603 scheduled")
	o.release(HeldSelection{RuleID: 603})
	o.reviewed()
	if n := o.count(`select count(*) from message_request_queue where message_rule_id = 603 and entity_id = any($1)`, second); n != len(second) {
		t.Errorf("%d requests of %d", n, len(second))
	}
	if n := o.count(`select count(*) from messenger.trigger_log where reason = 'was held, and released by hand' and not by_hand`); n != 0 {
		t.Errorf("%d of those that were released count", n)
	}
}

// Those that are released enter the inbox only as fast as it is dealt with.
func TestManyAreReleased(t *testing.T) {
	const many = followBacklog + followSize + 10
	o := openOffice(t, Write, withLimit, withEngine(always(march)))
	exec(t, o.avni.Pool(), `insert into program_encounter (uuid, individual_id, program_enrolment_id, encounter_type_id, observations, version, organisation_id,
			is_voided, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time, cancel_observations)
		select 'many-' || n, 1001, 1001, 501, '{}', 0, 101, false, 202, 202, now(), now(), '{}' from generate_series(1, $1::int) n`, many)
	exec(t, o.db.Pool(), `insert into messenger.held (rule_id, source_table, entity_id, organisation_id, commit_lsn, committed_at, scheduled_for)
		select 603, 'program_encounter', id, 101, '0/1A2B3C', now(), $1 from program_encounter where uuid like 'many-%'`, march)
	if n := o.release(HeldSelection{RuleID: 603}); n != many {
		t.Errorf("%d are released, want %d", n, many)
	}
	o.upkeep()
	if n := o.inbox(); n != followBacklog {
		t.Errorf("%d are in the inbox, want %d", n, followBacklog)
	}
	o.work()
	o.reviewed()
	if n := o.count(`select count(*) from message_request_queue q join program_encounter v on v.id = q.entity_id and v.uuid like 'many-%' where message_rule_id = 603`); n != many {
		t.Errorf("%d requests of %d", n, many)
	}
	if n := o.count(`select count(*) from messenger.held`); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

func TestCancelledStaysSo(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	id := o.heldVisit()
	all := len(o.heldOf(stateHeld))
	o.release(HeldSelection{RuleID: 603}) // cancel is the last word
	if n, again := o.cancel(HeldSelection{RuleID: 603, Transaction: "0/1A2B3C"}), o.cancel(HeldSelection{RuleID: 603}); n != int64(all) || again != 0 {
		t.Errorf("%d are cancelled, then %d, want %d", n, again, all)
	}
	if err := o.avni.RescheduleVisit(t.Context(), id, march.AddDate(0, 0, 5), march.AddDate(0, 0, 9)); err != nil {
		t.Fatal(err)
	}
	o.reviewed()
	o.saved(cdc.ProgramEncounter, id)
	if err := o.avni.VoidVisit(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.ProgramEncounter, id)
	exec(t, o.avni.Pool(), `update program_encounter set is_voided = false where id = $1`, id)
	o.saved(cdc.ProgramEncounter, id)
	if n := o.release(HeldSelection{RuleID: 603}); n != 0 {
		t.Errorf("%d of those that are cancelled are released in passing", n)
	}
	o.reviewed()
	if rows := o.requests(id, 603); len(rows) != 0 {
		t.Errorf("requests %+v", rows)
	}
	o.expectLog(cdc.ProgramEncounter, id, "603 held", "603 cancelled", "0 skipped", "603 cancelled")
	o.worker.pruneHeld(t.Context())
	if n := o.release(HeldSelection{RuleID: 603, Cancelled: true}); n != int64(all) {
		t.Errorf("%d are released, want %d", n, all)
	}
	o.reviewed()
	if r := o.request(603, id); r.At != "2030-03-14T04:30:00.000Z" {
		t.Errorf("request %+v", r)
	}
}
