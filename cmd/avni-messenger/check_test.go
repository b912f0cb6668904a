package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

func TestCheckWhereAllIsWell(t *testing.T) {
	p, environ := checkedDatabase(t)
	warnings := limitWAL(t, p, environ)
	code, stdout, stderr := command(t, environ, "check")
	if code != exitOK || stderr != "" || !strings.Contains(stdout, fmt.Sprintf(" OK, %s, 0 to be mended\n", warnings)) {
		t.Fatalf("check ended with %d: %s%s", code, stdout, stderr)
	}
	for _, want := range []string{
		"PostgreSQL\n  OK    connection: avni_messenger@", "  OK    REPLICATION: avni_messenger has it\n", "  OK    publication avni_messenger: as it must be\n",
		"nobody reads it now, so no avni-messenger runs", "  OK    own tables: version ", "  OK    index avni_messenger_queue_due: there\n",
		"\nOrganisation asha_gramin (mode full)\n", "role Manager, language", "  OK    template 7003: approved, active, TEXT, language en, 3 parameters; used by rule 603\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the table does not say %q", want)
		}
	}
	if t.Failed() {
		t.Log(stdout)
	}
	wantReadable(t, stdout)

	// Beside a process that runs, from the same environment.
	p.extra = append(p.extra, "MESSENGER_MESSAGES_PER_SECOND=2")
	p.start()
	code, stdout, stderr = command(t, environ, "check", "--organisation", "asha_gramin")
	if code != exitOK || !strings.Contains(stdout, "  OK    slot avni_messenger: read by pid ") || !strings.Contains(stdout, "1 process runs on this database, with settings that agree") {
		t.Errorf("check ended with %d: %s%s", code, stdout, stderr)
	}
	if strings.Contains(stdout, "Organisation seva_nepal") || !strings.Contains(stdout, "Organisation asha_gramin") {
		t.Errorf("other organisations are looked at:\n%s", stdout)
	}
}

func TestCheckWhereMuchIsBroken(t *testing.T) {
	p := newProgram(t, glifictest.Options{})
	role := "check_broken"
	execAs(t, p.db.SuperuserURL(), fmt.Sprintf(`
		create role %s login;
		grant openchs to %[1]s;
		update message_rule set schedule_rule = '({params}) => ({' where id = 601;
		alter table encounter rename column cancel_date_time to cancelled_at;
		update organisation_config set settings = settings || '{"enableMessaging": true}' where organisation_id = 101;
		update account set region = 'Nepal' where id = 3`, role))
	if err := p.avni.SetGlificPassword(t.Context(), avnitest.SevaNepal, "wrong"); err != nil {
		t.Fatal(err)
	}
	environ := []string{"MESSENGER_DATABASE_URL=" + asRole(p.db, role), "MESSENGER_MODE=full", "MESSENGER_ORGANISATIONS=asha_gramin=full,seva_nepal=full,asha_gramn=shadow", "MESSENGER_LISTEN=127.0.0.1:0"}
	code, stdout, stderr := command(t, environ, "check")
	if code != exitTrouble || !regexp.MustCompile(`^avni-messenger: \d+ things must be mended, see above\n$`).MatchString(stderr) {
		t.Errorf("check ended with %d: %s", code, stderr)
	}
	wantReadable(t, stdout)

	code, stdout, _ = command(t, environ, "check", "--json")
	var r report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || code != exitTrouble {
		t.Fatalf("check ended with %d, %v: %s", code, err, stdout)
	}
	failing := map[string][]string{}
	for _, s := range r.Sections {
		for _, f := range s.Findings {
			if f.Grade == gradeFailing {
				failing[s.Name] = append(failing[s.Name], f.What)
			}
			if (f.Grade == gradeFailing || f.Grade == gradeWarning) && f.Mend == "" {
				t.Errorf("%s: nothing is said of how to mend %+v", s.Name, f)
			}
		}
	}
	want := map[string][]string{
		"PostgreSQL":                           {"replication connection"},
		"Role":                                 {"REPLICATION", "schema messenger"},
		"Avni's tables":                        {"table encounter"},
		"Double sender":                        {"enableMessaging of asha_gramin"},
		"Organisations":                        {"MESSENGER_ORGANISATIONS"},
		"Organisation asha_gramin (mode full)": {`rule 601 "Welcome subject"`, `rule 604 "Home visit done, tell subject"`}, // the one about encounters
		"Organisation seva_nepal (mode full)":  {"region", "Glific's API user"},
	}
	if diff := cmp.Diff(want, failing); diff != "" {
		t.Errorf("failing (-want +got):\n%s\n%s", diff, stdout)
	}
	if r.Failing != len(slices.Concat(slices.Collect(maps.Values(want))...)) {
		t.Errorf("%d are counted as failing", r.Failing)
	}
}

func TestCheckBeforeTheFirstRun(t *testing.T) {
	db, environ := bareDatabase(t)
	variables := append(environ(db.URL()), "MESSENGER_LISTEN=127.0.0.1:0")
	before := traces(t, db)
	_, stdout, _ := command(t, variables, "check")
	for _, want := range []string{"publication publication_", "slot slot_", "schema messenger", "own tables"} {
		line := stdout[strings.Index(stdout, "  OK    "+want)+1:]
		if !strings.HasPrefix(line, " OK ") || !strings.Contains(line[:200], "not there yet: `setup` or the first `run`") {
			t.Errorf("%s is not told of as what is made later:\n%s", want, stdout)
		}
	}
	if !strings.Contains(stdout, `rule 601 "Welcome subject": for Subject`) || strings.Contains(stdout, "could not be checked") {
		t.Errorf("rules are not run before the first start:\n%s", stdout)
	}
	if diff := cmp.Diff(before, traces(t, db)); diff != "" {
		t.Errorf("check has changed something (-before +after):\n%s", diff)
	}
}

