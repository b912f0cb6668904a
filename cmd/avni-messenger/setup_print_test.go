package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// The printed script is run as psql runs it: one statement after the other, each in a
// transaction of its own unless it begins one, and on after an error.
func TestPrintedSetupRuns(t *testing.T) {
	db, environ := bareDatabase(t)
	code, script, stderr := command(t, environ("postgres://nobody@127.0.0.1:1/nowhere"), "setup", "-print")
	if code != exitOK || stderr != "" {
		t.Fatalf("setup -print ended with %d: %s", code, stderr)
	}
	for _, text := range []string{"-- ", "grant rds_replication to \"avni_messenger\";", "\\password \"avni_messenger\"", "psql -v ON_ERROR_STOP=1",
		"wal_level", "max_replication_slots", "max_wal_senders", "max_slot_wal_keep_size", "pg_hba.conf"} {
		if !strings.Contains(script, text) {
			t.Errorf("the script does not say %q", text)
		}
	}
	if strings.Contains(script, "\n\\") {
		t.Error("the script has a command that only psql knows")
	}
	for range 2 {
		if errs := runScript(t, db.SuperuserURL(), script); len(errs) > 0 {
			t.Fatalf("the script failed for a superuser: %v", errs)
		}
	}
	code, stdout, stderr := command(t, environ(db.URL()), "setup")
	want := append([]string{"ok server", "ok role", "ok schema", "done tables", "ok publication", "ok slot", "WARNING disk"}, forEachIndex("ok index")...)
	if diff := cmp.Diff(want, steps(stdout)); diff != "" || code != exitOK {
		t.Errorf("setup after the script ended with %d: %s; steps (-want +got):\n%s", code, stderr, diff)
	}
}

func TestPrintedSetupMakesOrCompletesTheRole(t *testing.T) {
	db, environ := bareDatabase(t)
	_, script, _ := command(t, environ(db.URL()), "setup", "-print", "-role", "printed.role")
	execAs(t, db.SuperuserURL(), `create role "printed.role" login`) // of whom all rights are missing
	if errs := runScript(t, db.SuperuserURL(), script); len(errs) > 0 {
		t.Fatalf("the script failed: %v", errs)
	}
	code, stdout, stderr := command(t, environ(asRole(db, "printed.role")), "setup")
	if code != exitOK {
		t.Errorf("setup as the role ended with %d: %s%s", code, stdout, stderr)
	}
	db, environ = bareDatabase(t)
	_, script, _ = command(t, environ(db.URL()), "setup", "-print", "-role", "new-role")
	if errs := runScript(t, db.SuperuserURL(), script); len(errs) > 0 {
		t.Fatalf("the script failed: %v", errs)
	}
	var capable bool
	err := queryRow(t, asRole(db, "new-role"), `select rolreplication and pg_has_role('openchs', 'usage') from pg_roles where rolname = current_user`).Scan(&capable)
	if err != nil || !capable {
		t.Errorf("the role that the script made can do its work: %v, %v", capable, err)
	}
}

// The sidecar's own role needs nobody else. Whatever fails for avni-server's role, in a
// client that goes on after an error: no publication and no slot are left half made, and
// the last line says so.
func TestPrintedSetupWithFewerRights(t *testing.T) {
	for _, row := range []struct {
		name string
		url  func(*avnitest.DB) string
		fail []string // what the statements that fail hold; their errors' wording is PostgreSQL's
	}{
		{"the role itself", (*avnitest.DB).URL, nil},
		{"the owner of Avni's tables", (*avnitest.DB).OwnerURL, []string{"create schema", "set local role", "create publication", "set role",
			"the slot is not made", "The database is not ready for avni-messenger"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			db, environ := bareDatabase(t)
			_, script, _ := command(t, environ(db.URL()), "setup", "-print")
			errs := runScript(t, row.url(db), script)
			if len(errs) != len(row.fail) {
				t.Fatalf("errors are %q, want %d", errs, len(row.fail))
			}
			for i, text := range row.fail {
				if !strings.Contains(errs[i], text) {
					t.Errorf("error %d is %q, want one of the statement with %q", i+1, errs[i], text)
				}
			}
			names := cdc.Names{Slot: strings.TrimPrefix(environ("")[1], "MESSENGER_SLOT="), Publication: strings.TrimPrefix(environ("")[2], "MESSENGER_PUBLICATION=")}
			in, err := cdc.Inspect(t.Context(), db.Pool(), names)
			if err != nil {
				t.Fatal(err)
			}
			if complete := len(row.fail) == 0; in.Publication.Exists != complete || len(in.Publication.Differences) > 0 || in.Slot.Exists != complete {
				t.Errorf("publication %+v, slot %+v", in.Publication, in.Slot)
			}
		})
	}
}

// With a publication that its replica identity does not fit, Avni could not update the
// table any more: the script must leave none behind.
func TestPrintedSetupNeverBreaksAvnisUpdates(t *testing.T) {
	db, environ := bareDatabase(t)
	execAs(t, db.OwnerURL(), `alter table individual replica identity nothing`)
	_, script, _ := command(t, environ(db.URL()), "setup", "-print")
	errs := runScript(t, db.SuperuserURL(), script)
	if len(errs) != 3 || !strings.Contains(errs[0], `cannot update table "individual"`) || !strings.Contains(errs[1], "the slot is not made") {
		t.Errorf("errors are %q, want one about individual, and no slot", errs)
	}
	execAs(t, db.OwnerURL(), `update individual set id = id where false`)
}

// runScript runs a script as psql does and returns its errors.
func runScript(t *testing.T, url, script string) (errs []string) {
	t.Helper()
	conn := connect(t, url)
	for _, statement := range statements(script) {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			errs = append(errs, fmt.Sprintf("%v, in: %s", err, statement))
		}
	}
	return errs
}

// statements splits a script at the semicolons that end a line outside of $setup$ and $do$
// quotes; comments stay with what follows them.
func statements(script string) []string {
	var found []string
	var current strings.Builder
	quoted := false
	for line := range strings.Lines(script) {
		current.WriteString(line)
		if strings.HasPrefix(line, "--") {
			continue
		}
		quoted = quoted != ((strings.Count(line, "$setup$")+strings.Count(line, "$do$"))%2 == 1)
		if !quoted && strings.HasSuffix(line, ";\n") {
			found = append(found, current.String())
			current.Reset()
		}
	}
	return found
}
