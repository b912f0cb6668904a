package rules

import (
	"context"
	"errors"
	"testing"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// freshened is a worker whose catalogue is brought up to date only by Fresh, with the
// versions that it was called with.
func freshened(t *testing.T, treatment Treatment, fresh func(*office) error) (*office, *[]int64) {
	t.Helper()
	asked := new([]int64)
	var o *office
	o = openOffice(t, treatment, func(w *WorkerOptions) {
		w.Fresh = func(_ context.Context, version int64) error {
			*asked = append(*asked, version)
			return fresh(o)
		}
	})
	exec(t, o.db.Pool(), `update messenger.reference_version set version = 5`)
	return o, asked
}

// A rule that this process has not heard of is evaluated all the same: the change says
// how new the rules have to be.
func TestChangeIsEvaluatedWithFreshRules(t *testing.T) {
	o, asked := freshened(t, Write, func(o *office) error { return o.catalogue.Load(o.Context()) })
	rule := must[int64](t)(o.avni.SaveRule(t.Context(), avnitest.RuleFields{Name: "New", EntityType: "Subject", EntityTypeID: 301, TemplateID: "7001",
		ScheduleRule: `() => ({scheduledDateTime: new Date()})`, MessageRule: `() => ({parameters: []})`}))
	subject := must[int64](t)(o.avni.RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: "Lila"}))
	o.created(cdc.Individual, subject)
	o.expectLog(cdc.Individual, subject, logLine(601, "scheduled"), logLine(rule, "scheduled"))
	if len(*asked) != 1 || (*asked)[0] != 5 {
		t.Errorf("asked for versions %v", *asked)
	}
}

// While the rules cannot be read nothing is evaluated, and changes are there for whoever can.
func TestChangeWaitsForFreshRules(t *testing.T) {
	o, _ := freshened(t, Write, func(*office) error { return errors.New("no") })
	subject := must[int64](t)(o.avni.RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: "Lila"}))
	o.created(cdc.Individual, subject)
	o.expectNoLog(cdc.Individual, subject)
	if n := o.count(`select count(*) from messenger.inbox where claimed_by is null and claimed_until is null and attempts = 0`); n != 1 {
		t.Error("the change is not free")
	}
}

// An organisation that is served now, or comes to be while its changes are dropped, loses none.
func TestIgnoredOrganisationIsFresh(t *testing.T) {
	t.Run("served by now", func(t *testing.T) {
		o, _ := freshened(t, Write, func(o *office) error { o.dir.treat(101, Write); return nil })
		subject := must[int64](t)(o.avni.RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: "Lila"}))
		o.arrive(cdc.Individual, cdc.Insert, subject)
		o.dir.treat(101, Ignore)
		o.work()
		o.work()
		o.expectLog(cdc.Individual, subject, logLine(601, "scheduled"))
	})
	t.Run("meanwhile", func(t *testing.T) {
		o, _ := freshened(t, Write, func(*office) error { return nil })
		exec(t, o.db.Pool(), `
			create function messenger.new_version() returns trigger language plpgsql as $$
			begin update messenger.reference_version set version = version + 1; return old; end $$`)
		exec(t, o.db.Pool(), `create trigger new_version after delete on messenger.inbox for each row execute function messenger.new_version()`)
		subject := must[int64](t)(o.avni.RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: "Lila"}))
		o.arrive(cdc.Individual, cdc.Insert, subject)
		o.dir.treat(101, Ignore)
		o.work()
		o.expectNoLog(cdc.Individual, subject)
		if o.inbox() != 1 {
			t.Error("the change is gone")
		}
	})
}

func (o *office) expectNoLog(table cdc.Table, entityID int64) {
	o.Helper()
	if logged := o.logged(table, entityID); len(logged) != 0 {
		o.Errorf("%s %d was dealt with: %q", table, entityID, logged)
	}
}
