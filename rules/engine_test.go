package rules

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// now is the clock of the rules in tests: 15:30 in India.
var now = time.Date(2024, time.May, 1, 10, 0, 0, 0, time.UTC)

var sharedEngine = sync.OnceValues(func() (*Engine, error) {
	return NewEngine(EngineOptions{Now: func() time.Time { return now }})
})

// testEngine returns the engine that tests share, with rules living in India.
func testEngine(t testing.TB) *Engine {
	t.Helper()
	inZone(t, "Asia/Kolkata")
	e, err := sharedEngine()
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// inZone sets the process's time zone for one test.
func inZone(t testing.TB, name string) {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	before := time.Local
	time.Local = zone
	t.Cleanup(func() { time.Local = before })
}

// engineWith makes an engine of its own for a test.
func engineWith(t testing.TB, options EngineOptions) *Engine {
	t.Helper()
	if options.Now == nil {
		options.Now = func() time.Time { return now }
	}
	e, err := NewEngine(options)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// failureOf fails the test unless err is a *Failure of the kind.
func failureOf(t *testing.T, err error, kind FailureKind) *Failure {
	t.Helper()
	var failure *Failure
	if !errors.As(err, &failure) {
		t.Fatalf("error is %v (%T), want a *Failure", err, err)
	}
	if failure.Kind != kind {
		t.Fatalf("failure is %v, want kind %s", failure, kind)
	}
	return failure
}

const (
	asha  int32 = 101
	nepal int32 = 103
)

func TestSeedScheduleRules(t *testing.T) {
	e := testEngine(t)
	for _, test := range []struct {
		name, entity, script string
		want                 Schedule
	}{
		{"601 welcome subject", "subject", `'use strict';
({params, imports}) => ({
  scheduledDateTime: imports.moment(params.entity.registrationDate).add(1, 'days').hour(9).toDate(),
  shouldSend: !params.entity.voided
});`, Schedule{Send: true, At: time.Date(2024, 1, 11, 4, 0, 0, 0, time.UTC)}},
		{"602 tell worker of enrolment", "enrolment", `({params, imports}) => ({ scheduledDateTime: new Date() });`, Schedule{Send: true, At: now}},
		{"603 ANC reminder", "program_encounter", `({params, imports}) => {
  const e = params.entity; const moment = imports.moment;
  if (e.encounterDateTime || e.cancelDateTime || e.voided) return { shouldSend: false };
  return { shouldSend: true, scheduledDateTime: moment(e.earliestVisitDateTime).subtract(1,'day').hour(10).minute(0).second(0).millisecond(0).toISOString() };
};`, Schedule{Send: true, At: time.Date(2030, 2, 28, 4, 30, 0, 0, time.UTC)}},
		{"604 home visit done", "encounter", `({params, imports}) => ({ scheduledDateTime: params.entity.encounterDateTime, shouldSend: !!params.entity.encounterDateTime });`,
			Schedule{Send: true, At: time.Date(2024, 3, 2, 5, 0, 0, 0, time.UTC)}},
		{"605 welcome new worker", "user", `({params, imports}) => ({ scheduledDateTime: new Date() });`, Schedule{Send: true, At: now}},
		{"611 GMP reminder", "program_encounter_nepal", `({params, imports}) => ({ scheduledDateTime: imports.moment(params.entity.earliestVisitDateTime).subtract(2,'days').toDate() });`,
			Schedule{Send: true, At: time.Date(2030, 2, 27, 4, 15, 0, 0, time.UTC)}},
		{"612 beneficiary welcome", "subject", `({params, imports}) => ({ scheduledDateTime: new Date(), shouldSend: true });`, Schedule{Send: true, At: now}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := e.Schedule(context.Background(), asha, test.script, readInput(t, test.entity))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("schedule (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSeedMessageRules(t *testing.T) {
	e := testEngine(t)
	for _, test := range []struct {
		name, entity, script string
		want                 []string
	}{
		{"601 welcome subject", "subject", `'use strict';
({params, imports}) => {
  const individual = params.entity;
  return {
    parameters: [individual.firstName, individual.lowestAddressLevel.name]
  }
};`, []string{"Asha", "Kevadia"}},
		{"602 tell worker of enrolment", "enrolment", "({params, imports}) => { const enrolment = params.entity; const i = enrolment.individual; return { parameters: [`${i.firstName} ${i.lastName}`, imports.moment(enrolment.enrolmentDateTime).format('DD/MM/YYYY')] }; };",
			[]string{"Asha Sharma", "15/01/2024"}},
		{"603 ANC reminder", "program_encounter", `({params, imports}) => { const e = params.entity; const i = e.programEnrolment.individual; return { parameters: [i.firstName, e.name, imports.moment(e.earliestVisitDateTime).format('DD MMM YYYY')] }; };`,
			[]string{"Asha", "ANC 2", "01 Mar 2030"}},
		{"604 home visit done", "encounter", `({params, imports}) => { const e = params.entity; const obs = e.getObservationReadableValue('Symptoms'); return { parameters: [e.individual.firstName, obs ? String(obs) : '-'] }; };`,
			[]string{"Asha", "Headache"}},
		{"605 welcome new worker", "user", `({params, imports}) => { const user = params.entity; return { parameters: [user.username] } };`, []string{"meena@asha"}},
		{"606 voided", "subject", `({params}) => ({ parameters: [] });`, []string{}},
		{"607 constant", "encounter", `({params}) => ({ parameters: ['x'] });`, []string{"x"}},
		{"611 GMP reminder", "program_encounter_nepal", `({params, imports}) => ({ parameters: [params.entity.programEnrolment.individual.firstName] });`, []string{"Maya"}},
		{"612 beneficiary welcome", "subject", `({params, imports}) => ({ parameters: [params.entity.firstName] });`, []string{"Asha"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := e.Parameters(context.Background(), asha, test.script, readInput(t, test.entity))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("parameters (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSeedBrokenRule(t *testing.T) {
	e := testEngine(t)
	_, err := e.Schedule(context.Background(), asha,
		`({params, imports}) => { return { scheduledDateTime: params.entity.nothing.here }; };`, readInput(t, "encounter"))
	failure := failureOf(t, err, FailedThrow)
	if want := "TypeError: Cannot read property 'here' of undefined (line 1, column 76)"; failure.Message != want {
		t.Errorf("message is %q, want %q", failure.Message, want)
	}
	if strings.Contains(failure.Stack, bundleFile) {
		t.Errorf("the stack shows the bundle:\n%s", failure.Stack)
	}
}

// TestZones checks that rules live in the process's time zone.
func TestZones(t *testing.T) {
	e := testEngine(t)
	script := `({params, imports}) => ({parameters: [new Date().toString(), imports.moment(params.entity.registrationDate).format(), imports.moment('2024-05-01').toDate()]})`
	for zone, want := range map[string][]string{
		"UTC":              {"Wed May 01 2024 10:00:00 GMT+0000 (Coordinated Universal Time)", "2024-01-10T00:00:00+00:00", "2024-05-01T00:00:00.000Z"},
		"Asia/Kolkata":     {"Wed May 01 2024 15:30:00 GMT+0530 (India Standard Time)", "2024-01-10T05:30:00+05:30", "2024-04-30T18:30:00.000Z"},
		"America/New_York": {"Wed May 01 2024 06:00:00 GMT-0400 (Eastern Daylight Time)", "2024-01-09T19:00:00-05:00", "2024-05-01T04:00:00.000Z"},
	} {
		inZone(t, zone)
		got, err := e.Parameters(context.Background(), asha, script, readInput(t, "subject"))
		if err != nil {
			t.Errorf("%s: %v", zone, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", zone, diff)
		}
	}
}

// TestOlderDates checks the ways in which avni-server wrote dates before 2024-11.
func TestOlderDates(t *testing.T) {
	e := testEngine(t)
	in := readInput(t, "subject")
	in.Entity.Set("registrationDate", List{int64(2024), int64(1), int64(10)})
	in.Entity.Set("dateOfBirth", int64(791769600000))
	got, err := e.Parameters(context.Background(), asha, `({params: {entity}}) => ({parameters: [entity.registrationDate, entity.dateOfBirth]})`, in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"2024-01-09T18:30:00.000Z", "1995-02-03T00:00:00.000Z"}, got); diff != "" {
		t.Errorf("dates (-want +got):\n%s", diff)
	}
}

// TestMissingPieces checks that a contract with holes does not stop a rule that does not
// need them.
func TestMissingPieces(t *testing.T) {
	e := testEngine(t)
	in := Input{EntityType: Subject, Entity: recordOf(t, `{"uuid": "s", "firstName": "Uma", "gender": null, "observations": [{"concept": null, "value": 1}], "encounters": null}`)}
	got, err := e.Parameters(context.Background(), asha, `({params: {entity, user, myUserGroups}}) => ({parameters: [
  entity.firstName, entity.gender, entity.observations.length, entity.getEncounters(true).length, entity.getObservationReadableValue('Weight') === undefined, user === undefined, myUserGroups.length,
]})`, in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Uma", "null", "0", "0", "true", "true", "0"}, got); diff != "" {
		t.Errorf("parameters (-want +got):\n%s", diff)
	}
}
