package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"avni-messenger/internal/avnitest"
)

// newCheck is a checker as the command makes it.
func newCheck(t *testing.T, environ ...string) *checker {
	t.Helper()
	cfg, err := parseConfig(environ)
	if err != nil {
		t.Fatal(err)
	}
	c, err := newChecker(t.Context(), cfg, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.pool.Close)
	return c
}

// findings are those of the section whose name begins so.
func (c *checker) findings(t *testing.T, name string) []finding {
	t.Helper()
	sections, err := c.sections()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(sections, func(s *section) bool { return strings.HasPrefix(s.Name, name) })
	if i < 0 {
		t.Fatalf("there is no section %q", name)
	}
	sections[i].look(t.Context(), sections[i])
	return sections[i].Findings
}

// wantFinding returns the finding of that grade about a thing, and fails unless there is one
// in which all the texts are.
func wantFinding(t *testing.T, found []finding, grade grade, what string, texts ...string) finding {
	t.Helper()
	for _, f := range found {
		holds := func(text string) bool { return strings.Contains(f.Found+"\n"+f.Wanted+"\n"+f.Mend, text) }
		if f.Grade == grade && strings.HasPrefix(f.What, what) && !slices.ContainsFunc(texts, func(text string) bool { return !holds(text) }) {
			if (grade == gradeWarning || grade == gradeFailing) && (f.Mend == "" || f.Wanted == "") {
				t.Errorf("nothing is said of how to mend %+v", f)
			}
			return f
		}
	}
	t.Errorf("there is no finding %s %q with %q among\n%s", grade, what, texts, printed(found))
	return finding{}
}

func printed(found []finding) string {
	var text strings.Builder
	writeSection(&text, section{Findings: found})
	return text.String()
}

var inBackquotes = regexp.MustCompile("`([^`]*;)`")

// mend runs the SQL that a finding advises.
func mend(t *testing.T, url string, f finding) {
	t.Helper()
	found := inBackquotes.FindAllStringSubmatch(f.Mend, -1)
	if len(found) == 0 {
		t.Errorf("there is no SQL in %q", f.Mend)
	}
	conn := connect(t, url)
	for _, statement := range found {
		if _, err := conn.Exec(t.Context(), statement[1], pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Errorf("%s: %v", statement[1], err)
		}
	}
}

// checkedDatabase is a database on which nothing is to be said against anything, the
// variables for it, and its Glific.
func checkedDatabase(t *testing.T) (p *program, environ []string) {
	t.Helper()
	p = newProgramOn(t, avnitest.Options{})
	execAs(t, p.db.SuperuserURL(), `grant pg_monitor to avni_messenger; update message_rule set is_voided = true where id = 607`)
	environ = []string{"MESSENGER_DATABASE_URL=" + p.db.URL(), "MESSENGER_MODE=full", "MESSENGER_LISTEN=127.0.0.1:0"}
	if code, stdout, stderr := command(t, environ, "setup"); code != exitOK {
		t.Fatalf("setup ended with %d: %s%s", code, stdout, stderr)
	}
	return p, environ
}

// limitWAL does what check advises about WAL that is kept without end, and returns how many
// warnings are left: PostgreSQL 12 knows no limit.
func limitWAL(t *testing.T, p *program, environ []string) (left string) {
	t.Helper()
	c := newCheck(t, environ...)
	f := wantFinding(t, c.findings(t, "PostgreSQL"), gradeWarning, "max_slot_wal_keep_size", "WAL piles up for its slot until the disk of Avni's database is full")
	if c.server.number < 130000 {
		return "1 warning"
	}
	mend(t, p.db.SuperuserURL(), f)
	avnitest.Eventually(t, avnitest.Patience, func() string {
		var limit string
		p.must(p.db.Pool().QueryRow(t.Context(), `select current_setting('max_slot_wal_keep_size')`).Scan(&limit))
		if limit == "-1" {
			return "there is no limit yet"
		}
		return ""
	})
	return "0 warnings"
}

// wantReadable fails if a line is too wide, but for a piece that cannot be broken, or if
// somebody's name, number or text is shown.
func wantReadable(t *testing.T, table string) {
	t.Helper()
	for line := range strings.Lines(table) {
		if line = strings.TrimSuffix(line, "\n"); utf8.RuneCountInString(line) > checkWidth {
			t.Errorf("line of %d columns: %s", utf8.RuneCountInString(line), line)
		}
	}
	for _, personal := range []string{"919999900001", "977999900002", "9876543210", "glific-asha-pw", "Meena", "Kevadia", "Ramesh", "Namaste"} {
		if strings.Contains(table, personal) {
			t.Errorf("%q is shown:\n%s", personal, table)
		}
	}
}

// traces is what a command that changes something would leave.
func traces(t *testing.T, db *avnitest.DB) map[string]string {
	t.Helper()
	found := map[string]string{}
	for name, sql := range map[string]string{
		"schemas":      `select string_agg(nspname, ',' order by nspname) from pg_namespace where nspname !~ '^pg_'`,
		"relations":    `select count(*)::text from pg_class where relnamespace = 'public'::regnamespace`,
		"publications": `select count(*)::text from pg_publication`,
		"slots":        `select count(*)::text from pg_replication_slots where database = current_database()`,
		"queue":        `select string_agg(q.xmin || ':' || q.id, ',' order by id) from message_request_queue q`,
		"receivers":    `select string_agg(r.xmin || ':' || r.id, ',' order by id) from message_receiver r`,
		"failures":     `select count(*)::text from rule_failure_log`,
		"written":      `select sum(n_tup_ins + n_tup_upd + n_tup_del)::text from pg_stat_xact_user_tables`,
	} {
		var text string
		if err := queryRow(t, db.SuperuserURL(), sql).Scan(&text); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
		found[name] = text
	}
	return found
}
