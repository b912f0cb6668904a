package rules

import (
	"context"
	"slices"
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
	if !strings.HasPrefix(reason, "saved at 2024-02-01T05:00:00Z, before the rule started at 2") || !strings.HasSuffix(reason, "avni-messenger catch-up --since 2024-02-01T05:00:00Z") {
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

// An organisation that is held back has started: what waits makes requests once it goes
// on. Where nothing would be written it has not.
func TestHeldOrganisationStarts(t *testing.T) {
	for name, full := range map[string]bool{"full": true, "shadow": false} {
		t.Run(name, func(t *testing.T) {
			o := openNewOffice(t, Wait)
			org := o.dir.the(101)
			org.Full = full
			o.dir.orgs[101] = org
			o.started("1 hour")
			id := o.visit()
			o.savedAgo(cdc.ProgramEncounter, id, "30 minutes")
			o.arrive(cdc.ProgramEncounter, cdc.Insert, id)
			o.dir.treat(101, Write)
			o.work()
			want := "603 before_activation"
			if full {
				want = "603 scheduled"
			}
			o.expectLog(cdc.ProgramEncounter, id, want)
		})
	}
}

// What was saved while somebody else wrote the requests makes none afterwards.
func TestModeThatIsLeftEndsTheActivation(t *testing.T) {
	o := openNewOffice(t, Write)
	o.started("1 hour")
	first, second := o.visit(), o.visit()
	for _, id := range []int64{first, second} {
		o.savedAgo(cdc.ProgramEncounter, id, "30 minutes")
	}
	o.worker = o.newWorker(o.db.Pool()) // a restart ends nothing
	o.upkeep()
	o.created(cdc.ProgramEncounter, first)
	o.expectLog(cdc.ProgramEncounter, first, "603 scheduled")

	o.dir.treat(101, Compare)
	o.worker = o.newWorker(o.db.Pool())
	o.upkeep()
	if n := o.count(`select count(*) from messenger.activation where organisation_id = 101`); n != 0 {
		t.Errorf("%d rows of an organisation that is compared only", n)
	}
	if n := o.count(`select count(*) from messenger.activation where organisation_id = 103`); n == 0 {
		t.Error("the other organisation is not active any more")
	}
	o.created(cdc.ProgramEncounter, second)
	o.dir.treat(101, Write)
	o.worker = o.newWorker(o.db.Pool())
	o.upkeep()
	o.saved(cdc.ProgramEncounter, second)
	o.expectLog(cdc.ProgramEncounter, second, "603 would_schedule", "603 before_activation")
	o.created(cdc.ProgramEncounter, o.visit())
	if n := o.outcomes("scheduled"); n != 1 {
		t.Errorf("%v requests of what is saved now", n)
	}
}

// A process ends only what is its own.
func TestActivationOfAnotherSlotStays(t *testing.T) {
	o := openNewOffice(t, Write, func(w *WorkerOptions) { w.Slot = "one" })
	o.upkeep()
	o.dir.treat(101, Ignore)
	o.worker = o.newWorker(o.db.Pool(), func(w *WorkerOptions) { w.Slot = "two" })
	o.upkeep()
	if n := o.count(`select count(*) from messenger.activation where organisation_id = 101 and rule_id = 0 and slot = 'one'`); n != 1 {
		t.Error("another slot's organisation is ended")
	}
	o.worker = o.newWorker(o.db.Pool(), func(w *WorkerOptions) { w.Slot = "one" })
	o.upkeep()
	if n := o.count(`select count(*) from messenger.activation where organisation_id = 101`); n != 0 {
		t.Errorf("%d rows are left of what this slot does not serve any more", n)
	}
}

// A process with other settings beside it ends nothing as long as the other one runs.
func TestActivationThatAnotherProcessGoesOnWith(t *testing.T) {
	o := openNewOffice(t, Write)
	o.upkeep()
	o.dir.treat(101, Compare)
	elsewhere := []int32{101, 103}
	o.worker = o.newWorker(o.db.Pool(), func(w *WorkerOptions) {
		w.Elsewhere = func(context.Context) ([]int32, error) { return slices.Clone(elsewhere), nil }
	})
	for _, want := range []int{1, 0} {
		o.upkeep()
		if n := o.count(`select count(*) from messenger.activation where organisation_id = 101 and rule_id = 0`); n != want {
			t.Errorf("while %v are served elsewhere: %d rows", elsewhere, n)
		}
		elsewhere = []int32{103} // the other process ends
	}
}

func TestWhenRulesStart(t *testing.T) {
	moved := func(o *office) {
		rule := reminder(`() => ({scheduledDateTime: '2030-03-10T04:30:00Z'})`)
		rule.EntityTypeID = 502
		o.saveRule(rule)
		o.upkeep()
		rule.EntityTypeID = 501
		o.saveRule(rule)
	}
	for _, test := range []struct {
		name string
		do   func(o *office)
		want string
	}{
		{"known", func(*office) {}, "scheduled"},
		{"edited", func(o *office) { o.saveRule(reminder(`() => ({scheduledDateTime: '2030-03-10T04:30:00Z'})`)) }, "scheduled"},
		{"un-voided", func(o *office) {
			if err := o.avni.VoidRule(t.Context(), 603); err != nil {
				t.Fatal(err)
			}
			o.reload()
			o.upkeep()
			exec(o, o.avni.Pool(), `update message_rule set is_voided = false, last_modified_date_time = now() where id = 603`)
			o.reload()
		}, "before_activation"},
		{"un-voided by SQL that leaves its time alone", func(o *office) {
			exec(o, o.avni.Pool(), `update message_rule set is_voided = true where id = 603`)
			o.reload()
			o.upkeep()
			exec(o, o.avni.Pool(), `update message_rule set is_voided = false where id = 603`)
			o.reload()
		}, "scheduled"},
		{"about something else, and back", moved, "before_activation"},
		{"made later", func(o *office) {
			exec(o, o.avni.Pool(), `update message_rule set created_date_time = now() - interval '10 minutes' where id = 603`)
			exec(o, o.db.Pool(), `delete from messenger.activation where rule_id = 603`)
		}, "before_activation"},
		{"made before", func(o *office) {
			exec(o, o.avni.Pool(), `update message_rule set created_date_time = now() - interval '40 minutes' where id = 603`)
			exec(o, o.db.Pool(), `delete from messenger.activation where rule_id = 603`)
		}, "scheduled"},
		{"voided when first seen", func(o *office) {
			exec(o, o.avni.Pool(), `update message_rule set is_voided = true, created_date_time = now() - interval '40 minutes' where id = 603`)
			exec(o, o.db.Pool(), `delete from messenger.activation where rule_id = 603`)
			o.reload()
			o.upkeep()
			exec(o, o.avni.Pool(), `update message_rule set is_voided = false, last_modified_date_time = now() where id = 603`)
			o.reload()
		}, "before_activation"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := openNewOffice(t, Write)
			exec(t, o.avni.Pool(), `update message_rule set last_modified_date_time = now() - interval '2 hours'`)
			o.started("1 hour")
			test.do(o)
			before, after := o.visit(), o.visit()
			o.savedAgo(cdc.ProgramEncounter, before, "30 minutes")
			o.created(cdc.ProgramEncounter, before)
			o.created(cdc.ProgramEncounter, after)
			o.expectLog(cdc.ProgramEncounter, before, "603 "+test.want)
			o.expectLog(cdc.ProgramEncounter, after, "603 scheduled")
		})
	}
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

// What somebody asked for is not forgotten while its rule is paused or fails, nor for a
// change that nobody saved.
func TestByHandIsKept(t *testing.T) {
	o := openNewOffice(t, Write)
	o.started("0")
	thrice(o)
	old := o.visits(5)
	for _, id := range old {
		o.savedAgo(cdc.Encounter, id, "1 hour")
		o.byHand(cdc.Encounter, id)
		o.arrive(cdc.Encounter, cdc.Update, id)
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
