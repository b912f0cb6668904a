package rules

import (
	"context"
	"slices"
	"testing"

	"avni-messenger/cdc"
)

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

// An organisation starts before it has rules.
func TestOrganisationWithoutRulesStarts(t *testing.T) {
	o := openNewOffice(t, Write)
	exec(t, o.avni.Pool(), `update message_rule set organisation_id = 103 where organisation_id = 101`)
	o.reload()
	o.started("1 hour")
	o.worker.deactivated = false
	o.upkeep()
	exec(t, o.avni.Pool(), `update message_rule set organisation_id = 101, created_date_time = now() - interval '40 minutes' where id = 603`)
	exec(t, o.db.Pool(), `delete from messenger.activation where rule_id <> 0`)
	o.reload()
	o.worker = o.newWorker(o.db.Pool()) // it was away when the rule was made
	o.upkeep()
	before, after := o.visit(), o.visit()
	o.savedAgo(cdc.ProgramEncounter, before, "50 minutes")
	o.savedAgo(cdc.ProgramEncounter, after, "30 minutes")
	o.created(cdc.ProgramEncounter, before)
	o.created(cdc.ProgramEncounter, after)
	o.expectLog(cdc.ProgramEncounter, before, "603 before_activation")
	o.expectLog(cdc.ProgramEncounter, after, "603 scheduled")
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

// It ends also where no organisation is left.
func TestModeThatAllLeaveEndsTheActivation(t *testing.T) {
	o := openNewOffice(t, Write)
	o.started("1 hour")
	for _, id := range o.dir.IDs() {
		o.dir.treat(id, Compare)
	}
	o.worker = o.newWorker(o.db.Pool())
	o.upkeep()
	if n := o.count(`select count(*) from messenger.activation`); n != 0 {
		t.Errorf("%d rows, though all are compared only", n)
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
