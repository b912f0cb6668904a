package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
)

// A program that runs keeps its slot, and whoever asked learns which one that is.
func TestTeardownWhileAProgramRuns(t *testing.T) {
	db := avnitest.New(t)
	r := startApp(t, db.URL())
	r.awaitHealth(http.StatusOK, "streaming slot")
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL(), "MESSENGER_SLOT=" + r.cfg.Slot}
	code, stdout, stderr := command(t, environ, "teardown", "--schema")
	for _, want := range []string{"nothing was dropped: an avni-messenger reads slot " + r.cfg.Slot + " (from a local socket, application_name ",
		`"avni-messenger:` + r.cfg.Slot + ":", "pid ", "Stop it and run this again, or add --force"} {
		if code != exitTrouble || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("teardown ended with %d: %s%s, want %q", code, stdout, stderr, want)
		}
	}
	r.awaitHealth(http.StatusOK, "streaming slot")
	if code, stdout, stderr := command(t, environ, "teardown", "--force"); code != exitOK || !strings.Contains(stdout, "done     slot: "+r.cfg.Slot+" was dropped") {
		t.Errorf("teardown by force ended with %d: %s%s", code, stdout, stderr)
	}
	r.awaitHealth(http.StatusServiceUnavailable, "restart avni-messenger to set the stream up anew")
}

// The lease tells of a program that does not read the slot at this moment, for as long
// as it lasts.
func TestTeardownKeepsToTheLease(t *testing.T) {
	db, environ := bareDatabase(t)
	if code, stdout, stderr := command(t, environ(db.URL()), "setup"); code != exitOK {
		t.Fatalf("setup ended with %d: %s%s", code, stdout, stderr)
	}
	lease := func(until string) {
		execAs(t, db.URL(), `update messenger.position set holder = 'far-away:4711:ABC', lease_until = clock_timestamp() + interval '`+until+`'`)
	}
	lease("1 hour")
	code, stdout, stderr := command(t, environ(db.URL()), "teardown")
	for _, want := range []string{"nothing was dropped", `holder "far-away:4711:ABC"`, "--force", "wait until "} {
		if code != exitTrouble || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("teardown ended with %d: %s%s, want %q", code, stdout, stderr, want)
		}
	}
	lease("-1 second")
	if code, stdout, stderr := command(t, environ(db.URL()), "teardown"); code != exitOK {
		t.Errorf("teardown after the lease ended with %d: %s%s", code, stdout, stderr)
	}
}

// The SQL that teardown gives drops the role.
func TestTeardownSaysHowToDropTheRole(t *testing.T) {
	db, environ := bareDatabase(t)
	database := db.Pool().Config().ConnConfig.Database
	execAs(t, db.SuperuserURL(), `alter database `+database+` owner to postgres`) // the role then needs a right of its own in it
	const role = "Left-over"
	if code, stdout, stderr := command(t, environ(db.SuperuserURL()), "setup", "--role", role); code != exitOK {
		t.Fatalf("setup ended with %d: %s%s", code, stdout, stderr)
	}
	code, stdout, stderr := command(t, environ(asRole(db, role)), "teardown", "--schema")
	_, advice, found := strings.Cut(stdout, "run in database "+database+", as a superuser (Amazon RDS: as the master user):\n")
	if code != exitOK || !found {
		t.Fatalf("teardown ended with %d: %s%s", code, stdout, stderr)
	}
	if _, err := connect(t, db.SuperuserURL()).Exec(t.Context(), `drop role "Left-over"`); err == nil {
		t.Error("the role can be dropped without more ado")
	}
	execAs(t, db.SuperuserURL(), advice)
	var left bool
	if err := queryRow(t, db.SuperuserURL(), `select exists (select from pg_roles where rolname = 'Left-over')`).Scan(&left); err != nil || left {
		t.Errorf("the role is left, %v, after %s", err, advice)
	}
}

