package main

import (
	"fmt"
	"strings"
	"testing"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
	"avni-messenger/rules"
)

const (
	dueNow  = `() => ({scheduledDateTime: new Date('2030-01-01T04:00:00Z')})`
	someone = `({params}) => ({parameters: [params.entity.firstName]})`
)

// Each thing that can be wrong with a rule is told of, in words that show nobody's data.
func TestCheckRules(t *testing.T) {
	db := avnitest.New(t)
	server, err := startSampleGlific(t.Context(), db.Avni(), glifictest.Options{NoLimits: true})
	must(t, err)
	t.Cleanup(server.Close)
	execAs(t, db.SuperuserURL(), `update message_rule set is_voided = true`)
	tried, err := db.Avni().SaveRule(t.Context(), avnitest.RuleFields{Name: "Tried", EntityType: "Subject", EntityTypeID: 301, TemplateID: "7010"})
	must(t, err)
	for _, row := range []struct {
		name     string
		rule     avnitest.RuleFields
		also     string // SQL that touches nothing of the rows that follow
		mode     string
		grade    grade
		texts    []string
		template grade // of template 7010, "" if it is not looked at
	}{
		{name: "well", rule: avnitest.RuleFields{ScheduleRule: dueNow, MessageRule: someone}, grade: gradeOK,
			texts: []string{"for Subject 1006, the newest: would schedule for 2030-01-01 09:30:00 IST; 1 parameter"}, template: gradeOK},
		{name: "not to be sent", rule: avnitest.RuleFields{ScheduleRule: `() => ({shouldSend: false})`, MessageRule: someone}, grade: gradeOK, texts: []string{"would not send (shouldSend is false)"}},
		{name: "no date", rule: avnitest.RuleFields{ScheduleRule: `() => ({})`, MessageRule: someone}, grade: gradeOK, texts: []string{"would not send (no scheduledDateTime)"}},
		{name: "long ago", rule: avnitest.RuleFields{ScheduleRule: `() => ({scheduledDateTime: new Date(0)})`, MessageRule: someone}, grade: gradeOK, texts: []string{"which is too long ago to be sent"}},
		{name: "schedule does not compile", rule: avnitest.RuleFields{ScheduleRule: `({params}) => ({`, MessageRule: someone}, grade: gradeFailing,
			texts: []string{"its schedule rule does not compile: SyntaxError", "Correct the syntax of its schedule rule"}},
		{name: "message does not compile", rule: avnitest.RuleFields{ScheduleRule: dueNow, MessageRule: `(params => `}, grade: gradeFailing, texts: []string{"its message rule does not compile"}},
		{name: "schedule throws", rule: avnitest.RuleFields{ScheduleRule: `({params}) => { throw new Error('no phone for ' + params.entity.firstName); }`, MessageRule: someone}, grade: gradeFailing,
			texts: []string{"its schedule rule fails for Subject 1006, the newest: throw: Error with a text that may be personal", "`avni-messenger rule test --rule ", " --entity Subject:1006` shows all of it."}},
		{name: "schedule throws in dispatch", rule: avnitest.RuleFields{ScheduleRule: `({params}) => params.nobody.here`, MessageRule: someone}, mode: "dispatch", grade: gradeWarning,
			texts: []string{"in mode dispatch avni-server runs it"}},
		{name: "endless", rule: avnitest.RuleFields{ScheduleRule: `() => { for (;;); }`, MessageRule: someone}, grade: gradeFailing, texts: []string{"timeout: "}},
		{name: "message throws", rule: avnitest.RuleFields{ScheduleRule: dueNow, MessageRule: `({params}) => params.nobody.here`}, grade: gradeFailing,
			texts: []string{"its message rule fails for Subject 1006, the newest: throw: TypeError: Cannot read property 'here' of undefined"}},
		{name: "message throws where none is sent", rule: avnitest.RuleFields{ScheduleRule: `() => ({shouldSend: false})`, MessageRule: `({params}) => params.nobody.here`}, grade: gradeWarning,
			texts: []string{"no message would be sent about that one"}},
		{name: "empty parameter", rule: avnitest.RuleFields{ScheduleRule: dueNow, MessageRule: `() => ({parameters: ['  ']})`}, grade: gradeFailing, texts: []string{"parameter 1 is empty"}},
		{name: "not for people", rule: avnitest.RuleFields{ScheduleRule: `() => ({})`, MessageRule: `() => ({parameters: [String(undefined)]})`}, grade: gradeWarning, texts: []string{`parameter 1 is "undefined"`}},
		{name: "more parameters than the template", rule: avnitest.RuleFields{ScheduleRule: dueNow, MessageRule: `() => ({parameters: ['a', 'b']})`}, grade: gradeOK, texts: []string{"2 parameters"}, template: gradeFailing},
		{name: "about a type that is gone", rule: avnitest.RuleFields{EntityTypeID: 311, ScheduleRule: dueNow, MessageRule: someone}, grade: gradeFailing, texts: []string{"it is about subject type 311, which the organisation does not have"}},
		{name: "about a voided type", rule: avnitest.RuleFields{EntityTypeID: 399, ScheduleRule: dueNow, MessageRule: someone}, also: "insert into subject_type select (jsonb_populate_record(s, '{\"id\": 399, \"uuid\": \"399\", \"is_voided\": true}')).* from subject_type s where id = 301", grade: gradeFailing,
			texts: []string{"subject type 399, which is voided"}},
		{name: "about nothing yet", rule: avnitest.RuleFields{EntityType: "ProgramEnrolment", EntityTypeID: 401, ScheduleRule: dueNow, MessageRule: someone}, also: "update program_enrolment set is_voided = true", grade: gradeOK,
			texts: []string{"compiles; there is no ProgramEnrolment yet"}},
		{name: "about users, for a subject", rule: avnitest.RuleFields{EntityType: "User", ScheduleRule: dueNow, MessageRule: someone}, grade: gradeFailing, texts: []string{"it is about users, but for a subject"}},
		{name: "for a group", rule: avnitest.RuleFields{ReceiverType: "Group", ScheduleRule: dueNow, MessageRule: someone}, grade: gradeFailing, texts: []string{`its receiver type is "Group"`}},
		{name: "about something else", rule: avnitest.RuleFields{EntityType: "Location", ScheduleRule: dueNow, MessageRule: someone}, grade: gradeFailing, texts: []string{`entity type "Location"`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.rule.ID, row.rule.Name, row.rule.TemplateID = tried, "Tried", "7010"
			if row.rule.EntityType == "" {
				row.rule.EntityType = "Subject"
			}
			if row.rule.EntityTypeID == 0 && row.rule.EntityType != "User" {
				row.rule.EntityTypeID = 301
			}
			_, err := db.Avni().SaveRule(t.Context(), row.rule)
			must(t, err)
			if row.also != "" {
				execAs(t, db.SuperuserURL(), row.also)
			}
			found := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL(), "MESSENGER_RULE_TIMEOUT=200ms", "MESSENGER_MODE="+orDefault(row.mode, "shadow")).findings(t, "Organisation asha_gramin")
			wantFinding(t, found, row.grade, fmt.Sprintf(`rule %d "Tried"`, tried), row.texts...)
			if row.template != "" {
				wantFinding(t, found, row.template, "template 7010", fmt.Sprintf("rule %d", tried))
			}
			wantReadable(t, printed(found))
		})
	}
}