func TestCheckChangesNothing(t *testing.T) {
	p := newProgram(t, glifictest.Options{})
	before := traces(t, p.db)
	command(t, []string{"MESSENGER_DATABASE_URL=" + p.db.URL(), "MESSENGER_MODE=full", "MESSENGER_LISTEN=127.0.0.1:0"}, "check")
	if diff := cmp.Diff(before, traces(t, p.db)); diff != "" {
		t.Errorf("check has changed something (-before +after):\n%s", diff)
	}
	if sent := p.glific.Ledger(); len(sent) > 0 {
		t.Errorf("%d messages were sent", len(sent))
	}
	for _, request := range p.glific.Requests() {
		for _, field := range request.Operations {
			if !slices.Contains([]string{"login", "currentUser", "organization", "sessionTemplate"}, field) {
				t.Errorf("Glific was asked for %s", field)
			}
		}
	}
}

func TestCheckWithoutDatabase(t *testing.T) {
	code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=postgres://avni:hunter2@127.0.0.1:1/openchs", "MESSENGER_LISTEN=127.0.0.1:0"}, "check")
	if code != exitTrouble || !strings.HasSuffix(stderr, "1 thing must be mended, see above\n") || strings.Contains(stdout+stderr, "hunter2") {
		t.Errorf("check ended with %d: %s%s", code, stdout, stderr)
	}
	for _, want := range []string{"  FAIL  connection\n        found   PostgreSQL at avni@127.0.0.1:1/openchs cannot be reached: ", "\nRole\n  SKIP  all of it: not looked at: there is no connection to the database\n",
		"  OK    MESSENGER_LISTEN 127.0.0.1:0: free\n", "5 not looked at\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the table does not say %q:\n%s", want, stdout)
		}
	}
}

func TestCheckOfAnotherDatabase(t *testing.T) {
	db, environ := bareDatabase(t)
	execAs(t, db.SuperuserURL(), `alter table individual rename to something_else`)
	found := newCheck(t, environ(db.URL())...).findings(t, "PostgreSQL")
	wantFinding(t, found, gradeFailing, "database", "has no table public.individual", "Check that it is Avni's database")
	found = newCheck(t, environ(db.URL())...).findings(t, "Role")
	wantFinding(t, found, gradeSkipped, "all of it", "this is not Avni's database")
}

func TestCheckWrongUse(t *testing.T) {
	db := avnitest.New(t)
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL()}
	for _, row := range []struct {
		environ []string
		args    string
		code    int
		stderr  string
	}{
		{environ, "check --organisation asha_gramn", exitUsage, `--organisation: "asha_gramn" is no organisation of this database`},
		{environ, "check now", exitUsage, "avni-messenger check takes no argument"},
		{append(environ, "MESSENGER_MODE=fast"), "check", exitConfig, "1 problem in the configuration"},
	} {
		if code, stdout, stderr := command(t, row.environ, strings.Fields(row.args)...); code != row.code || stdout != "" || !strings.Contains(stderr, row.stderr) {
			t.Errorf("%s ended with %d: %s%s", row.args, code, stdout, stderr)
		}
	}
}

// An organisation that is not served yet can be looked at before it is.
func TestCheckOfAnOrganisationThatIsNotServed(t *testing.T) {
	p := newProgram(t, glifictest.Options{})
	environ := []string{"MESSENGER_DATABASE_URL=" + p.db.URL(), "MESSENGER_MODE=none", "MESSENGER_LISTEN=127.0.0.1:0"}
	_, stdout, _ := command(t, environ, "check", "--organisation", "103")
	for _, want := range []string{"\nOrganisation seva_nepal (mode none)\n  WARN  settings in Avni\n", "  OK    template 8001: approved", "  WARN  served\n"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the table does not say %q:\n%s", want, stdout)
		}
	}
}

// What hangs is told of, and keeps nothing else from being looked at.
func TestCheckThatCannotBeMade(t *testing.T) {
	s := &section{explain: func(err error) *obstacle { return explain(err, Config{}) }}
	s.check(t.Context(), "one", 1, func(ctx context.Context) ([]finding, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	s.check(t.Context(), "another", usualLimit, func(context.Context) ([]finding, error) {
		return []finding{fine("another", "well")}, &obstacle{"it broke off", "Try again."}
	})
	want := []finding{
		failing("one", "could not be checked: it took longer than 1ns", "", "Try again when the machine and PostgreSQL are less busy."),
		fine("another", "well"), failing("another", "could not be checked: it broke off", "", "Try again."),
	}
	if diff := cmp.Diff(want, s.Findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestCheckTable(t *testing.T) {
	var out strings.Builder
	r := report{OK: 1, Warnings: 1, Sections: []section{{Name: "One", Findings: []finding{fine("short", "well")}}}}
	table := newCheckTable(&out)
	if err := table.print(r, false); err != nil {
		t.Fatal(err)
	}
	r.Sections = append(r.Sections, section{Name: "Two", Findings: []finding{
		warning("long", strings.Repeat("words ", 20), "", "Run `select what is to be pasted from one_line;` and `"+strings.Repeat("very ", 20)+"long;` too."),
		skipped("other", "of that"),
	}})
	if err := table.print(r, true); err != nil {
		t.Fatal(err)
	}
	want := `One
  OK    short: well

Two
  WARN  long
        found   words words words words words words words words words words words words words words
                words words words words words words
        mend    Run ` + "`select what is to be pasted from one_line;` and `very very very very very very" + `
                very very very very very very very very very very very very very very long;` + "`" + ` too.
  SKIP  other: not looked at: of that

1 OK, 1 warning, 0 to be mended
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}
