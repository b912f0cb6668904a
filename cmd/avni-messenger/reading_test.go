package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/schema"
)

// reading are the commands that only read.
var reading = [][]string{{"explain", "921"}, {"status"}, {"parity"}, {"release"}}

func applied(t *testing.T, db *avnitest.DB) int64 {
	t.Helper()
	version, err := schema.Applied(t.Context(), db.Pool())
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// What reads must not change the tables under an older avni-messenger that runs.
func TestReadingCommandsMigrateNothing(t *testing.T) {
	for _, row := range []struct {
		name, change string
		want         string // in the error; "": there is none
	}{
		{"no tables", `drop schema messenger cascade`, "Avni's database has no tables of avni-messenger yet. Run avni-messenger setup, or start avni-messenger, first."},
		{"older tables", `delete from messenger.schema_version where version_id > 6; drop table messenger.hold, messenger.held, messenger.foreign_write, messenger.activation cascade;
			drop table messenger.parity cascade; alter table messenger.delivery rename reason to why`,
			"the tables in schema messenger are of an older version (6; this one knows 13)"},
		{"newer tables", `insert into messenger.schema_version (version_id, is_applied) values (99, true); alter table messenger.delivery rename reason to why;
			alter table messenger.hold rename kind to sort; alter table messenger.parity rename verdict to judgement`,
			"the tables in schema messenger are of a newer version (99; this one knows 13)"},
		{"newer tables that can be read", `insert into messenger.schema_version (version_id, is_applied) values (99, true)`, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			db := avnitest.New(t)
			execAs(t, db.URL(), row.change)
			before, version := traces(t, db), applied(t, db)
			for _, args := range reading {
				code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + db.URL(), "MESSENGER_MODE=shadow"}, args...)
				if row.want == "" && stderr != "" && !strings.Contains(stderr, "nothing is compared") || !strings.Contains(stderr, row.want) || row.want != "" && code != exitTrouble {
					t.Errorf("%v: code %d, stdout %q, stderr %q", args, code, stdout, stderr)
				}
			}
			after := traces(t, db)
			for what, is := range after {
				if before[what] != is {
					t.Errorf("%s was %s and is %s", what, before[what], is)
				}
			}
			if now := applied(t, db); now != version {
				t.Errorf("the tables were of version %d and are of %d", version, now)
			}
		})
	}
}

// writing are the commands that write into our tables.
var writing = [][]string{{"requeue", "931"}, {"cancel", "931"}, {"cancel", "--rule", "607"}, {"release", "asha_gramin"}, {"release", "--rule", "607"},
	{"rule", "resume", "--rule", "607"}, {"catch-up", "--since", "1m"}}

// What writes must not change the tables under an avni-messenger of another version either,
// nor write into tables that lack what it writes.
func TestWritingCommandsMigrateNothing(t *testing.T) {
	for _, row := range []struct {
		name, change string
		refused      bool
		want         string // in what they say
	}{
		{"no tables", `drop schema messenger cascade`, true, "Avni's database has no tables of avni-messenger yet. Run avni-messenger setup, or start avni-messenger, first."},
		{"older tables", `delete from messenger.schema_version where version_id > 11`, true,
			"the tables in schema messenger are of an older version (11; this one knows 13). Start avni-messenger in this version, which brings them up to date; or run this command with the version that runs."},
		{"newer tables", `insert into messenger.schema_version (version_id, is_applied) values (99, true)`, false,
			"WARNING: the tables in schema messenger are of a newer version (99; this one knows 13). Run this command with the version of avni-messenger that runs."},
	} {
		t.Run(row.name, func(t *testing.T) {
			db := avnitest.New(t)
			execAs(t, db.URL(), row.change)
			before, version := traces(t, db), applied(t, db)
			for _, args := range writing {
				code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + db.URL(), "MESSENGER_MODE=shadow"}, args...)
				if !strings.Contains(stderr, row.want) || row.refused && (code != exitTrouble || stdout != "") || !row.refused && stdout == "" {
					t.Errorf("%v: code %d, stdout %q, stderr %q", args, code, stdout, stderr)
				}
			}
			if now := applied(t, db); now != version {
				t.Errorf("the tables were of version %d and are of %d", version, now)
			}
			if diff := cmp.Diff(before, traces(t, db)); row.refused && diff != "" {
				t.Errorf("commands that were refused have changed (-before +after):\n%s", diff)
			}
		})
	}
}

// A number where an id belongs is no matter of PostgreSQL's.
func TestCommandsBoundIDs(t *testing.T) {
	db := avnitest.New(t)
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL()}
	for _, row := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"explain", "Subject:9876500001"}, exitTrouble, "No id in Avni is greater than 2147483647"},
		{[]string{"explain", "Rule:9876500001"}, exitTrouble, "No id in Avni is greater than 2147483647"},
		{[]string{"rule", "test", "--rule", "601", "--entity", "Subject:9876500001"}, exitUsage, "no id in Avni is greater than 2147483647"},
		{[]string{"rule", "test", "--rule", "601", "--entity", "9876500001"}, exitUsage, "no id in Avni is greater than 2147483647"},
		{[]string{"rule", "test", "--rule", "9876500001", "--entity", "1001"}, exitTrouble, "there is no message rule 9876500001"},
		{[]string{"rule", "resume", "--rule", "9876500001"}, exitTrouble, "there is no message rule 9876500001"},
		{[]string{"release", "--rule", "9876500001"}, exitOK, "nothing of rule 9876500001 is held"},
		{[]string{"requeue", "9876500001"}, exitUsage, `"9876500001" is no request`},
		{[]string{"release", "9876500001"}, exitUsage, "is no organisation"},
	} {
		code, stdout, stderr := command(t, environ, row.args...)
		if code != row.code || !strings.Contains(stdout+stderr, row.want) || strings.Contains(stdout+stderr, "encode") {
			t.Errorf("%v: code %d, stdout %q, stderr %q", row.args, code, stdout, stderr)
		}
	}
}
