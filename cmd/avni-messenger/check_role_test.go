package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"avni-messenger/internal/avnitest"
)

// roleOn makes a role of the test's own, because roles are the server's, and the variables
// to connect as it.
func roleOn(t *testing.T, db *avnitest.DB, attributes string, number ...int) (role string, environ []string) {
	t.Helper()
	if err := db.Pool().QueryRow(t.Context(), `select 'check_' || current_database()`).Scan(&role); err != nil {
		t.Fatal(err)
	}
	for _, n := range number {
		role += fmt.Sprintf("_%d", n)
	}
	execAs(t, db.SuperuserURL(), fmt.Sprintf(`create role %s login %s`, role, attributes))
	return role, []string{"MESSENGER_DATABASE_URL=" + asRole(db, role), "MESSENGER_MODE=full"}
}

// What the role lacks is told of, and the SQL that is told mends it.
func TestCheckRights(t *testing.T) {
	db := avnitest.New(t)
	for i, row := range []struct {
		what, attributes, prepare string // of the role %[1]s
		grade                     grade
		text                      string
	}{
		{"REPLICATION", "in role openchs", "", gradeFailing, "may not read replication slots"},
		{"rights of openchs", "replication", "", gradeFailing, "does not have the rights of openchs, which owns Avni's tables"},
		{"CREATE on the database", "bypassrls", "", gradeFailing, "may not create a publication in this database"},
		{"pg_monitor", "in role openchs", "", gradeWarning, "is not shown since when transactions of other roles have been open"},
		{"owner of the published tables", "in role openchs", "alter table concept owner to postgres", gradeFailing, `does not have the rights of "postgres", which owns concept, and only an owner may publish a table`},
		{"row-level security", "", "", gradeFailing, "row-level security would hide every row from it"},
		{"reading Avni's tables", "bypassrls", "grant select on all tables in schema public to %[1]s; revoke select on gender, users from %[1]s", gradeFailing, "may not read gender, users"},
		{"writing Avni's tables", "bypassrls", "grant select, insert on all tables in schema public to %[1]s; grant usage on all sequences in schema public to %[1]s", gradeFailing, "may not update message_request_queue, message_receiver, rule_failure_log"},
		{"writing Avni's tables", "bypassrls", "grant select, insert, update on all tables in schema public to %[1]s; grant usage on all sequences in schema public to %[1]s; revoke usage on message_receiver_id_seq from %[1]s",
			gradeFailing, "may not use public.message_receiver_id_seq, of which new rows get their ids"},
		{"schema messenger", "in role openchs", "drop schema messenger cascade; create schema messenger authorization openchs; create table messenger.position (slot text); alter schema messenger owner to postgres", gradeFailing, "(postgres owns the schema)"},
	} {
		t.Run(row.what, func(t *testing.T) {
			role, environ := roleOn(t, db, row.attributes, i)
			if row.prepare != "" {
				statement := row.prepare
				if strings.Contains(statement, "%") {
					statement = fmt.Sprintf(statement, role)
				}
				execAs(t, db.SuperuserURL(), statement)
			}
			f := wantFinding(t, newCheck(t, environ...).findings(t, "Role"), row.grade, row.what, row.text)
			if row.what == "row-level security" { // its SQL stands in words
				execAs(t, db.SuperuserURL(), strings.TrimPrefix(f.Mend, "Run as a superuser, or as the master user on Amazon RDS: "))
			} else {
				mend(t, db.SuperuserURL(), f)
			}
			for _, f := range newCheck(t, environ...).findings(t, "Role") {
				if f.What == row.what && f.Grade != gradeOK {
					t.Errorf("after its SQL there is still %+v", f)
				}
			}
		})
	}
}

func TestCheckOfASuperuser(t *testing.T) {
	db := avnitest.New(t)
	found := newCheck(t, "MESSENGER_DATABASE_URL="+db.SuperuserURL()).findings(t, "Role")
	wantFinding(t, found, gradeWarning, "role", "postgres is a superuser", "avni-messenger setup --print")
	wantFinding(t, found, gradeOK, "row-level security", "postgres is a superuser")
}

func TestCheckSaysHowRowSecurityIsPassed(t *testing.T) {
	db := avnitest.New(t)
	_, environ := roleOn(t, db, "bypassrls")
	wantFinding(t, newCheck(t, environ...).findings(t, "Role"), gradeOK, "row-level security", "has BYPASSRLS")
	wantFinding(t, newCheck(t, "MESSENGER_DATABASE_URL="+db.URL()).findings(t, "Role"), gradeOK, "row-level security", "has the rights of openchs")
}

// What a mode does not write needs no right.
func TestCheckOfWritingFollowsTheMode(t *testing.T) {
	db := avnitest.New(t)
	role, environ := roleOn(t, db, "bypassrls")
	execAs(t, db.SuperuserURL(), fmt.Sprintf(`grant select, update on all tables in schema public to %s`, role))
	for mode, want := range map[string]struct {
		grade grade
		text  string
	}{
		"shadow":   {gradeOK, "not needed: in mode shadow nothing is written"},
		"dispatch": {gradeFailing, "may not insert rule_failure_log"},
		"full":     {gradeFailing, "may not insert message_request_queue, message_receiver, rule_failure_log"},
	} {
		t.Run(mode, func(t *testing.T) {
			found := newCheck(t, append(slices.Clone(environ), "MESSENGER_MODE="+mode)...).findings(t, "Role")
			wantFinding(t, found, want.grade, "writing Avni's tables", want.text)
		})
	}
}

// A role to which schema messenger is closed is told so once.
func TestCheckOfAClosedSchema(t *testing.T) {
	db := avnitest.New(t)
	_, environ := roleOn(t, db, "replication in role openchs")
	c := newCheck(t, environ...)
	wantFinding(t, c.findings(t, "Role"), gradeFailing, "schema messenger", "avni_messenger owns the schema", "connect as that role", "avni-messenger setup --role check_", "alter schema messenger owner to check_")
	for _, what := range []string{"publication", "slot", "own tables"} {
		wantFinding(t, c.findings(t, "Publication"), gradeSkipped, what, "may not use schema messenger, see Role")
	}
	for _, what := range []string{"held organisations", "rows marked Sent", "other processes"} {
		wantFinding(t, c.findings(t, "Double sender"), gradeSkipped, what, "may not use schema messenger, see Role")
	}
}
