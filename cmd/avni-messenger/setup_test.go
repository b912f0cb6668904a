package main

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"avni-messenger/internal/avnitest"
)

// asRole replaces the role in one of the database's URLs.
func asRole(db *avnitest.DB, role string) string {
	return strings.Replace(db.URL(), "avni_messenger", role, 1)
}

// bareDatabase is Avni's database before anything of ours is in it, and the variables
// to reach it with the given URL. Slots are the server's, so each test has its own.
func bareDatabase(t *testing.T) (db *avnitest.DB, environ func(url string) []string) {
	t.Helper()
	db = avnitest.New(t)
	execAs(t, db.SuperuserURL(), `drop schema messenger cascade`)
	var name string
	if err := db.Pool().QueryRow(t.Context(), `select current_database()`).Scan(&name); err != nil {
		t.Fatal(err)
	}
	return db, func(url string) []string {
		return []string{"MESSENGER_DATABASE_URL=" + url, "MESSENGER_SLOT=slot_" + name, "MESSENGER_PUBLICATION=publication_" + name}
	}
}

func TestSetupFromNothing(t *testing.T) {
	db, environ := bareDatabase(t)
	role := "messenger_" + strings.TrimPrefix(environ("")[1], "MESSENGER_SLOT=slot_")
	code, stdout, stderr := command(t, environ(db.SuperuserURL()), "setup", "--role", role)
	if code != exitOK {
		t.Fatalf("setup ended with %d: %s%s", code, stdout, stderr)
	}
	want := append([]string{"ok server", "done role", "done role", "done role", "done schema", "done tables", "done publication", "done slot", "WARNING disk"}, forEachIndex("done index")...)
	if diff := cmp.Diff(want, steps(stdout)); diff != "" {
		t.Errorf("steps (-want +got):\n%s\n%s", diff, stdout)
	}
	var replication, inherits, seen, shown bool
	var schemaOwner, publicationOwner string
	row := queryRow(t, asRole(db, role), `
		select r.rolreplication, pg_has_role('openchs', 'usage'), exists (select from individual),
		       (select pg_get_userbyid(nspowner)::text from pg_namespace where nspname = 'messenger'),
		       (select pg_get_userbyid(pubowner)::text from pg_publication where pubname like 'publication_%'), pg_has_role('pg_monitor', 'usage')
		from pg_roles r where r.rolname = current_user`)
	if err := row.Scan(&replication, &inherits, &seen, &schemaOwner, &publicationOwner, &shown); err != nil {
		t.Fatal(err)
	}
	if !replication || !inherits || !seen || !shown || schemaOwner != role || publicationOwner != role {
		t.Errorf("role: replication %v, inherits %v, sees rows %v and transactions %v; schema belongs to %s, publication to %s",
			replication, inherits, seen, shown, schemaOwner, publicationOwner)
	}

	// The role itself finds everything done, without being told who it is.
	code, stdout, stderr = command(t, environ(asRole(db, role)), "setup")
	if code != exitOK || strings.Contains(stdout, "done") || !strings.HasSuffix(stdout, "Setup is complete. Start avni-messenger with `avni-messenger run`.\n") {
		t.Errorf("second setup ended with %d: %s%s", code, stdout, stderr)
	}
}

func TestSetupSaysWhatIsMissing(t *testing.T) {
	t.Run("no role, no rights", func(t *testing.T) {
		db, environ := bareDatabase(t)
		code, stdout, stderr := command(t, environ(db.OwnerURL()), "setup", "--role", "nobody_yet")
		wantMissing(t, code, stdout, stderr, `role nobody_yet does not exist, and role openchs may not change that`,
			`create role "nobody_yet" login replication inherit;`)
	})
	t.Run("may not act as the role", func(t *testing.T) {
		db, environ := bareDatabase(t)
		execAs(t, db.SuperuserURL(), `create schema messenger authorization avni_messenger`)
		code, stdout, stderr := command(t, environ(db.OwnerURL()), "setup")
		wantMissing(t, code, stdout, stderr, "role openchs may not act as avni_messenger: run `avni-messenger setup` again as that role (with its name and password in MESSENGER_DATABASE_URL), or as a superuser")
	})
	t.Run("role without rights", func(t *testing.T) {
		db, environ := bareDatabase(t)
		execAs(t, db.SuperuserURL(), `create role bare_role login`)
		code, stdout, stderr := command(t, environ(asRole(db, "bare_role")), "setup") // it can be no administrator's
		wantMissing(t, code, stdout, stderr, "bare_role may not read replication slots, and role bare_role may not change that",
			`alter role "bare_role" replication;`, `grant "openchs" to "bare_role";`, "grant create on database", `create schema messenger authorization "bare_role";`)
	})
	t.Run("what was restored as somebody else", func(t *testing.T) {
		db, environ := bareDatabase(t)
		if code, stdout, stderr := command(t, environ(db.URL()), "setup"); code != exitOK {
			t.Fatalf("setup ended with %d: %s%s", code, stdout, stderr)
		}
		execAs(t, db.SuperuserURL(), `alter schema messenger owner to postgres; alter table messenger.position owner to postgres; alter sequence messenger.inbox_change_number owner to postgres`)
		code, stdout, stderr := command(t, environ(db.URL()), "setup")
		mends := []string{`alter schema messenger owner to avni_messenger;`, `alter table messenger.inbox_change_number owner to avni_messenger;`, `alter table messenger."position" owner to avni_messenger;`}
		wantMissing(t, code, stdout, stderr, append(mends, "not all of messenger belongs to avni_messenger")...)
		execAs(t, db.SuperuserURL(), strings.Join(mends, " "))
		if code, stdout, stderr := command(t, environ(db.URL()), "setup"); code != exitOK {
			t.Errorf("setup after the SQL that was shown ended with %d: %s%s", code, stdout, stderr)
		}
	})
	t.Run("not Avni's database", func(t *testing.T) {
		db, environ := bareDatabase(t)
		execAs(t, db.SuperuserURL(), `alter table individual rename to something_else`)
		code, _, stderr := command(t, environ(db.URL()), "setup")
		if code != exitTrouble || !strings.Contains(stderr, "has no table public.individual: it is not Avni's database") {
			t.Errorf("setup ended with %d: %s", code, stderr)
		}
	})
	t.Run("nobody answers", func(t *testing.T) {
		code, _, stderr := command(t, []string{"MESSENGER_DATABASE_URL=postgres://avni:hunter2@127.0.0.1:1/openchs"}, "setup")
		const want = "avni-messenger: PostgreSQL at avni@127.0.0.1:1/openchs cannot be reached: dial tcp 127.0.0.1:1: connect: connection refused. " +
			"Check host and port, that PostgreSQL runs, and that a firewall lets this machine through.\n"
		if code != exitTrouble || stderr != want {
			t.Errorf("setup ended with %d: %s", code, stderr)
		}
	})
}

