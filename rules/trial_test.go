package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

func newTester(t *testing.T, pool *pgxpool.Pool) *Tester {
	t.Helper()
	return must[*Tester](t)(NewTester(t.Context(), pool, EngineOptions{}))
}

// try runs rule on an entity of Asha Gramin.
func try(t *testing.T, tester *Tester, rule Rule, entity string) *Trial {
	t.Helper()
	name := must[EntityName](t)(ParseEntityName(entity))
	e := must[Entity](t)(tester.Entity(t.Context(), name, rule.EntityType))
	return must[*Trial](t)(tester.Try(t.Context(), seedDirectory(Write).the(avnitest.AshaGramin), rule, e))
}

// What a trial foretells is what the worker does next.
func TestTrialForetellsTheWorker(t *testing.T) {
	o := openOffice(t, Write)
	ctx, tester := t.Context(), newTester(t, o.db.Pool())
	visit := must[int64](t)(o.avni.ScheduleVisit(ctx, 1001, 501, "ANC 3", march, march))
	rule := must[Rule](t)(tester.Rule(ctx, "603"))
	var request int64
	step := func(want outcome, fate func(Fate) any, detail any) {
		t.Helper()
		trial := try(t, tester, rule, fmt.Sprint(visit))
		if trial.Fate.Outcome != string(want.compared()) {
			t.Errorf("foretold is %s, want %s", trial.Fate.Outcome, want.compared())
		}
		if diff := cmp.Diff(detail, fate(trial.Fate)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want, diff)
		}
		o.saved(cdc.ProgramEncounter, visit)
		all := o.logged(cdc.ProgramEncounter, visit)
		if got := all[len(all)-1]; got != logLine(603, string(want)) {
			t.Errorf("foretold was %s, and the worker did %s", want, got)
		}
		if request == 0 {
			request = o.request(603, visit).ID
		}
	}
	at := func(day int) time.Time { return time.Date(2030, 3, day, 4, 30, 0, 0, time.UTC) }
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	theRequest := func(f Fate) any { return f.Request }
	step(outcomeScheduled, func(f Fate) any { return f.At }, at(9))
	step(outcomeUnchanged, theRequest, request)
	do(o.avni.RescheduleVisit(ctx, visit, march.AddDate(0, 0, 2), march.AddDate(0, 0, 9)))
	step(outcomeMoved, func(f Fate) any { return []any{f.Request, f.Was.UTC(), f.At} }, []any{request, at(9), at(11)})
	do(o.avni.CompleteVisit(ctx, visit, march, nil))
	step(outcomeVoided, func(f Fate) any { return f.Withdrawn }, []int64{request})
	exec(t, o.avni.Pool(), `update program_encounter set encounter_date_time = null where id = $1`, visit)
	step(outcomeRestored, theRequest, request)
	exec(t, o.avni.Pool(), `update message_request_queue set delivery_status = $2 where id = $1`, request, statusNoNumber)
	step(outcomeRenewed, func(f Fate) any { return f.Reason }, "was NotSentNoPhoneNumberInAvni")
	exec(t, o.db.Pool(), cancelByHand, []int64{request})
	step(outcomeCancelled, theRequest, request)
	exec(t, o.db.Pool(), takeBackByHand, []int64{request})
	exec(t, o.db.Pool(), `update message_request_queue set delivery_status = 'Sent', delivered_date_time = now() where id = $1`, request)
	step(outcomeDelivered, theRequest, request)

	do(o.avni.VoidVisit(ctx, visit))
	trial := try(t, tester, rule, fmt.Sprint(visit))
	if want := fmt.Sprintf("ProgramEncounter %d is voided", visit); trial.NotRun != want || trial.Fate.Outcome != "would_skip" || len(trial.Parameters) != 3 {
		t.Errorf("not run because %q, want %q; fate %+v, parameters %q", trial.NotRun, want, trial.Fate, trial.Parameters)
	}
}

// Without schema messenger a rule can be tried all the same.
func TestTrialBeforeSetup(t *testing.T) {
	db := avnitest.New(t)
	exec(t, db.Pool(), `drop schema messenger cascade`)
	tester := newTester(t, db.Pool())
	trial := try(t, tester, must[Rule](t)(tester.Rule(t.Context(), "welcome SUBJECT")), "Subject:1002")
	if trial.Fate.Outcome != "would_leave_delivered" || trial.Fate.Request != 921 || !slices.Equal(trial.Parameters, []string{"Ramesh", "Kevadia"}) {
		t.Errorf("fate %+v, parameters %q", trial.Fate, trial.Parameters)
	}
}

func TestTrialTellsWhatWasRead(t *testing.T) {
	db := avnitest.New(t)
	tester := newTester(t, db.Pool())
	rule := must[Rule](t)(tester.Rule(t.Context(), "601"))
	rule.ScheduleRule = "({params}) => {\n  const i = params.entity;\n  const n = i.encounters.length + i.encounters.length;\n  return {shouldSend: i.enrolments.length + n < 0};\n}"
	trial := try(t, tester, rule, "10000000-0000-4000-8000-000000001001")
	want := []Loaded{
		{What: "the entity", Tables: []TableRows{{"individual", 1}, {"users", 2}, {"user_group", 2}}},
		{What: "encounters", Tables: []TableRows{{"encounter", 2}}, Touched: true, Line: 3, Column: 15},
		{What: "enrolments", Tables: []TableRows{{"program_enrolment", 3}}, Touched: true, Line: 4, Column: 25},
		{What: "definitions", Tables: []TableRows{{"subject_type", 2}, {"operational_program", 1}, {"encounter_type", 3}, {"gender", 2}, {"concept", 0}}},
	}
	if diff := cmp.Diff(want, trial.ScheduleRun.Loaded); diff != "" {
		t.Errorf("read for the schedule rule (-want +got):\n%s", diff)
	}
	if trial.ScheduleRun.Loading <= 0 || trial.ScheduleRun.Took <= 0 {
		t.Errorf("it took %s, and %s to load", trial.ScheduleRun.Took, trial.ScheduleRun.Loading)
	}
}

