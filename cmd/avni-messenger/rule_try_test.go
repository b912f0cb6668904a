package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// trialHall is a database and a fake Glific in which rules are tried.
type trialHall struct {
	*testing.T
	db      *avnitest.DB
	glific  *glifictest.Server
	environ []string
}

func openTrialHall(t *testing.T, environ ...string) *trialHall {
	t.Helper()
	h := &trialHall{T: t, db: avnitest.New(t)}
	server, err := startSampleGlific(t.Context(), h.db.Avni(), glifictest.Options{NoLimits: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	h.glific = server
	h.environ = append([]string{"MESSENGER_DATABASE_URL=" + h.db.URL(), "MESSENGER_MODE=full", "MESSENGER_SOLE_OWNER=true"}, environ...)
	return h
}

// file makes a file with a script.
func (h *trialHall) file(script string) string {
	h.Helper()
	path := filepath.Join(h.TempDir(), "rule.js")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		h.Fatal(err)
	}
	return path
}

// expect runs rule test and looks for texts in what it prints.
func (h *trialHall) expect(code int, args []string, texts ...string) string {
	h.Helper()
	got, stdout, stderr := command(h.T, h.environ, append([]string{"rule", "test"}, args...)...)
	if got != code {
		h.Errorf("%q: code %d, want %d", args, got, code)
	}
	for _, text := range texts {
		if !strings.Contains(stdout+stderr, text) {
			h.Errorf("%q: no %q in\n%s%s", args, text, stdout, stderr)
		}
	}
	return stdout
}

func TestRuleTest(t *testing.T) {
	h := openTrialHall(t)
	thrower := h.file(`({params, imports}) => { console.log('about', params.entity.firstName); throw new Error('no ' + params.user.username); }`)
	broken := h.file("({params}) => {\n  const x = {;\n}")
	good := h.file("\ufeff({params}) => ({scheduledDateTime: '2031-05-01T10:00:00'})")
	odd := h.file(`() => ({parameters: ['', 'a "quoted" \u200d\u0007', 'on Invalid date']})`)
	empty := h.file(" \n")
	h.ruleOfParent()
	execSQL(t, h.db, `update message_rule set message_template_id = '4711' where id = 602`)
	const uuid = "10000000-0000-4000-8000-000000001001"
	for _, row := range []struct {
		name, args string
		code       int
		want       []string
	}{
		{"all of it", "--rule 601 --entity Subject:1001", exitOK, []string{
			`rule 601 "Welcome subject" of asha_gramin` + "\nSubject 1001 (Individual) of asha_gramin, uuid " + uuid,
			"that is           2024-01-11 09:30:00 IST = 2024-01-11 04:00:00 UTC\n",
			"→ would make a request for 2024-01-11 09:30:00 IST, but it would expire unsent: that is more than 4 days ago",
			"  2 parameters\n    1: \"Asha\"\n    2: \"Kevadia\"\n  template 7001, approved, language en\n",
			"    | Namaste Asha, welcome to Asha Gramin. Your health worker visits Kevadia every Tuesday.\n",
			"  Subject 1001: …0001, a usable number\n", "  addresses           address_level 1 (for line 5, column 51)\n"}},
		{"number in full", "--rule 601 --entity 1001 --show-numbers", exitOK, []string{"Subject 1001: +919876500001, a usable number"}},
		{"by name and uuid", "--rule anc* --entity 30000000-0000-4000-8000-000000001001", exitOK, []string{"would make a request for 2030-02-28 10:00:00 IST\n"}},
		{"of a user's", "--rule 602 --entity 1001", exitOK, []string{"which is now: it would be sent at once", "User 202: …3210", "template 4711   REFUSED: Glific has no template with this id (template_not_found)"}},
		{"without Glific", "--rule 601 --entity 1001 --no-glific", exitOK, []string{"  template 7001\n\nreceiver"}},
		{"sent already", "--rule 601 --entity 1002", exitOK, []string{"→ sent already (request 921)"}},
		{"not to be sent", "--rule 603 --entity 1002", exitOK, []string{"shouldSend        false", "→ no message: the rule does not want one"}},
		{"no number", "--rule 601 --entity 1003", exitOK, []string{"Subject 1003: REFUSED: subject 1003 has no phone number (no_phone)"}},
		{"bad number", "--rule 601 --entity 1006", exitOK, []string{"Subject 1006: REFUSED: the phone number of subject 1006 has 5 digits; a mobile number of region IN has 10"}},
		{"voided rule", "--rule 606 --entity 1001", exitOK, []string{"NOTE  in life the rule would not be run, and no message be sent: message rule 606 is voided"}},
		{"voided subject", "--rule 601 --entity 1005", exitOK, []string{"NOTE  in life the rule would not be run, and no message be sent: Subject 1005 is voided"}},
		{"user", "--rule 605 --entity User:202", exitOK, []string{"NOTE  in life a rule about users is run only when a user is made"}},
		{"of an organisation without Glific", "--rule 699 --entity 1101", exitOK, []string{`1: "whoever"`, "Glific cannot be asked: the organisation has no Glific configuration of its own",
			"NOTE  as it is configured here, avni-messenger does not serve the organisation"}},
		{"failing rule", "--rule 607 --entity 1001", exitTrouble, []string{"FAILED, throw: TypeError: Cannot read property 'here' of undefined (line 1, column 76)\n    1 | ", "→ the rule failed: no message", "avni-messenger: the rule failed"}},
		{"file that throws", "--rule 601 --entity 1001 --schedule " + thrower, exitTrouble, []string{"schedule rule from " + thrower, "FAILED, throw: Error: no meena@asha", "  it printed\n    about Asha\n"}},
		{"file with a mistake", "--rule 601 --entity 1001 --message " + broken, exitTrouble, []string{"FAILED, compile: SyntaxError", "    2 |   const x = {;\n      |              ^\n"}},
		{"odd parameters", "--rule 601 --entity 1001 --message " + odd, exitOK, []string{`1: ""   REFUSED: parameter 1 is empty (bad_parameter)`, "2: \"a \\\"quoted\\\" \u200d\\a\"\n", `3: "on Invalid date"   REFUSED: parameter 3 contains "Invalid date"`,
			"REFUSED: 3 parameters; the template has 2 (parameter_count)"}},
		{"files only", "--entity Subject:1001 --schedule " + good, exitOK, []string{"NOTE  there is no rule in Avni: taken is a rule to the subject, without a template",
			"shouldSend        - (not given: counts as true)", `"2031-05-01T10:00:00" (a time without a zone, which Java takes for UTC)`, "would make a request for 2031-05-01 15:30:00 IST\n"}},
		{"empty file", "--rule 601 --entity 1001 --schedule " + empty, exitTrouble, []string{"avni-messenger: --schedule: " + empty + " is empty\n"}},
		{"no such file", "--rule 601 --entity 1001 --message nowhere.js", exitTrouble, []string{"avni-messenger: --message: open nowhere.js: no such file"}},
		{"no such rule", "--rule 1 --entity 1001", exitTrouble, []string{"avni-messenger: there is no message rule 1\n"}},
		{"no such entity", "--rule 601 --entity 9", exitTrouble, []string{"there is no Subject 9\n"}},
		{"entity of another organisation", "--rule 611 --entity 1001", exitTrouble, []string{"ProgramEncounter 1001 belongs to organisation asha_gramin, and the rule to seva_nepal"}},
		{"entity of another type", "--rule 601 --entity Subject:1004", exitTrouble, []string{`Subject 1004 is of type "Household" (302), and rule 601 is about type "Individual" (301)`}},
		{"no entity", "--rule 601", exitUsage, []string{"--entity or --all must be given"}},
		{"no rule", "--entity 1001", exitUsage, []string{"nothing to run: give --rule"}},
		{"no type", "--entity 1001 --schedule " + good, exitUsage, []string{`there is no --rule that does: write it as Subject:1001`}},
		{"odd entity", "--rule 601 --entity 12ab", exitUsage, []string{`--entity: "12ab" is neither an id nor a uuid`}},
		{"all of one", "--rule 601 --entity 1001 --all", exitUsage, []string{"--all and --entity exclude each other"}},
		{"all of no rule", "--all --schedule " + good, exitUsage, []string{"--all needs --rule"}},
		{"last without all", "--rule 601 --entity 1001 --last 5", exitUsage, []string{"--last and --since go with --all"}},
		{"none", "--rule 601 --all --last 0", exitUsage, []string{"--last is 0; it must be between 1 and 100000"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			part := *h
			part.T = t
			part.expect(row.code, strings.Fields(strings.ReplaceAll(row.args, "anc*", "95000000-0000-4000-8000-000000000603")), row.want...)
		})
	}
	h.expect(exitOK, []string{"--rule", "anc REMINDER", "--entity", "1001"}, `rule 603 "ANC reminder"`)
}

// ruleOfParent gives organisation 102, which has no Glific configuration, a rule and a subject.
func (h *trialHall) ruleOfParent() {
	h.Helper()
	execAs(h.T, h.db.SuperuserURL(), fmt.Sprintf(`
		insert into message_rule (id, uuid, name, organisation_id, entity_type, entity_type_id, receiver_type, message_template_id, is_voided, version,
			created_by_id, last_modified_by_id, created_date_time, last_modified_date_time, schedule_rule, message_rule)
		select 699, '95000000-0000-4000-8000-000000000699', 'Of the parent', 102, entity_type, entity_type_id, receiver_type, message_template_id, false, 0,
			created_by_id, last_modified_by_id, now(), now(), schedule_rule, '() => ({parameters: ["whoever"]})' from message_rule where id = %d;
		update individual set organisation_id = 102 where id = 1101`, 612))
}

// What a request comes to depends on the settings and on the request that is there.
func TestRuleTestTellsTheFate(t *testing.T) {
	const allDay = "MESSENGER_QUIET_HOURS=09:00-08:59"
	h := openTrialHall(t, allDay, "MESSENGER_TEST_NUMBERS=+919876500099")
	ctx, avni := t.Context(), h.db.Avni()
	due := time.Date(2031, 1, 1, 4, 30, 0, 0, time.UTC)
	waiting, err := avni.QueueRule(ctx, 603, 1001, avnitest.Receiver{Type: "Subject", ID: 1001}, due)
	if err != nil {
		t.Fatal(err)
	}
	h.expect(exitOK, []string{"--rule", "603", "--entity", "1001"},
		fmt.Sprintf("→ would move request %d from 2031-01-01 10:00:00 IST to 2030-02-28 10:00:00 IST, but not before 2030-03-01 08:59:00 IST (MESSENGER_QUIET_HOURS)\n", waiting),
		"…0001, a usable number, but nothing is sent to it: not a test number")
	silent := h.file(`() => ({shouldSend: false})`)
	h.expect(exitOK, []string{"--rule", "603", "--entity", "1001", "--schedule", silent},
		fmt.Sprintf("→ no message: the rule does not want one; would withdraw request %d\n", waiting))
	h.expect(exitTrouble, []string{"--rule", "603", "--entity", "1001", "--schedule", h.file(`() => nothing`)},
		fmt.Sprintf("→ the rule failed: request %d would stay as it is, for 2031-01-01 10:00:00 IST\n", waiting))
	pauseRule(t, h.db, 603)
	h.expect(exitOK, []string{"--rule", "603", "--entity", "1001"}, "NOTE  in life the schedule rule is not run for now: it is paused since ", ", after 50 failures")
	if out := h.expect(exitOK, []string{"--rule", "603", "--entity", "1001", "--schedule", silent}); strings.Contains(out, "paused") {
		t.Errorf("a new text does not end the pause:\n%s", out)
	}
	h.environ = []string{"MESSENGER_DATABASE_URL=" + h.db.URL()}
	h.expect(exitOK, []string{"--rule", "603", "--entity", "1001"}, "NOTE  as it is configured here (mode shadow), avni-messenger would write down what it would do, and no more")
	h.glific.Close()
	h.expect(exitOK, []string{"--rule", "603", "--entity", "1001"}, "Glific did not tell: ", "  3 parameters\n")
}
