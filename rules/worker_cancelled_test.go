package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
)

// cancelByHand withdraws requests as avni-messenger cancel does.
const cancelByHand = `
	with cancelled as (update message_request_queue set is_voided = true, last_modified_date_time = now() where id = any($1) returning *)
	insert into messenger.delivery (request_id, organisation_id, state, reason, request_modified_at, rule_id, entity_id)
	select id, organisation_id, 'withdrawn', 'cancelled', last_modified_date_time, message_rule_id, entity_id from cancelled`

// takeBackByHand is what avni-messenger requeue makes of it.
const takeBackByHand = `
	with back as (update messenger.delivery set state = 'waiting', reason = null where request_id = any($1) returning request_id)
	update message_request_queue q set is_voided = false, last_modified_date_time = now() from back where q.id = back.request_id`

// stays checks that the requests of a rule and an entity are as they were.
func (o *office) stays(when string, was []queueRow, rule, entity int64) {
	o.Helper()
	if diff := cmp.Diff(was, o.requests(entity, rule)); diff != "" {
		o.Errorf("%s: what was cancelled has changed (-was +is):\n%s", when, diff)
	}
}

func TestCancelledByHandIsLeftAloneUntilTakenBack(t *testing.T) {
	o := openOffice(t, Write, atOnce)
	o.followed()
	m := o.mother()
	m.evaluate()
	id := o.request(603, m.visit).ID
	exec(t, o.db.Pool(), cancelByHand, []int64{id})
	was := o.requests(m.visit, 603)
	stays := func(when string) {
		t.Helper()
		o.upkeep()
		o.followed()
		o.stays(when, was, 603, m.visit)
	}

	o.saved(cdc.ProgramEncounter, m.visit)
	stays("saved")
	if err := o.avni.RescheduleVisit(t.Context(), m.visit, march.AddDate(0, 0, 9), march.AddDate(0, 0, 9)); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.ProgramEncounter, m.visit)
	stays("another time")
	o.created(cdc.ProgramEncounter, m.visit)
	stays("read by a catch-up")
	o.expectLog(cdc.ProgramEncounter, m.visit, "603 scheduled", "603 cancelled", "603 cancelled", "603 cancelled")

	m.do(m.avni.VoidSubject, m.subject)
	o.saved(cdc.Individual, m.subject)
	stays("the subject is voided")
	m.do(m.avni.UnvoidSubject, m.subject)
	stays("the subject is there again")
	o.saved(cdc.ProgramEncounter, m.visit)
	stays("saved under the subject")
	m.do(m.avni.VoidVisit, m.visit)
	o.saved(cdc.ProgramEncounter, m.visit)
	exec(t, o.avni.Pool(), `update program_encounter set is_voided = false where id = $1`, m.visit)
	o.saved(cdc.ProgramEncounter, m.visit)
	stays("the visit is there again")

	o.saveRule(reminder(`() => ({scheduledDateTime: '2031-01-01T00:00:00Z'})`))
	o.saved(cdc.ProgramEncounter, m.visit)
	stays("the rule is edited")
	m.do(m.avni.VoidRule, 603)
	o.reload()
	stays("the rule is voided")
	exec(t, o.db.Pool(), `update message_rule set is_voided = false where id = 603`)
	o.reload()
	o.saved(cdc.ProgramEncounter, m.visit)
	stays("the rule is there again")
	if r := o.request(604, m.encounter); r.Voided {
		t.Errorf("what was not cancelled is not there again: %+v", r)
	}

	exec(t, o.db.Pool(), takeBackByHand, []int64{id})
	o.saved(cdc.ProgramEncounter, m.visit)
	if r := o.request(603, m.visit); r.ID != id || r.Voided || r.At != "2031-01-01T00:00:00.000Z" {
		t.Errorf("taken back, the request does not follow its rule: %+v", r)
	}
}

func (o *office) reload() {
	o.Helper()
	if err := o.catalogue.Load(o.Context()); err != nil {
		o.Fatal(err)
	}
}

// avni-server un-voids what it saves.
func TestCancelledByHandAndUnvoidedBySomebody(t *testing.T) {
	o := openOffice(t, Write)
	o.saved(cdc.ProgramEncounter, 1001)
	id := o.request(603, 1001).ID
	exec(t, o.db.Pool(), cancelByHand, []int64{id})
	exec(t, o.avni.Pool(), `update message_request_queue set is_voided = false, scheduled_date_time = $2 where id = $1`, id, march)
	was := o.requests(1001, 603)
	o.saved(cdc.ProgramEncounter, 1001)
	o.stays("saved", was, 603, 1001)
	o.expectLog(cdc.ProgramEncounter, 1001, "603 scheduled", "603 cancelled")
}

func TestCancelledByHandInShadowMode(t *testing.T) {
	o := openOffice(t, Write)
	o.saved(cdc.ProgramEncounter, 1001)
	exec(t, o.db.Pool(), cancelByHand, []int64{o.request(603, 1001).ID})
	o.dir.treat(101, Compare)
	o.saved(cdc.ProgramEncounter, 1001)
	o.expectLog(cdc.ProgramEncounter, 1001, "603 scheduled", "603 would_leave_cancelled")
}

// A save is evaluated while the request is being cancelled, under the lock that cancel
// takes: it waits, and sees it.
func TestCancelledByHandWhileTheEntityIsSaved(t *testing.T) {
	o := openOffice(t, Write)
	ctx := t.Context()
	o.saved(cdc.ProgramEncounter, 1001)
	tx := must[pgx.Tx](t)(o.db.Pool().Begin(ctx))
	for _, statement := range []string{`select pg_advisory_xact_lock(603, 1001), $1::bigint[]`, cancelByHand} {
		if _, err := tx.Exec(ctx, statement, []int64{o.request(603, 1001).ID}); err != nil {
			t.Fatal(err)
		}
	}
	o.arrive(cdc.ProgramEncounter, cdc.Update, 1001)
	o.run(o.newWorker(o.db.Pool()))
	o.eventually("the save waits for the lock", func() bool {
		return o.count(`select count(*) from pg_locks where locktype = 'advisory' and not granted and classid = 603 and objid = 1001
			and database = (select oid from pg_database where datname = current_database())`) == 1
	})
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	o.eventually("the save is evaluated", func() bool { return o.inbox() == 0 })
	if r := o.request(603, 1001); !r.Voided {
		t.Errorf("the request is %+v", r)
	}
	o.expectLog(cdc.ProgramEncounter, 1001, "603 scheduled", "603 cancelled")
}
