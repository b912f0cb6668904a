package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

var march = time.Date(2030, time.March, 10, 4, 30, 0, 0, time.UTC)

func TestEachEntityType(t *testing.T) {
	o := openOffice(t, Write)
	ctx := t.Context()
	subject := must[int64](t)(o.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Lila", RegistrationDate: time.Date(2024, 4, 30, 0, 0, 0, 0, time.UTC)}))
	enrolment := must[int64](t)(o.avni.As(203).Enrol(ctx, subject, 401, time.Time{}, nil))
	visit := must[int64](t)(o.avni.ScheduleVisit(ctx, enrolment, 501, "ANC 1", march, march))
	encounter := must[int64](t)(o.avni.ScheduleEncounter(ctx, subject, 502, "Home", march, march))
	if err := o.avni.CompleteEncounter(ctx, encounter, march, nil); err != nil {
		t.Fatal(err)
	}
	user := must[int64](t)(o.avni.CreateUser(ctx, avnitest.UserFields{Name: "New Worker"}))

	o.created(cdc.Individual, subject)
	o.created(cdc.ProgramEnrolment, enrolment)
	o.created(cdc.ProgramEncounter, visit)
	o.saved(cdc.Encounter, encounter)
	o.created(cdc.Users, user)

	const ruleNow = "2024-05-01T10:00:00.000Z" // the engine's clock
	for _, test := range []struct {
		rule, entity int64
		want         queueRow
	}{
		{601, subject, queueRow{ReceiverType: "Subject", ReceiverID: subject, At: "2024-05-01T04:00:00.000Z", CreatedBy: 202, LastModified: 202}},
		{602, enrolment, queueRow{ReceiverType: "User", ReceiverID: 203, At: ruleNow, CreatedBy: 203, LastModified: 203}},
		{603, visit, queueRow{ReceiverType: "Subject", ReceiverID: subject, At: "2030-03-09T04:30:00.000Z", CreatedBy: 203, LastModified: 203}},
		{604, encounter, queueRow{ReceiverType: "Subject", ReceiverID: subject, At: "2030-03-10T04:30:00.000Z", CreatedBy: 202, LastModified: 202}},
		{605, user, queueRow{ReceiverType: "User", ReceiverID: user, At: ruleNow, CreatedBy: 201, LastModified: 201}},
	} {
		got := o.request(test.rule, test.entity)
		test.want.ID, test.want.Rule, test.want.Status = got.ID, test.rule, "NotSent"
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("rule %d (-want +got):\n%s", test.rule, diff)
		}
	}
	if o.inbox() != 0 {
		t.Error("the inbox is not empty")
	}
	if diff := cmp.Diff([]int32{101, 101, 101, 101, 101}, o.queuedFor()); diff != "" {
		t.Errorf("Queued: %s", diff)
	}
}

func TestLifeOfVisit(t *testing.T) {
	o := openOffice(t, Write)
	ctx := t.Context()
	visit := must[int64](t)(o.avni.ScheduleVisit(ctx, 1001, 501, "ANC 3", march, march))
	step := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		o.saved(cdc.ProgramEncounter, visit)
	}
	expect := func(at string, voided bool) {
		t.Helper()
		if r := o.request(603, visit); r.At != at || r.Voided != voided || r.Status != "NotSent" {
			t.Errorf("request is %+v; want %s, voided %v", r, at, voided)
		}
	}
	o.created(cdc.ProgramEncounter, visit)
	expect("2030-03-09T04:30:00.000Z", false)
	step("save again", o.avni.RescheduleVisit(ctx, visit, march, march))
	expect("2030-03-09T04:30:00.000Z", false)
	step("move", o.avni.RescheduleVisit(ctx, visit, march.AddDate(0, 0, 2), march.AddDate(0, 0, 9)))
	expect("2030-03-11T04:30:00.000Z", false)
	step("void", o.avni.VoidVisit(ctx, visit))
	expect("2030-03-11T04:30:00.000Z", true)
	step("void again", o.avni.VoidVisit(ctx, visit))
	exec(t, o.avni.Pool(), `update program_encounter set is_voided = false where id = $1`, visit)
	step("take the void back", nil)
	expect("2030-03-11T04:30:00.000Z", false)
	step("complete", o.avni.CompleteVisit(ctx, visit, march, nil))
	expect("2030-03-11T04:30:00.000Z", true)
	step("save the completed visit", o.avni.CompleteVisit(ctx, visit, march, nil))
	o.expectLog(cdc.ProgramEncounter, visit, "603 scheduled", "603 unchanged", "603 moved", "603 voided", "0 skipped",
		"603 restored", "603 voided", "603 skipped")
	if got := len(o.queuedFor()); got != 5 {
		t.Errorf("Queued was called %d times, rows were written 5 times", got)
	}
}

