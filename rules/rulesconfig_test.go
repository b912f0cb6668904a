package rules_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/rules"
)

// rec makes a record of names and values by turns.
func rec(fields ...any) *rules.Record {
	r := &rules.Record{}
	for i := 0; i < len(fields); i += 2 {
		r.Set(fields[i].(string), fields[i+1])
	}
	return r
}

func observation(concept, datatype string, value any, answers ...any) *rules.Record {
	return rec("concept", rec("uuid", "uuid-"+concept, "name", concept, "datatype", datatype, "answers", rules.List(answers)),
		"value", value)
}

func answer(name string) *rules.Record {
	return rec("uuid", "answer-"+name, "concept", rec("uuid", "uuid-"+name, "name", name, "datatype", "NA"), "voided", false)
}

func aSubject() *rules.Record {
	return rec("uuid", "subject", "firstName", "Subject", "dateOfBirth", "2000-06-15", "registrationDate", "2023-01-10",
		"gender", rec("uuid", "gender", "name", "Female"), "lowestAddressLevel", rec("uuid", "address", "name", "North"),
		"observations", rules.List{
			observation("High risk", "Coded", "uuid-Yes", answer("Yes"), answer("No")),
			observation("House", "QuestionGroup", rules.List{observation("Rooms", "Numeric", int64(3))}),
		},
		"encounters", rules.List{}, "enrolments", rules.List{}, "voided", false)
}

func aVisit(uuid, at string, weight int64) *rules.Record {
	return rec("uuid", uuid, "encounterType", rec("uuid", "type", "name", "ANC"), "encounterDateTime", at,
		"cancelObservations", rules.List{}, "voided", false, "observations", rules.List{
			observation("Weight", "Numeric", weight),
			observation("Symptoms", "Coded", rules.List{"uuid-Fever", "uuid-Cough"}, answer("Fever"), answer("Cough"), answer("None")),
		})
}

func anEnrolment() *rules.Record {
	planned := aVisit("planned", "", 0)
	planned.Set("encounterDateTime", nil)
	planned.Set("earliestVisitDateTime", "2023-06-20T06:30:00.000Z")
	planned.Set("observations", rules.List{})
	return rec("uuid", "enrolment", "subject", aSubject(), "enrolmentDateTime", "2023-02-01T06:30:00.000Z", "voided", false,
		"observations", rules.List{observation("LMP", "Date", "2023-01-01"), observation("Parity", "Numeric", int64(2))},
		"exitObservations", rules.List{}, "programEncounters", rules.List{
			aVisit("second", "2023-04-01T06:30:00.000Z", 52), aVisit("first", "2023-03-01T06:30:00.000Z", 48), planned,
		})
}

func aProgramEncounter() *rules.Record {
	visit := aVisit("current", "2023-05-01T06:30:00.000Z", 55)
	visit.Set("programEnrolment", anEnrolment())
	return visit
}

func anEncounter() *rules.Record {
	encounter := aVisit("general", "2023-05-01T06:30:00.000Z", 60)
	encounter.Set("subject", aSubject())
	return encounter
}

