package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"avni-messenger/internal/avnitest"
)

func TestRuleTest(t *testing.T) {
	db := avnitest.New(t)
	file := filepath.Join(t.TempDir(), "rule.js")
	if err := os.WriteFile(file, []byte(`({params, imports}) => { console.log('about', params.entity.firstName); throw new Error('no ' + params.user.username); }`), 0o600); err != nil {
		t.Fatal(err)
	}
	var uuid string
	if err := db.Pool().QueryRow(t.Context(), `select uuid from individual where id = 1001`).Scan(&uuid); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name           string
		args           string
		code           int
		stdout, stderr string // what must be in them
	}{
		{"by id", "--rule 601 --entity 1001", exitOK, `rule 601 "Welcome subject" of asha_gramin` + "\nSubject 1001, uuid " + uuid, ""},
		{"when it is due", "--rule 601 --entity 1001", exitOK, "  due at 2024-01-11 09:30:00 IST: more than 4 days ago, so it would not be sent any more", ""},
		{"parameters", "--rule 601 --entity " + uuid, exitOK, "  template 7001, 2 parameters\n    1: Asha\n    2: Kevadia\n", ""},
		{"not to be sent", "--rule 603 --entity 1003", exitOK, "shouldSend is false: no message", ""},
		{"voided rule", "--rule 606 --entity 1001", exitOK, "(voided: it is never run)", ""},
		{"of an organisation without Glific", "--rule 699 --entity 1101", exitOK, "    1: whoever\n", ""},
		{"failing rule", "--rule 607 --entity 1001", exitTrouble, "FAILED, throw: TypeError", "the rule failed"},
		{"from a file", "--rule 601 --entity 1001 --schedule-file " + file, exitTrouble, "FAILED, throw: Error: no meena@asha", "the rule failed"},
		{"what it printed", "--rule 601 --entity 1001 --schedule-file " + file, exitTrouble, "  it printed\n    about Asha\n", ""},
		{"no such file", "--rule 601 --entity 1001 --message-file nowhere.js", exitTrouble, "", "read rule: open nowhere.js"},
		{"no such rule", "--rule 1 --entity 1001", exitTrouble, "", "there is no message rule 1\n"},
		{"no such entity", "--rule 601 --entity 9", exitTrouble, "", "organisation asha_gramin has no Subject 9\n"},
		{"no such uuid", "--rule 601 --entity 12ab", exitTrouble, "", `no row of individual has the uuid "12ab"`},
		{"entity of another organisation", "--rule 611 --entity 1001", exitTrouble, "", "organisation seva_nepal has no ProgramEncounter 1001"},
		{"no entity", "--rule 601", exitConfig, "", "--rule and --entity must both be given"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if strings.Contains(row.args, "699") {
				ruleOfParent(t, db)
			}
			args := append([]string{"rule", "test"}, strings.Fields(row.args)...)
			code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + db.URL()}, args...)
			if code != row.code || !strings.Contains(stdout, row.stdout) || !strings.Contains(stderr, row.stderr) {
				t.Errorf("code %d, stdout:\n%s\nstderr: %s", code, stdout, stderr)
			}
		})
	}
	var written int
	if err := db.Pool().QueryRow(t.Context(), `select count(*) from rule_failure_log`).Scan(&written); err != nil || written != 0 {
		t.Errorf("%d rows of rule_failure_log were written, %v", written, err)
	}
}

// ruleOfParent gives organisation 102, which has no Glific configuration, a rule and a subject.
func ruleOfParent(t *testing.T, db *avnitest.DB) {
	t.Helper()
	execAs(t, db.SuperuserURL(), fmt.Sprintf(`
		insert into message_rule (id, uuid, name, organisation_id, entity_type, entity_type_id, receiver_type, message_template_id, is_voided, version,
			created_by_id, last_modified_by_id, created_date_time, last_modified_date_time, schedule_rule, message_rule)
		select 699, '95000000-0000-4000-8000-000000000699', 'Of the parent', 102, entity_type, entity_type_id, receiver_type, message_template_id, false, 0,
			created_by_id, last_modified_by_id, now(), now(), schedule_rule, '() => ({parameters: ["whoever"]})' from message_rule where id = %d;
		update individual set organisation_id = 102 where id = 1101`, 612))
}