func TestUnchangedRequestIsNotWritten(t *testing.T) {
	o := openOffice(t, Write)
	o.saved(cdc.ProgramEncounter, 1001)
	before := o.count(`select xmin::text::bigint from message_request_queue where message_rule_id = 603`)
	o.saved(cdc.ProgramEncounter, 1001)
	if after := o.count(`select xmin::text::bigint from message_request_queue where message_rule_id = 603`); after != before {
		t.Error("the row was written although nothing changed")
	}
	o.expectLog(cdc.ProgramEncounter, 1001, "603 scheduled", "603 unchanged")
}

func TestRuleWithoutDateWithdraws(t *testing.T) {
	o := openOffice(t, Write)
	rule := o.saveRule(avnitest.RuleFields{Name: "Once", EntityType: "Subject", EntityTypeID: 302, MessageRule: `({params}) => ({})`,
		ScheduleRule: `({params}) => ({scheduledDateTime: params.entity.firstName === 'Later' ? null : new Date()})`})
	o.saved(cdc.Individual, 1004)
	exec(t, o.avni.Pool(), `update individual set first_name = 'Later' where id = 1004`)
	o.saved(cdc.Individual, 1004)
	if r := o.request(rule, 1004); !r.Voided {
		t.Errorf("a request without a date waits: %+v", r)
	}
	o.saved(cdc.Individual, 1004)
	o.expectLog(cdc.Individual, 1004, logLine(rule, "scheduled"), logLine(rule, "no_date"), logLine(rule, "no_date"))
}

func TestBrokenRuleBesideGoodOne(t *testing.T) {
	o := openOffice(t, Write)
	long := strings.Repeat("ह", 300)
	thrower := o.saveRule(avnitest.RuleFields{Name: "Thrower", EntityType: "Encounter", EntityTypeID: 502, MessageRule: `x`,
		ScheduleRule: `({params}) => { throw new Error('` + long + `'); }`})
	wrongReceiver := o.saveRule(avnitest.RuleFields{Name: "Group", EntityType: "Encounter", EntityTypeID: 502, ReceiverType: "Group",
		ScheduleRule: `() => ({scheduledDateTime: new Date()})`, MessageRule: `x`})
	farAway := o.saveRule(avnitest.RuleFields{Name: "Far", EntityType: "Encounter", EntityTypeID: 502,
		ScheduleRule: `() => ({scheduledDateTime: '+020240-05-01T00:00:00Z'})`, MessageRule: `x`})
	pending := must[int64](t)(o.avni.QueueRule(t.Context(), thrower, 1002, avnitest.Receiver{Type: "Subject", ID: 1001}, march))
	o.saved(cdc.Encounter, 1002)
	o.saved(cdc.Encounter, 1002)

	if r := o.request(604, 1002); r.At != "2024-03-02T05:00:00.000Z" || r.ReceiverID != 1001 {
		t.Errorf("the good rule made %+v", r)
	}
	if r := o.request(thrower, 1002); r.ID != pending || r.Voided || r.At != "2030-03-10T04:30:00.000Z" {
		t.Errorf("the broken rule's pending request is %+v", r)
	}
	o.expectLog(cdc.Encounter, 1002, "604 scheduled", "607 failed", logLine(thrower, "failed"), logLine(wrongReceiver, "failed"), logLine(farAway, "failed"),
		"604 unchanged", "607 failed", logLine(thrower, "failed"), logLine(wrongReceiver, "failed"), logLine(farAway, "failed"))
	if n := o.count(`select count(*) from rule_failure_log`); n != 4 {
		t.Errorf("rule_failure_log has %d rows for four broken rules, evaluated twice", n)
	}
	var row map[string]any
	if err := o.db.Pool().QueryRow(t.Context(), `select to_jsonb(l) from rule_failure_log l where error_message like '%हहह%'`).Scan(&row); err != nil {
		t.Fatal(err)
	}
	stack, _ := row["stacktrace"].(string)
	if len([]rune(row["error_message"].(string))) != 255 || stack == "" {
		t.Errorf("error_message has %d characters, the stack trace %d", len([]rune(row["error_message"].(string))), len(stack))
	}
	for _, own := range []string{"id", "uuid", "error_message", "stacktrace", "created_date_time", "last_modified_date_time"} {
		delete(row, own)
	}
	want := map[string]any{"form_id": "40000000-0000-4000-8000-000000001002", "rule_type": "Encounter", "entity_type": "Rules : messageSchedule",
		"entity_id": "40000000-0000-4000-8000-000000001002", "source": "Web", "audit_id": nil, "is_voided": false, "version": 0.0,
		"organisation_id": 101.0, "created_by_id": 202.0, "last_modified_by_id": 202.0, "is_closed": nil, "closed_date_time": nil}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Errorf("rule_failure_log (-want +got):\n%s", diff)
	}
}