func TestCheckOfAnOrganisationWithoutRules(t *testing.T) {
	db := avnitest.New(t)
	execAs(t, db.SuperuserURL(), `update message_rule set is_voided = true`)
	found := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL()).findings(t, "Organisation asha_gramin")
	wantFinding(t, found, gradeOK, "rules", "it has none that is not voided")
}

func TestCheckOfARulesConfigThatCannotBeUsed(t *testing.T) {
	db := avnitest.New(t)
	found := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL(), "MESSENGER_RULES_CONFIG=check_rules_test.go").findings(t, "Organisation asha_gramin")
	wantFinding(t, found, gradeFailing, "rules engine", "MESSENGER_RULES_CONFIG: ", "Correct MESSENGER_RULES_CONFIG")
}

// Where entities cannot be read, that is told once; rules are still compiled.
func TestCheckOfRulesWhereEntitiesCannotBeRead(t *testing.T) {
	db := avnitest.New(t)
	execAs(t, db.SuperuserURL(), `alter table individual drop column middle_name; update message_rule set message_rule = '(' where id = 604`)
	found := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL()).findings(t, "Organisation asha_gramin")
	told := 0
	for _, f := range found {
		told += strings.Count(f.Found, "middle_name does not exist")
	}
	if told != 1 {
		t.Errorf("it is told %d times:\n%s", told, printed(found))
	}
	wantFinding(t, found, gradeSkipped, "rule 603", `it compiles, but cannot be run, as little as rule 601 "Welcome subject"`)
	wantFinding(t, found, gradeFailing, "rule 604", "its message rule does not compile")
}

func TestScheduleWords(t *testing.T) {
	withdrawn := &rules.Trial{NotRun: "Subject 7 is voided"}
	if got := (&organisationCheck{}).scheduleWords(withdrawn); got != "would not send: Subject 7 is voided" {
		t.Errorf("words are %q", got)
	}
}