func TestTrialRefusesWhatDoesNotGoTogether(t *testing.T) {
	db := avnitest.New(t)
	exec(t, db.Pool(), `update message_rule set name = 'Twin' where id in (602, 603, 606)`)
	tester, org := newTester(t, db.Pool()), seedDirectory(Write).the(avnitest.AshaGramin)
	if rule, err := tester.Rule(t.Context(), "95000000-0000-4000-8000-000000000604"); err != nil || rule.ID != 604 {
		t.Errorf("by uuid: %d, %v", rule.ID, err)
	}
	for _, row := range []struct{ rule, entity, want string }{
		{"9", "1001", "there is no message rule 9"},
		{"Twin", "1001", `there are 2 message rules "Twin": name one by its id, 602 (organisation 101) or 603 (organisation 101)`},
		{"Nobody", "1001", `there is no message rule "Nobody"`},
		{"welcome", "1001", `there is no message rule "welcome"; there is "Beneficiary welcome to worker" (612), "Welcome new worker" (605), "Welcome subject" (601)`},
		{"601", "9", "there is no Subject 9"},
		{"601", "00000000-0000-4000-8000-000000000009", "no subject, enrolment, visit or user has the uuid 00000000-0000-4000-8000-000000000009"},
		{"601", "30000000-0000-4000-8000-000000001001", "ProgramEncounter 1001 is not what rule 601 is about: that is entities of type Subject"},
		{"601", "Subject:1004", `Subject 1004 is of type "Household" (302), and rule 601 is about type "Individual" (301)`},
		{"601", "Subject:1101", "Subject 1101 belongs to organisation seva_nepal, and the rule to asha_gramin: rules run on what is their organisation's own"},
	} {
		rule, err := tester.Rule(t.Context(), row.rule)
		if err == nil {
			var e Entity
			if e, err = tester.Entity(t.Context(), must[EntityName](t)(ParseEntityName(row.entity)), rule.EntityType); err == nil {
				_, err = tester.Try(t.Context(), org, rule, e)
			}
		}
		var missing *NotFound
		if !errors.As(err, &missing) || missing.What != row.want {
			t.Errorf("rule %s on %s: %v, want %s", row.rule, row.entity, err, row.want)
		}
	}
}

func TestSurvey(t *testing.T) {
	db := avnitest.New(t)
	const subjects = 2*batchSize + 10
	for n := range subjects {
		_ = must[int64](t)(db.Avni().RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: fmt.Sprintf("Subject%d", n)}))
	}
	pool, reads := tracedPool(t, db)
	tester, org := newTester(t, pool), seedDirectory(Write).the(avnitest.AshaGramin)
	rule := must[Rule](t)(tester.Rule(t.Context(), "601"))
	rule.ScheduleRule = `({params}) => ({scheduledDateTime: new Date()})`
	revised := rule
	revised.MessageRule = `({params}) => { if (params.entity.firstName === 'Subject7') throw new Error('seven'); return {parameters: [params.entity.firstName, 'Kevadia']}; }`
	survey := func(ctx context.Context, s Survey, told func(Answer) error) (answers []Answer, err error) {
		err = tester.Survey(ctx, org, rule, s, func(a Answer) error {
			answers = append(answers, a)
			return told(a)
		})
		return answers, err
	}
	goOn := func(Answer) error { return nil }

	reads.taken()
	answers, err := survey(t.Context(), Survey{Last: subjects, Revised: &revised}, goOn)
	if err != nil || len(answers) != subjects {
		t.Fatalf("%d answers, %v", len(answers), err)
	}
	if read := len(reads.taken()); read > 1+3*10+5 { // to find them, some for each of three batches, and the definitions
		t.Errorf("%d queries for %d subjects", read, subjects)
	}
	var different []string
	for _, a := range answers {
		if !a.Current.Same(*a.Revised) {
			different = append(different, fmt.Sprint(a.Current.Parameters, a.Revised.Script, a.Revised.Failure))
		}
	}
	if diff := cmp.Diff([]string{"[Subject7 Kevadia]messagethrow: Error: seven (line 1, column 67)"}, different); diff != "" {
		t.Errorf("different (-want +got):\n%s", diff)
	}
	if got := answers[0].Current.Parameters[0]; got != fmt.Sprintf("Subject%d", subjects-1) {
		t.Errorf("the first is about %s; what was saved last comes first", got)
	}

	if answers, err = survey(t.Context(), Survey{Last: 1000, Since: time.Now().Add(-time.Hour)}, goOn); err != nil || len(answers) != subjects {
		t.Errorf("%d were saved within the hour, %v", len(answers), err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	answers, err = survey(ctx, Survey{Last: subjects}, func(Answer) error {
		stop()
		return nil
	})
	if !errors.Is(err, context.Canceled) || len(answers) != 1 {
		t.Errorf("stopped after the first: %d answers, %v", len(answers), err)
	}
}
