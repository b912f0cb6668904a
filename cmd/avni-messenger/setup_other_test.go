package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What a role that works in the database owns is not offered to another one.
func TestSetupRefusesToTakeOver(t *testing.T) {
	db, environ := bareDatabase(t)
	if code, stdout, stderr := command(t, environ(db.URL()), "setup"); code != exitOK {
		t.Fatalf("setup ended with %d: %s%s", code, stdout, stderr)
	}
	working := connect(t, db.URL()+"&application_name=avni-messenger")
	code, stdout, stderr := command(t, environ(db.SuperuserURL()), "setup", "--role", "taker")
	for _, want := range []string{"nothing was changed: an avni-messenger works in this database as role avni_messenger", "`avni-messenger setup --role avni_messenger`", "stop it"} {
		if code != exitTrouble || !strings.Contains(stderr, want) {
			t.Errorf("setup does not say %q, ended with %d: %s%s", want, code, stdout, stderr)
		}
	}
	if diff := cmp.Diff([]string{"ok server"}, steps(stdout)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	var made bool
	if err := queryRow(t, db.SuperuserURL(), `select exists (select from pg_roles where rolname = 'taker')`).Scan(&made); err != nil || made {
		t.Errorf("the role was made: %v, %v", made, err)
	}
	if code, stdout, stderr := command(t, environ(db.URL()), "setup"); code != exitOK { // its own setup goes on beside it
		t.Errorf("setup ended with %d: %s%s", code, stdout, stderr)
	}

	// When it does not run, whose it is is said first.
	if err := working.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr = command(t, environ(db.SuperuserURL()), "setup", "--role", "taker")
	wantMissing(t, code, stdout, stderr, "not all of messenger belongs to taker", "avni_messenger owns the schema: if avni-messenger works as avni_messenger, run `avni-messenger setup --role avni_messenger` instead",
		"alter schema messenger owner to taker;")
}

// The printed script keeps its hands off it, too.
func TestPrintedSetupRefusesToTakeOver(t *testing.T) {
	db, environ := bareDatabase(t)
	if code, stdout, stderr := command(t, environ(db.URL()), "setup"); code != exitOK {
		t.Fatalf("setup ended with %d: %s%s", code, stdout, stderr)
	}
	_, script, _ := command(t, environ(db.URL()), "setup", "--print", "--role", "script_taker")
	errs := runScript(t, db.SuperuserURL(), script)
	if len(errs) == 0 || !strings.Contains(errs[0], "schema messenger belongs to role avni_messenger") || !strings.Contains(errs[len(errs)-1], "The database is not ready for avni-messenger") &&
		!strings.Contains(errs[len(errs)-1], "script_taker") {
		t.Errorf("errors are %q", errs)
	}
	var made bool
	if err := queryRow(t, db.SuperuserURL(), `select exists (select from pg_roles where rolname = 'script_taker')`).Scan(&made); err != nil || made {
		t.Errorf("the role was made: %v, %v", made, err)
	}
}

// Whose transactions keep WAL from being let go of, and since when, a role is only shown
// with pg_monitor. It works without.
func TestSetupLetsTheRoleSeeWhoIsInTheWay(t *testing.T) {
	db, environ := bareDatabase(t)
	execAs(t, db.SuperuserURL(), `create role blind_role login replication; grant openchs to blind_role; create schema messenger authorization blind_role`)
	execAs(t, db.SuperuserURL(), `do $$ begin execute format('grant create on database %I to blind_role', current_database()); end $$`)
	code, stdout, stderr := command(t, environ(asRole(db, "blind_role")), "setup")
	if code != exitOK || !strings.Contains(stdout, "WARNING  role: blind_role is not shown since when transactions of other roles have been open") ||
		!strings.Contains(stdout, `grant pg_monitor to "blind_role";`) {
		t.Errorf("setup ended with %d: %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = command(t, environ(db.SuperuserURL()), "setup", "--role", "blind_role")
	if code != exitOK || !strings.Contains(stdout, "done     role: blind_role is shown since when") {
		t.Errorf("setup ended with %d: %s%s", code, stdout, stderr)
	}
	code, stdout, stderr = command(t, environ(asRole(db, "blind_role")), "setup")
	if code != exitOK || strings.Contains(stdout, "pg_monitor") {
		t.Errorf("setup ended with %d: %s%s", code, stdout, stderr)
	}
}