// What would drop more than ours is never advised.
func TestTeardownSparesRolesThatOwnMore(t *testing.T) {
	db, environ := bareDatabase(t)
	for _, row := range []struct{ name, url, want string }{
		{"the owner of Avni's tables", db.OwnerURL(), "ok       role: openchs stays: it owns more than what was dropped\n"},
		{"needed in another database", db.URL(), "ok       role: avni_messenger stays: it is in use in database avni_template as well\n"},
		{"a superuser", db.SuperuserURL(), "ok       schema: messenger is not there\n"},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, stdout, stderr := command(t, environ(row.url), "teardown", "--schema")
			if code != exitOK || !strings.HasSuffix(stdout, row.want) {
				t.Errorf("teardown ended with %d: %s%s, want %q", code, stdout, stderr, row.want)
			}
		})
	}
}

func TestTeardown(t *testing.T) {
	db, environ := bareDatabase(t)
	if code, stdout, stderr := command(t, environ(db.URL()), "setup"); code != exitOK {
		t.Fatalf("setup ended with %d: %s%s", code, stdout, stderr)
	}
	for _, step := range []struct {
		args []string
		want []string
	}{
		{[]string{"teardown"}, []string{"done slot", "done publication"}},
		{[]string{"teardown", "-schema"}, slices.Concat([]string{"ok slot", "ok publication"}, forEachIndex("done index"), []string{"done schema", "ok role"})},
		{[]string{"teardown", "-schema"}, slices.Concat([]string{"ok slot", "ok publication"}, forEachIndex("ok index"), []string{"ok schema", "ok role"})},
	} {
		code, stdout, stderr := command(t, environ(db.URL()), step.args...)
		if diff := cmp.Diff(step.want, steps(stdout)); diff != "" || code != exitOK {
			t.Errorf("%v ended with %d: %s; steps (-want +got):\n%s", step.args, code, stderr, diff)
		}
	}
	var left int
	err := queryRow(t, db.URL(), `select (select count(*) from pg_replication_slots where database = current_database()) + (select count(*) from pg_publication)
		+ (select count(*) from pg_namespace where nspname = 'messenger') + (select count(*) from pg_class where relname like 'avni_messenger_%')`).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d objects are left, %v", left, err)
	}
}

func TestPrintedTeardownRuns(t *testing.T) {
	db, environ := bareDatabase(t)
	if code, stdout, stderr := command(t, environ(db.URL()), "setup"); code != exitOK {
		t.Fatalf("setup ended with %d: %s%s", code, stdout, stderr)
	}
	code, script, stderr := command(t, environ("postgres://nobody@127.0.0.1:1/nowhere"), "teardown", "-print")
	if code != exitOK || stderr != "" {
		t.Fatalf("teardown -print ended with %d: %s", code, stderr)
	}
	for range 2 {
		if errs := runScript(t, db.SuperuserURL(), script); len(errs) > 0 {
			t.Fatalf("the script failed for a superuser: %v", errs)
		}
	}
	var left int
	err := queryRow(t, db.URL(), `select (select count(*) from pg_replication_slots where database = current_database())
		+ (select count(*) from pg_publication) + (select count(*) from messenger.position)`).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d objects are left, %v", left, err)
	}
	_, all, _ := command(t, environ(db.URL()), "teardown", "-print", "-schema")
	if errs := runScript(t, db.SuperuserURL(), all); len(errs) > 0 {
		t.Fatalf("the script with the schema failed: %v", errs)
	}
	err = queryRow(t, db.URL(), `select (select count(*) from pg_namespace where nspname = 'messenger') + (select count(*) from pg_class where relname like 'avni_messenger_%')`).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d objects are left of the schema and the indexes, %v", left, err)
	}
	_, again, _ := command(t, environ(db.URL()), "setup", "-print")
	if errs := runScript(t, db.SuperuserURL(), again); len(errs) > 0 {
		t.Errorf("setup after teardown failed: %v", errs)
	}
}