func TestRulesConfig(t *testing.T) {
	engine, err := rules.NewEngine(rules.EngineOptions{Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	about := map[rules.EntityType]struct {
		context string
		entity  func() *rules.Record
	}{
		rules.Subject:          {"individual", aSubject},
		rules.ProgramEnrolment: {"programEnrolment", anEnrolment},
		rules.ProgramEncounter: {"programEncounter", aProgramEncounter},
		rules.Encounter:        {"encounter", anEncounter},
	}
	tests := []struct {
		entity     rules.EntityType
		expression string // see ruleReturning
		want       string
	}{
		{rules.Subject, `c.when.female.and.lowestAddressLevel.equals('North').matches()`, "true"},
		{rules.Subject, `c.when.gender.equals('Male').matches()`, "false"},
		{rules.Subject, `c.when.age.is.greaterThanOrEqualTo(22).and.lessThan(23).matches()`, "true"},
		{rules.Subject, `c.when.valueInRegistration('High risk').is.yes.matches()`, "true"},
		{rules.Subject, `c.when.valueInRegistration('High risk').containsAnswerConceptNameOtherThan('Yes').matches()`, "false"},
		{rules.Subject, `c.when.questionGroupValueInRegistration('Rooms', 'House', 0).equals(3).matches()`, "true"},
		{rules.Subject, `c.when.encounterType.is.notDefined.matches()`, "true"},
		{rules.ProgramEnrolment, `c.when.valueInEnrolment('Parity').is.not.lessThan(2).matches()`, "true"},
		{rules.ProgramEnrolment, `c.when.valueInEntireEnrolment('Weight').matchesFn((weight) => weight === 48).matches()`, "true"},
		{rules.ProgramEnrolment, `c.when.latestValueInAllEncounters('Weight').equals(52).matches()`, "true"},
		{rules.ProgramEnrolment, `c.when.valueInEnrolment('LMP').lessThan(new Date(2023, 0, 15), 'month').matches()`, "false"},
		{rules.ProgramEnrolment, `c.when.valueInEnrolment('LMP').equals(new Date(2023, 0, 15), 'month').matches()`, "true"},
		{rules.ProgramEncounter, `c.when.valueInEncounter('Weight').is.greaterThan(50).then(() => 'heavy')`, "heavy"},
		{rules.ProgramEncounter, `c.when.valueInLastEncounter('Weight', ['ANC']).equals(52).matches()`, "true"},
		{rules.ProgramEncounter, `c.when.latestValueInPreviousEncounters('Weight').equalsOneOf(1, 52).matches()`, "true"},
		{rules.ProgramEncounter, `c.when.latestValueInEntireEnrolment('Parity').is.truthy.matches()`, "true"},
		{rules.ProgramEncounter, `c.when.valueInEncounter('Symptoms').containsAnyAnswerConceptName('None', 'Cough').matches()`, "true"},
		{rules.ProgramEncounter, `c.when.valueInEncounter('Symptoms').containsAnswerConceptName('None').or.valueInRegistration('High risk').is.no.matches()`, "false"},
		{rules.ProgramEncounter, `c.when.valueInEnrolment('LMP').asDaysSince.is.greaterThan(100).matches()`, "true"},
		{rules.ProgramEncounter, `c.when.encounterMonth.equals(5).and.encounterType.equals('ANC').matches()`, "true"},
		{rules.Encounter, `c.when.valueInEncounter('Weight').equals(60).and.latestValueInPreviousEncounters('Weight').is.notDefined.matches()`, "true"},
		{rules.Encounter, `c instanceof R.rulesConfig.RuleCondition`, "true"},
		{rules.ProgramEnrolment, `(b.add({name: 'one'}).when.valueInEnrolment('Parity').equals(2), b.add({name: 'two'}).whenItem(1).equals(2), b.getAll().map((v) => v.name).join())`, "one"},
		{rules.ProgramEnrolment, `(b.add({encounterType: 'ANC', earliestDate: R.moment('2023-06-20T06:30:00.000Z').toDate()}), b.getAllUnique('encounterType', true).length + '/' + b.getAllUnique('encounterType').length)`, "0/1"},
		{rules.Subject, `Object.keys(R.rulesConfig).join()`, "RuleCondition,VisitScheduleBuilder"},
	}
	for _, test := range tests {
		t.Run(string(test.entity)+" "+test.expression, func(t *testing.T) {
			on := about[test.entity]
			in := rules.Input{EntityType: test.entity, Entity: on.entity()}
			got, err := engine.Parameters(t.Context(), 1, ruleReturning(on.context, test.expression), in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{test.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// ruleReturning is a message rule with one parameter, the value of an expression in which c is a condition about the
// entity, b a builder of visits for it and R the imports.
func ruleReturning(context, expression string) string {
	return `({params, imports: R}) => {
		const about = () => ({` + context + `: params.entity});
		const c = new R.rulesConfig.RuleCondition(about());
		const b = new R.rulesConfig.VisitScheduleBuilder(about());
		return {parameters: [String(` + expression + `)]};
	}`
}

func TestRulesConfigRefuses(t *testing.T) {
	engine, err := rules.NewEngine(rules.EngineOptions{Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ expression, want string }{
		{`new R.rulesConfig.FormElementStatus('uuid', true)`, "FormElementStatus is not available in message rules"},
		{`R.rulesConfig.lib`, "lib is not available in message rules"},
		{`c.when.valueInEnrolment('Parity').defined.matches()`, "needs a programEnrolment or a programEncounter"},
	}
	for _, test := range tests {
		t.Run(test.expression, func(t *testing.T) {
			in := rules.Input{EntityType: rules.Subject, Entity: aSubject()}
			_, err := engine.Parameters(t.Context(), 1, ruleReturning("individual", test.expression), in)
			var failure *rules.Failure
			if !errors.As(err, &failure) || failure.Kind != rules.FailedThrow || !strings.Contains(failure.Message, test.want) {
				t.Errorf("got %v, want a rule failure with %q", err, test.want)
			}
		})
	}
}