func TestSetupOnAServerThatIsNotLogical(t *testing.T) {
	cluster, err := avnitest.StartCluster(t.Context(), avnitest.Options{Settings: map[string]string{"wal_level": "replica"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	db, err := cluster.CreateDatabase(t.Context(), "replica")
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + db.URL()}, "setup")
	wantMissing(t, code, stdout, stderr, "wal_level: it is replica and must be logical", "alter system set wal_level = 'logical';",
		"rds.logical_replication = 1")
}

func wantMissing(t *testing.T, code int, stdout, stderr string, texts ...string) {
	t.Helper()
	if code != exitTrouble || !strings.Contains(stderr, "setup is not complete") || !strings.Contains(stderr, "avni-messenger setup --print") {
		t.Errorf("setup ended with %d: %s", code, stderr)
	}
	for _, text := range texts {
		if !strings.Contains(stdout, text) {
			t.Errorf("setup does not say %q:\n%s", text, stdout)
		}
	}
}

func TestSetupBuildsAHalfBuiltIndexAnew(t *testing.T) {
	db, environ := bareDatabase(t)
	execAs(t, db.OwnerURL(), strings.Replace(queueIndexes[0].create(), "concurrently ", "", 1))
	execAs(t, db.SuperuserURL(), `update pg_index set indisvalid = false where indexrelid = 'avni_messenger_queue_due'::regclass`)
	code, stdout, stderr := command(t, environ(db.URL()), "setup")
	if code != exitOK || !strings.Contains(stdout, "done     index: avni_messenger_queue_due was created") {
		t.Fatalf("setup ended with %d: %s%s", code, stdout, stderr)
	}
	var valid bool
	if err := queryRow(t, db.URL(), `select indisvalid from pg_index where indexrelid = 'avni_messenger_queue_due'::regclass`).Scan(&valid); err != nil || !valid {
		t.Errorf("index is valid: %v, %v", valid, err)
	}
}

// What setup says is left to a superuser is enough: with it, setup has nothing left to do.
func TestAdvisedSetupIsComplete(t *testing.T) {
	db, environ := bareDatabase(t)
	execAs(t, db.SuperuserURL(), `create role advised_role login`)
	code, _, stderr := command(t, environ(asRole(db, "advised_role")), "setup")
	_, advice, found := strings.Cut(stderr, "\n  ")
	advice, file, toFile := strings.Cut(strings.SplitN(advice, "\n", 2)[0], " > ")
	if code != exitTrouble || !found || !toFile || file != "setup.sql" || !strings.Contains(stderr, "psql -v ON_ERROR_STOP=1 -d "+db.Pool().Config().ConnConfig.Database+" -f setup.sql\n") {
		t.Fatalf("setup ended with %d: %s", code, stderr)
	}
	variables, arguments, _ := strings.Cut(advice, " avni-messenger ")
	code, script, stderr := command(t, strings.Fields(variables), strings.Fields(arguments)...)
	if code != exitOK {
		t.Fatalf("%s ended with %d: %s", advice, code, stderr)
	}
	if errs := runScript(t, db.SuperuserURL(), script); len(errs) > 0 {
		t.Fatalf("the script failed: %v", errs)
	}
	if code, stdout, stderr := command(t, environ(asRole(db, "advised_role")), "setup"); code != exitOK {
		t.Errorf("setup after the script ended with %d: %s%s", code, stdout, stderr)
	}
}

// forEachIndex is what setup or teardown says of each index.
func forEachIndex(step string) []string { return slices.Repeat([]string{step}, len(queueIndexes)) }

// steps are the marks and names of the lines that a command told.
func steps(stdout string) []string {
	var found []string
	for line := range strings.Lines(stdout) {
		fields := strings.Fields(line)
		if len(fields) >= 2 && strings.HasSuffix(fields[1], ":") {
			found = append(found, fields[0]+" "+strings.TrimSuffix(fields[1], ":"))
		}
	}
	return found
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func execAs(t *testing.T, url, sql string) {
	t.Helper()
	if _, err := connect(t, url).Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func queryRow(t *testing.T, url, sql string) pgx.Row {
	t.Helper()
	return connect(t, url).QueryRow(t.Context(), sql)
}
