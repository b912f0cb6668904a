package rules

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

func TestDuplicatesLeftByAvniServer(t *testing.T) {
	o := openOffice(t, Write)
	ctx := t.Context()
	receiver := avnitest.Receiver{Type: "Subject", ID: 1001}
	first := must[int64](t)(o.avni.QueueRule(ctx, 603, 1001, receiver, march))
	second := must[int64](t)(o.avni.QueueRule(ctx, 603, 1001, receiver, march))
	o.saved(cdc.ProgramEncounter, 1001)
	rows := o.requests(1001, 603)
	if len(rows) != 2 || rows[0].ID != first || rows[0].At != "2030-02-28T04:30:00.000Z" || rows[1].ID != second || rows[1].At != "2030-03-10T04:30:00.000Z" {
		t.Errorf("requests are %+v", rows)
	}
	if err := o.avni.CompleteVisit(ctx, 1001, march, nil); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.ProgramEncounter, 1001)
	for _, r := range o.requests(1001, 603) {
		if !r.Voided {
			t.Errorf("request %d waits although the rule says not to send", r.ID)
		}
	}
}

func TestDeliveredRequestIsNeverTouched(t *testing.T) {
	o := openOffice(t, Write)
	ctx := t.Context()
	id := must[int64](t)(o.avni.QueueRule(ctx, 603, 1001, avnitest.Receiver{Type: "Subject", ID: 1001}, march))
	exec(t, o.avni.Pool(), `update message_request_queue set delivered_date_time = now(), delivery_status = 'Sent' where id = $1`, id)
	before := o.request(603, 1001)
	o.saved(cdc.ProgramEncounter, 1001) // another time
	if err := o.avni.CompleteVisit(ctx, 1001, march, nil); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.ProgramEncounter, 1001) // shouldSend: false
	if err := o.avni.VoidSubject(ctx, 1001); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.Individual, 1001)
	if diff := cmp.Diff(before, o.request(603, 1001)); diff != "" {
		t.Error(diff)
	}
	o.expectLog(cdc.ProgramEncounter, 1001, "603 delivered", "603 skipped")
}

func TestCorrectedNumberGetsAnotherChance(t *testing.T) {
	o := openOffice(t, Write)
	for _, status := range []string{"NotSentNoPhoneNumberInAvni", "NotSentInvalidPhoneNumberInAvni", "Failed"} {
		o.saved(cdc.ProgramEncounter, 1001)
		exec(t, o.avni.Pool(), `update message_request_queue set delivery_status = $1, last_modified_date_time = '2020-01-01' where message_rule_id = 603`, status)
		o.saved(cdc.ProgramEncounter, 1001)
		again := o.count(`select count(*) from message_request_queue where message_rule_id = 603 and delivery_status = 'NotSent' and last_modified_date_time > now() - interval '1 minute'`)
		if want := map[bool]int{true: 0, false: 1}[status == "Failed"]; again != want {
			t.Errorf("%s: %d requests get another chance, want %d", status, again, want)
		}
	}
}