func TestChildOrganisationWithParentsTypes(t *testing.T) {
	o := openOffice(t, Write)
	o.saved(cdc.ProgramEncounter, 1101)
	o.saved(cdc.Individual, 1101)
	o.saved(cdc.ProgramEncounter, 1001)
	if r := o.request(611, 1101); r.At != "2030-02-27T04:15:00.000Z" || r.ReceiverType != "Subject" || r.ReceiverID != 1101 {
		t.Errorf("rule 611 made %+v", r)
	}
	if r := o.request(612, 1101); r.ReceiverType != "User" || r.ReceiverID != 212 {
		t.Errorf("rule 612 made %+v", r)
	}
	if n := o.count(`select count(*) from message_request_queue q join message_receiver r on r.id = q.message_receiver_id
		where q.message_rule_id in (611, 612) and q.organisation_id = 103 and r.organisation_id = 103`); n != 2 {
		t.Errorf("%d requests are the child's, want 2", n)
	}
	if diff := cmp.Diff([]int32{103, 103, 101}, o.queuedFor()); diff != "" {
		t.Errorf("Queued: %s", diff)
	}
}

func TestUsers(t *testing.T) {
	o := openOffice(t, Write)
	ctx := t.Context()
	user := must[int64](t)(o.avni.CreateUser(ctx, avnitest.UserFields{Name: "New Worker"}))
	o.created(cdc.Users, user)
	if err := o.avni.SaveUser(ctx, user); err != nil {
		t.Fatal(err)
	}
	if o.arrive(cdc.Users, cdc.Update, user) {
		t.Error("a saved user is a trigger")
	}
	if err := o.avni.VoidUser(ctx, user); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.Users, user)
	if r := o.request(605, user); !r.Voided {
		t.Errorf("the voided user's request waits: %+v", r)
	}
	// The void of a user whom nobody welcomed, taken back before it was looked at.
	if err := o.avni.VoidUser(ctx, 203); err != nil {
		t.Fatal(err)
	}
	o.arrive(cdc.Users, cdc.Update, 203)
	exec(t, o.avni.Pool(), `update users set is_voided = false where id = 203`)
	o.work()
	if rows := o.requests(203, 605); len(rows) != 0 {
		t.Errorf("a user who was there before is welcomed: %+v", rows)
	}
	o.expectLog(cdc.Users, 203, "0 skipped")
}

func TestRowThatIsGone(t *testing.T) {
	o := openOffice(t, Write)
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1004)
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1001)
	exec(t, o.avni.Pool(), `delete from program_encounter where id = 1004`)
	o.work()
	o.expectLog(cdc.ProgramEncounter, 1004, "0 gone")
	o.request(603, 1001)
	if o.inbox() != 0 {
		t.Error("the inbox is not empty")
	}
}

func TestTypeThatNoRuleIsAboutAnyMore(t *testing.T) {
	o := openOffice(t, Write)
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1001)
	if err := o.avni.VoidRule(t.Context(), 603); err != nil {
		t.Fatal(err)
	}
	if err := o.catalogue.Reload(t.Context(), 101); err != nil {
		t.Fatal(err)
	}
	o.work()
	o.expectLog(cdc.ProgramEncounter, 1001, "0 skipped")
}

func TestTriggerLogTellsWhatHappened(t *testing.T) {
	o := openOffice(t, Write)
	o.saved(cdc.ProgramEncounter, 1001)
	var request, organisation int64
	var scheduled, committed time.Time
	err := o.db.Pool().QueryRow(t.Context(), `select request_id, organisation_id, scheduled_for, committed_at from messenger.trigger_log
		where source_table = 'program_encounter' and entity_id = 1001 and rule_id = 603 and commit_lsn > '0/0'`).Scan(&request, &organisation, &scheduled, &committed)
	if err != nil {
		t.Fatal(err)
	}
	if r := o.request(603, 1001); request != r.ID || organisation != 101 || scheduled.UTC().Format(time.RFC3339) != "2030-02-28T04:30:00Z" || time.Since(committed) > time.Minute {
		t.Errorf("log says request %d of %d for %s, committed %s; the row is %+v", request, organisation, scheduled, committed, r)
	}
	if got := o.outcomes("scheduled"); got != 1 {
		t.Errorf("outcomes_total{scheduled} is %v", got)
	}
}
