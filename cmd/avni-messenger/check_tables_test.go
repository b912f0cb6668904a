package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

func TestCheckTablesOfAnotherAvni(t *testing.T) {
	for _, row := range []struct{ sql, what, text string }{
		{`drop table user_group cascade`, "table user_group", "it does not exist"},
		{`alter table users drop column sync_settings`, "table users", "it has no column sync_settings"},
		{`alter table encounter alter column cancel_date_time type timestamp without time zone; alter table encounter drop column name`, "table encounter",
			"it has no column name; column cancel_date_time is of type timestamp without time zone, not timestamp with time zone"},
		{`alter table message_receiver add column channel text not null`, "table message_receiver", "column channel must have a value, and this version of avni-messenger gives none"},
		{`alter table message_request_queue alter column manual_message_id set not null`, "table message_request_queue", "column manual_message_id must have a value"},
	} {
		t.Run(row.what, func(t *testing.T) {
			db := avnitest.New(t)
			execAs(t, db.SuperuserURL(), `delete from message_request_queue; delete from message_receiver; `+row.sql)
			c := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL())
			wantFinding(t, c.findings(t, "Avni's tables"), gradeFailing, row.what, row.text, avniVersionMend)
		})
	}
}

// A type that does as well is none of an operator's business.
func TestCheckTakesEquivalentTypes(t *testing.T) {
	db := avnitest.New(t)
	execAs(t, db.SuperuserURL(), `alter table message_request_queue alter column entity_id type bigint; alter table account alter column region type text;
		alter table rule_failure_log add column severity text not null default 'high'`)
	found := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL()).findings(t, "Avni's tables")
	wantFinding(t, found, gradeOK, "tables and columns")
	wantFinding(t, found, gradeOK, "rows that are inserted")
}

// The list of columns is complete: where there are no others, everything works.
func TestCheckKnowsAllThatIsUsed(t *testing.T) {
	p := newProgram(t, glifictest.Options{})
	dropOthers(t, p.db)
	execAs(t, p.db.SuperuserURL(), `update message_rule set schedule_rule = '() => ({scheduledDateTime: new Date()})' where id in (601, 602, 603, 604)`)
	found := newCheck(t, "MESSENGER_DATABASE_URL="+p.db.URL()).findings(t, "Avni's tables")
	wantFinding(t, found, gradeOK, "tables and columns")
	p.start()
	execAs(t, p.db.SuperuserURL(), `
		update individual set last_modified_date_time = now() where id = 1001;
		update program_enrolment set last_modified_date_time = now() where id = 1001;
		update program_encounter set last_modified_date_time = now() where id = 1001;
		update encounter set last_modified_date_time = now() where id = 1001`)
	p.eventually(4*avnitest.Patience, func() string {
		accepted := p.count(`select count(distinct q.message_rule_id) from messenger.delivery d join message_request_queue q on q.id = d.request_id
			where d.state = 'accepted' and q.message_rule_id in (601, 602, 603, 604)`)
		if failed := p.count(`select count(*) from rule_failure_log`); accepted < 4 || failed < 1 {
			return fmt.Sprintf("messages of %d rules were accepted and %d failures logged, want 4 and 1 at least", accepted, failed)
		}
		return ""
	})
	started := time.Now().Add(-time.Hour).Format(time.RFC3339)
	if code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + p.db.URL(), "MESSENGER_MODE=full"}, "catch-up", "--since", started); code != exitOK {
		t.Errorf("catch-up ended with %d: %s%s", code, stdout, stderr)
	}
}

// dropOthers takes away whatever of Avni's tables the check does not look for.
func dropOthers(t *testing.T, db *avnitest.DB) {
	t.Helper()
	conn := connect(t, db.SuperuserURL())
	rows, err := conn.Query(t.Context(), `
		select c.relname::text, a.attname::text from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
		where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> 'spatial_ref_sys'`)
	if err != nil {
		t.Fatal(err)
	}
	var table, column string
	statements := map[string]bool{}
	for rows.Next() {
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(avniTables, func(a avniTable) bool { return a.name == table })
		switch {
		case i < 0:
			statements[fmt.Sprintf("drop table %q cascade", table)] = true
		case !slices.ContainsFunc(avniTables[i].columns, func(c avniColumn) bool { return c.name == column }):
			statements[fmt.Sprintf("alter table %q drop column %q cascade", table, column)] = true
		}
	}
	if err := rows.Err(); err != nil || len(statements) < 20 {
		t.Fatalf("%d statements, %v", len(statements), err)
	}
	var all strings.Builder
	for statement := range statements {
		all.WriteString(statement + ";")
	}
	execAs(t, db.SuperuserURL(), all.String())
}