// TestVoidedSubjectTakesAllWithIt relies on the sample rows, whose ids are the same in
// every table: encounter 1001, enrolment 1001 and subject 1001 are different things.
func TestVoidedSubjectTakesAllWithIt(t *testing.T) {
	o := openOffice(t, Write)
	ctx := t.Context()
	other := must[int64](t)(o.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Other"}))
	otherEnrolment := must[int64](t)(o.avni.Enrol(ctx, other, 401, time.Time{}, nil))
	otherVisit := must[int64](t)(o.avni.ScheduleVisit(ctx, otherEnrolment, 501, "ANC", march, march))
	// Rows of other subjects whose ids are those of rows under subject 1001.
	same := func(rule, entity int64) int64 {
		return must[int64](t)(o.avni.QueueRule(ctx, rule, entity, avnitest.Receiver{Type: "Subject", ID: other}, march))
	}
	foreign := []int64{same(601, 1002), same(604, 1003), same(602, otherEnrolment), same(603, otherVisit), same(605, 1001)}
	under := []int64{same(601, 1001), same(602, 1001), same(602, 1002), same(603, 1001), same(603, 1002), same(604, 1001), same(604, 1002), same(607, 1002)}
	manual := must[int64](t)(o.avni.QueueManual(ctx, 101, avnitest.Receiver{Type: "Subject", ID: 1001}, "7009", []string{"x"}, march))
	exec(t, o.avni.Pool(), `update message_request_queue set delivered_date_time = now(), delivery_status = 'Sent' where id = $1`, under[4])

	if err := o.avni.VoidSubject(ctx, 1001); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.Individual, 1001)
	expect := func(id int64, voided bool) {
		t.Helper()
		if got := o.count(`select is_voided::int from message_request_queue where id = $1`, id) == 1; got != voided {
			t.Errorf("request %d: voided is %v", id, got)
		}
	}
	for i, id := range under {
		expect(id, i != 4) // that one was delivered
	}
	for _, id := range append(foreign, manual) {
		expect(id, false)
	}
	if n := o.count(`select count(*) from messenger.trigger_log where outcome = 'voided' and source_table = 'individual' and entity_id = 1001
		and reason = 'Subject 1001 is voided' and request_id = any($1)`, under); n != len(under)-1 {
		t.Errorf("%d of %d voids are logged", n, len(under)-1)
	}
}

func TestVoidedEnrolmentTakesItsVisitsWithIt(t *testing.T) {
	o := openOffice(t, Write)
	ctx := t.Context()
	queue := func(rule, entity int64) int64 {
		return must[int64](t)(o.avni.QueueRule(ctx, rule, entity, avnitest.Receiver{Type: "Subject", ID: 1001}, march))
	}
	under := []int64{queue(602, 1001), queue(603, 1001), queue(603, 1004)}
	beside := []int64{queue(601, 1001), queue(604, 1001), queue(602, 1002)}
	if err := o.avni.VoidEnrolment(ctx, 1001); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.ProgramEnrolment, 1001)
	if n := o.count(`select count(*) from message_request_queue where is_voided and id = any($1)`, under); n != len(under) {
		t.Errorf("%d of %d requests under the enrolment are voided", n, len(under))
	}
	if n := o.count(`select count(*) from message_request_queue where is_voided and id = any($1)`, beside); n != 0 {
		t.Errorf("%d requests beside the enrolment are voided", n)
	}
}

func TestSaveUnderVoidedParentSendsNothing(t *testing.T) {
	o := openOffice(t, Write)
	ctx := t.Context()
	o.saved(cdc.ProgramEncounter, 1001)
	if err := o.avni.VoidSubject(ctx, 1001); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.ProgramEncounter, 1001) // the subject's own change has not arrived yet
	if r := o.request(603, 1001); !r.Voided {
		t.Errorf("the visit of a voided subject waits: %+v", r)
	}
	o.saved(cdc.Encounter, 1002)
	if rows := o.requests(1002, 604); len(rows) != 0 {
		t.Errorf("the encounter of a voided subject is scheduled: %+v", rows)
	}
}

