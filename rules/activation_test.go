package rules

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// started has organisations and rules start that have not, and says so long ago.
func (o *office) started(ago string) {
	o.Helper()
	if err := o.worker.activate(o.Context()); err != nil {
		o.Fatal(err)
	}
	exec(o, o.db.Pool(), `update messenger.activation set active_from = active_from - $1::interval`, ago)
}

// savedAgo makes a row one that was saved so long ago.
func (o *office) savedAgo(table cdc.Table, id int64, ago string) {
	o.Helper()
	exec(o, o.avni.Pool(), `update `+string(table)+` set last_modified_date_time = now() - $2::interval where id = $1`, id, ago)
}

// visit schedules a visit that rule 603 makes a request about.
func (o *office) visit() int64 {
	o.Helper()
	return must[int64](o)(o.avni.ScheduleVisit(o.Context(), 1001, 501, "ANC", march, march))
}

// byHand puts a row into the inbox as a catch-up by hand does.
func (o *office) byHand(table cdc.Table, id int64) {
	o.Helper()
	o.arrive(table, cdc.Update, id)
	exec(o, o.db.Pool(), `update messenger.inbox set by_hand = true where source_table = $1 and entity_id = $2`, table, id)
}

func TestWhatWasSavedBeforeMakesNoRequest(t *testing.T) {
	o := openNewOffice(t, Write)
	o.saved(cdc.ProgramEncounter, 1001)
	if rows := o.requests(1001, 603); len(rows) != 0 {
		t.Errorf("requests %+v", rows)
	}
	var reason string
	if err := o.db.Pool().QueryRow(t.Context(), `select reason from messenger.trigger_log where entity_id = 1001 and rule_id = 603`).Scan(&reason); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(reason, "saved at 2024-02-01T10:30:00+05:30, before the rule started at 2") || !strings.HasSuffix(reason, "avni-messenger catch-up --since 2024-02-01T10:30:00+05:30") {
		t.Errorf("reason %q", reason)
	}
	// SQL that leaves the row's time alone is no save.
	exec(t, o.avni.Pool(), `update program_encounter set name = 'changed in bulk' where id = 1001`)
	o.saved(cdc.ProgramEncounter, 1001)
	if err := o.avni.RescheduleVisit(t.Context(), 1001, march, march); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.ProgramEncounter, 1001)
	o.expectLog(cdc.ProgramEncounter, 1001, "603 before_activation", "603 before_activation", "603 scheduled")
	if n := o.outcomes("before_activation"); n != 2 {
		t.Errorf("outcomes_total{before_activation} is %v", n)
	}
}

// What is pending follows its entity, however old that is.
func TestOldRequestsFollow(t *testing.T) {
	o := openNewOffice(t, Write)
	must[int64](t)(o.avni.QueueRule(t.Context(), 603, 1001, avnitest.Receiver{Type: "Subject", ID: 1001}, march))
	o.saved(cdc.ProgramEncounter, 1001)
	exec(t, o.avni.Pool(), `update program_encounter set is_voided = true where id = 1001`)
	o.saved(cdc.ProgramEncounter, 1001)
	exec(t, o.avni.Pool(), `update program_encounter set is_voided = false where id = 1001`)
	o.saved(cdc.ProgramEncounter, 1001)
	o.expectLog(cdc.ProgramEncounter, 1001, "603 moved", "603 voided", "603 restored")
}

func TestRestoredRowsMakeNoRequests(t *testing.T) {
	o := openNewOffice(t, Write)
	o.started("1 hour")
	old := time.Now().Add(-2 * time.Hour)
	var rows [][]any
	for _, uuid := range []string{"restored-1", "restored-2", "restored-3"} {
		rows = append(rows, []any{uuid, 0, "Restored", "{}", false, 101, 301, old, 202, 202, old, old})
	}
	n, err := o.avni.Pool().CopyFrom(t.Context(), pgx.Identifier{"individual"}, []string{"uuid", "version", "first_name", "observations", "date_of_birth_verified",
		"organisation_id", "subject_type_id", "registration_date", "created_by_id", "last_modified_by_id", "created_date_time", "last_modified_date_time"}, pgx.CopyFromRows(rows))
	if err != nil || n != 3 {
		t.Fatal(n, err)
	}
	ids := o.ids(`select id from individual where uuid like 'restored-%' order by id`)
	for _, id := range ids {
		o.created(cdc.Individual, id)
		o.expectLog(cdc.Individual, id, "601 before_activation")
	}
	o.byHand(cdc.Individual, ids[1])
	o.work()
	o.expectLog(cdc.Individual, ids[1], "601 before_activation", "601 scheduled")
	if err := o.avni.SaveSubject(t.Context(), ids[2]); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.Individual, ids[2])
	o.expectLog(cdc.Individual, ids[2], "601 before_activation", "601 scheduled")
}

func (o *office) ids(sql string, args ...any) []int64 {
	o.Helper()
	rows, err := o.db.Pool().Query(o.Context(), sql, args...)
	if err != nil {
		o.Fatal(err)
	}
	return must[[]int64](o)(pgx.CollectRows(rows, pgx.RowTo[int64]))
}

// A user is a trigger when it is made, whenever it was modified.
func TestUserWhoWasMadeBefore(t *testing.T) {
	o := openNewOffice(t, Write)
	before := must[int64](t)(o.avni.CreateUser(t.Context(), avnitest.UserFields{Name: "New Worker"}))
	exec(t, o.avni.Pool(), `update users set created_date_time = now() - interval '1 hour' where id = $1`, before)
	o.created(cdc.Users, before)
	o.expectLog(cdc.Users, before, "605 before_activation")
	after := must[int64](t)(o.avni.CreateUser(t.Context(), avnitest.UserFields{Name: "Newer Worker"}))
	o.created(cdc.Users, after)
	o.expectLog(cdc.Users, after, "605 scheduled")
}

// What somebody asked for is not forgotten while its rule is paused or fails.
func TestByHandIsKept(t *testing.T) {
	o := openNewOffice(t, Write)
	o.started("0")
	thrice(o)
	old := o.visits(5)
	for _, id := range old {
		o.savedAgo(cdc.Encounter, id, "1 hour")
		o.byHand(cdc.Encounter, id)
		o.work()
	}
	o.expectLog(cdc.Encounter, old[0], "604 skipped", "607 failed")
	o.expectLog(cdc.Encounter, old[4], "604 skipped", "607 paused")
	o.saveRule(repaired)
	o.worker.RulesChanged(607)
	o.upkeep()
	o.work()
	for _, id := range old {
		if log := o.logged(cdc.Encounter, id); log[len(log)-1] != "607 scheduled" {
			t.Errorf("encounter %d: %q", id, log)
		}
	}
}

// Comparing knows no beginning: avni-server evaluates everything that is saved.
func TestShadowComparesWhatWasSavedBefore(t *testing.T) {
	o := openNewOffice(t, Compare)
	o.saved(cdc.ProgramEncounter, 1001)
	o.expectLog(cdc.ProgramEncounter, 1001, "603 would_schedule")
	if n := o.count(`select count(*) from messenger.activation`); n != 0 {
		t.Errorf("%d rows of activation", n)
	}
}
