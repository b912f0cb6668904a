package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pglogrepl"

	"avni-messenger/internal/avnitest"
)

// setUpDatabase is a database after setup, with names of its own, because slots are the
// server's.
func setUpDatabase(t *testing.T) (db *avnitest.DB, name string, environ []string) {
	t.Helper()
	db = avnitest.New(t)
	if err := db.Pool().QueryRow(t.Context(), `select current_database()`).Scan(&name); err != nil {
		t.Fatal(err)
	}
	environ = []string{"MESSENGER_DATABASE_URL=" + db.URL(), "MESSENGER_SLOT=slot_" + name, "MESSENGER_PUBLICATION=publication_" + name}
	if code, stdout, stderr := command(t, environ, "setup"); code != exitOK {
		t.Fatalf("setup ended with %d: %s%s", code, stdout, stderr)
	}
	return db, name, environ
}

// What the stream needs is told of when it is not as it must be; where there is SQL for it,
// that mends it.
func TestCheckStream(t *testing.T) {
	shared, sharedName, sharedEnviron := setUpDatabase(t) // by those that leave no trace
	for _, row := range []struct {
		name, sql string // of the database %[1]s
		grade     grade
		what      string
		text      string
		mends     bool
	}{
		{"identity of nothing", "alter table individual replica identity nothing", gradeFailing, "replica identity", "table individual has no replica identity", true},
		{"updates that fail", "alter table encounter replica identity nothing", gradeFailing, "Avni's own updates", "PostgreSQL refuses them: cannot update table \"encounter\"", false},
		{"table missing", "alter publication publication_%[1]s drop table concept", gradeFailing, "publication", "table concept is missing", true},
		{"table too much", "alter publication publication_%[1]s add table gender", gradeWarning, "publication", "table public.gender does not belong in it", true},
		{"publication missing", "drop publication publication_%[1]s", gradeWarning, "publication", "it is missing", false},
		{"publication missing, and the slot", "drop publication publication_%[1]s", gradeWarning, "slot", "so what is in the WAL cannot be read", false},
		{"slot missing", "select pg_drop_replication_slot('slot_%[1]s')", gradeWarning, "slot", "it was dropped, or this server was promoted without it", false},
		{"slot of something else", "select pg_drop_replication_slot('slot_%[1]s'); select pg_create_physical_replication_slot('slot_%[1]s')", gradeFailing, "slot", "belongs to something else", false},
		{"index missing", "drop index avni_messenger_queue_due", gradeWarning, "index avni_messenger_queue_due", "it is missing", true},
		{"index half built", "update pg_index set indisvalid = false where indexrelid = 'avni_messenger_queue_entity'::regclass", gradeWarning, "index avni_messenger_queue_entity", "it was left half built", true},
		{"tables of a newer version", "insert into messenger.schema_version (version_id, is_applied) values (9999, true)", gradeWarning, "own tables", "version 9999, which a newer avni-messenger has made", false},
		{"tables of an older version", "delete from messenger.schema_version where version_id > 3", gradeOK, "own tables", "version 3; the next `run` brings them to", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			db, name, environ := shared, sharedName, sharedEnviron
			if !row.mends || strings.Contains(row.sql, "publication") { // to have altered one leaves a gap
				db, name, environ = setUpDatabase(t)
			}
			for _, f := range newCheck(t, environ...).findings(t, "Publication") {
				if f.Grade != gradeOK {
					t.Fatalf("before anything is wrong there is %+v", f)
				}
			}
			conn := connect(t, db.SuperuserURL())
			for statement := range strings.SplitSeq(row.sql, "; ") {
				if strings.Contains(statement, "%") {
					statement = fmt.Sprintf(statement, name)
				}
				if _, err := conn.Exec(t.Context(), statement); err != nil {
					t.Fatalf("%s: %v", statement, err)
				}
			}
			f := wantFinding(t, newCheck(t, environ...).findings(t, "Publication"), row.grade, row.what, row.text)
			if !row.mends {
				return
			}
			mend(t, db.SuperuserURL(), f)
			for _, f := range newCheck(t, environ...).findings(t, "Publication") {
				if strings.HasPrefix(f.What, row.what) && f.Grade != gradeOK {
					t.Errorf("after its SQL there is still %+v", f)
				}
			}
		})
	}
}

func TestCheckRemindsOfAttach(t *testing.T) {
	_, _, environ := setUpDatabase(t)
	if code, stdout, stderr := command(t, environ, "detach"); code != exitOK {
		t.Fatalf("detach ended with %d: %s%s", code, stdout, stderr)
	}
	wantFinding(t, newCheck(t, environ...).findings(t, "Publication"), gradeWarning, "publication", "avni-messenger attach")
}

func TestCheckOfASlotThatAnotherReads(t *testing.T) {
	db, name, environ := setUpDatabase(t)
	reader := replicationConnection(t, db.SuperuserURL(), "debezium")
	err := pglogrepl.StartReplication(t.Context(), reader, "slot_"+name, 0, pglogrepl.StartReplicationOptions{
		Mode: pglogrepl.LogicalReplication, PluginArgs: []string{"proto_version '1'", "publication_names 'publication_" + name + "'"}})
	if err != nil {
		t.Fatal(err)
	}
	f := wantFinding(t, newCheck(t, environ...).findings(t, "Publication"), gradeFailing, "slot", `(application_name "debezium"), which is no avni-messenger`)
	mend(t, db.SuperuserURL(), f)
	avnitest.Eventually(t, avnitest.Patience, func() string {
		for _, f := range newCheck(t, environ...).findings(t, "Publication") {
			if strings.HasPrefix(f.What, "slot") && f.Grade != gradeOK {
				return f.Found
			}
		}
		return ""
	})
}

func TestCheckOfASlotThatKeepsMuch(t *testing.T) {
	db, _, environ := setUpDatabase(t)
	execAs(t, db.SuperuserURL(), `select count(pg_logical_emit_message(false, 'filler', repeat('x', 1000000))) from generate_series(1, 40)`)
	found := newCheck(t, append(environ, "MESSENGER_MAX_SLOT_WAL=64MB")...).findings(t, "Publication")
	wantFinding(t, found, gradeOK, "slot", "nobody reads it now")
	wantFinding(t, found, gradeWarning, "slot", " times MESSENGER_MAX_SLOT_WAL (the slot is dropped at 128.0 MB, and from 64.0 MB on if reading gets no further)")
}

// A lock keeps the check from being made, and nobody waits long for it.
func TestCheckOfUpdatesBesideALock(t *testing.T) {
	db, _, environ := setUpDatabase(t)
	tx, err := connect(t, db.SuperuserURL()).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `lock table program_encounter in access exclusive mode`); err != nil {
		t.Fatal(err)
	}
	wantFinding(t, newCheck(t, environ...).findings(t, "Publication"), gradeWarning, "Avni's own updates", "not tried: somebody holds a lock")
}