// TestShadowNeedsNoRightToWrite runs with a role that may write our own tables only.
func TestShadowNeedsNoRightToWrite(t *testing.T) {
	o := openOffice(t, Compare)
	ctx := t.Context()
	super := must[*pgxpool.Pool](t)(pgxpool.New(ctx, o.db.SuperuserURL()))
	defer super.Close()
	exec(t, super, `do $$ begin if not exists (select from pg_roles where rolname = 'shadow_reader') then
		create role shadow_reader login bypassrls; end if; end $$;
		grant usage on schema public, messenger to shadow_reader;
		grant select on all tables in schema public to shadow_reader;
		grant select, insert, update, delete on all tables in schema messenger to shadow_reader;
		grant usage on all sequences in schema messenger to shadow_reader`)
	config := must[*pgxpool.Config](t)(pgxpool.ParseConfig(o.db.URL()))
	config.ConnConfig.User = "shadow_reader"
	reader := must[*pgxpool.Pool](t)(pgxpool.NewWithConfig(ctx, config))
	defer reader.Close()
	if _, err := reader.Exec(ctx, `update message_request_queue set is_voided = true`); err == nil {
		t.Fatal("the role may write Avni's tables: the test shows nothing")
	}
	o.worker = o.newWorker(reader)

	snapshot := func() string {
		var all string
		err := o.db.Pool().QueryRow(ctx, `select jsonb_build_array(
			(select jsonb_agg(q order by id) from message_request_queue q), (select jsonb_agg(r order by id) from message_receiver r),
			(select jsonb_agg(f order by id) from rule_failure_log f))::text`).Scan(&all)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	queue := func(rule, entity int64, at time.Time) {
		must[int64](t)(o.avni.QueueRule(ctx, rule, entity, avnitest.Receiver{Type: "Subject", ID: 1001}, at))
	}
	asAvni := time.Date(2030, 2, 28, 4, 30, 0, 0, time.UTC)
	queue(603, 1001, asAvni)
	queue(603, 1002, march) // completed: the rule says no
	queue(604, 1002, march) // another time than the rule's
	if err := o.avni.VoidVisit(ctx, 1003); err != nil {
		t.Fatal(err)
	}
	queue(603, 1003, march)
	before := snapshot()
	for _, id := range []int64{1001, 1002, 1003} {
		o.saved(cdc.ProgramEncounter, id)
	}
	o.saved(cdc.Encounter, 1002)
	o.saved(cdc.Individual, 1001)
	if diff := cmp.Diff(before, snapshot()); diff != "" {
		t.Errorf("shadow wrote to Avni's tables: %s", diff)
	}
	o.expectLog(cdc.ProgramEncounter, 1001, "603 would_leave")
	o.expectLog(cdc.ProgramEncounter, 1002, "603 would_void")
	o.expectLog(cdc.ProgramEncounter, 1003, "603 would_void")
	o.expectLog(cdc.Encounter, 1002, "604 would_move", "607 would_fail")
	o.expectLog(cdc.Individual, 1001, "601 would_schedule")
	if n := o.count(`select count(*) from messenger.trigger_log where outcome = 'would_schedule' and scheduled_for is not null and request_id is null`); n != 1 {
		t.Errorf("%d would_schedule rows tell when", n)
	}
	if o.inbox() != 0 || len(o.queuedFor()) != 0 {
		t.Errorf("inbox %d, Queued %v", o.inbox(), o.queuedFor())
	}
	if got := o.outcomes("would_void"); got != 2 {
		t.Errorf("outcomes_total{would_void} is %v", got)
	}
}

// TestManyRulesAndUsersInParallel writes requests with shared receivers from several
// goroutines, which must not wait for each other in turn.
func TestManyRulesAndUsersInParallel(t *testing.T) {
	o := openOffice(t, Write, withEngine(always(march)))
	for i := range 6 {
		o.saveRule(avnitest.RuleFields{Name: fmt.Sprintf("Rule %d", i), EntityType: "Encounter", EntityTypeID: 502,
			ReceiverType: []string{"User", "Subject"}[i%2], ScheduleRule: `x`, MessageRule: `x`})
	}
	const encounters = 120
	for range encounters {
		id := must[int64](t)(o.avni.ScheduleEncounter(t.Context(), 1002, 502, "Home", march, march))
		o.arrive(cdc.Encounter, cdc.Insert, id)
	}
	o.work()
	if n := o.count(`select count(*) from message_request_queue where message_rule_id <> 601 and scheduled_date_time = $1`, march); n != encounters*8 {
		t.Errorf("%d requests, want %d", n, encounters*8)
	}
	if n := o.count(`select count(*) from message_receiver where (receiver_type, receiver_id) in (('User', 202), ('Subject', 1002))`); n != 2 {
		t.Errorf("%d receivers, want 2", n)
	}
}
