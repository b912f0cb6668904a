package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"avni-messenger/internal/avnitest"
)

func (h *trialHall) subjects(n int) {
	h.Helper()
	for i := range n {
		if _, err := h.db.Avni().RegisterSubject(h.Context(), avnitest.SubjectFields{FirstName: fmt.Sprintf("Subject%d", i)}); err != nil {
			h.Fatal(err)
		}
	}
}

func TestRuleTestAll(t *testing.T) {
	h := openTrialHall(t)
	h.subjects(30)
	execSQL(t, h.db, `update message_rule set schedule_rule = $1 where id = 601`,
		`({params}) => { if (params.entity.firstName === 'Badphone') throw new Error('bad'); return {shouldSend: params.entity.firstName !== 'Nophone', scheduledDateTime: new Date('2031-05-01T04:30:00Z')}; }`)
	h.expect(exitTrouble, []string{"--rule", "601", "--all"},
		`rule 601 "Welcome subject" of asha_gramin, on what was saved last`, "  2031-05-01 10:00:00 IST  [\"Subject29\", \"Kevadia\"]\n",
		"\nSubject 1003  not sent\n", "\nSubject 1006  FAILED, schedule rule, throw: Error: bad (line 1, column ",
		"tried on 34 entities\n  would send      32\n  would not send  1\n  failed          1\n    1 × schedule rule, throw: Error: bad (line 1, column ",
		"  schedule rule   ", " ms (median), ", "avni-messenger: the rule failed")
	h.expect(exitOK, []string{"--rule", "601", "--all", "--since", "1h", "--last", "20"}, "tried on 20 entities\n  would send      20\n")

	revised := h.file(`({params}) => ({shouldSend: params.entity.firstName !== 'Ramesh', scheduledDateTime: params.entity.firstName === 'Asha' ? '2031-06-01' : '2031-05-01T04:30:00Z'})`)
	words := h.file(`({params}) => ({parameters: [params.entity.firstName, params.entity.firstName === 'Subject3' ? 'null' : 'Kevadia']})`)
	h.expect(exitOK, []string{"--rule", "601", "--all", "--schedule", revised, "--message", words},
		"  DIFFERENT: not sent → 2031-05-01 10:00:00 IST\n",
		"compared with the rule that is saved: same 29, different 5\n",
		"  Subject 1001: 2031-05-01 10:00:00 IST → 2031-06-01 05:30:00 IST\n",
		"  Subject 1002: 2031-05-01 10:00:00 IST → not sent\n",
		"  Subject 1003: not sent → 2031-05-01 10:00:00 IST\n",
		"  Subject 1006: FAILED, schedule rule, throw: Error: bad (line 1, column ",
		`: parameter 2 "Kevadia" → "null"`, "; 1 of them would be refused for a parameter")
	now := h.file("({params}) => ({scheduledDateTime: new Date()})")
	execSQL(t, h.db, `update message_rule set schedule_rule = $1 where id = 601`, "() => ({scheduledDateTime: new Date(), shouldSend: true})")
	h.expect(exitOK, []string{"--rule", "601", "--all", "--schedule", now}, "same 34, different 0\n") // both see one moment

	out := h.expect(exitOK, []string{"--rule", "601", "--all", "--last", "2", "--json", "--message", words})
	lines := strings.Split(strings.TrimSpace(out), "\n")
	var sums struct{ Sums surveyReport }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &sums); err != nil || len(lines) != 3 {
		t.Fatalf("%d lines, %v:\n%s", len(lines), err, out)
	}
	if s := sums.Sums; s.Tried != 2 || s.Sends != 2 || *s.Same != 2 || s.ScheduleMS == nil || s.MessageMS.Max < s.MessageMS.Min {
		t.Errorf("sums are %+v", s)
	}
	var line surveyed
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil || line.Compare != "same" || !line.Answer.Sends || line.Answer.Parameters[0] != "Subject29" {
		t.Errorf("line is %+v, %v", line, err)
	}
}

func TestRuleTestJSON(t *testing.T) {
	h := openTrialHall(t)
	var r trialReport
	out := h.expect(exitTrouble, []string{"--rule", "601", "--entity", "1001", "--json", "--schedule", h.file("() => {\n  nowhere();\n}")})
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	failure := *r.Schedule.Failure
	failure.Stack = ""
	if diff := cmp.Diff(trialFailure{Kind: "throw", Message: "ReferenceError: nowhere is not defined (line 2, column 10)", Line: 2, Column: 10, Source: "  nowhere();"}, failure); diff != "" {
		t.Errorf("failure (-want +got):\n%s", diff)
	}
	if r.Receiver.Number != "…0001" || r.Message.Template.Text == "" || r.Schedule.Outcome != "would_fail" || len(r.Message.Loaded) != 3 {
		t.Errorf("report is %+v", r)
	}
}

// stopper ends a command when a text is printed.
type stopper struct {
	bytes.Buffer
	at   string
	stop context.CancelFunc
}

func (s *stopper) Write(p []byte) (int, error) {
	if strings.Contains(string(p), s.at) {
		s.stop()
	}
	return s.Buffer.Write(p)
}

func TestRuleTestAllIsInterrupted(t *testing.T) {
	h := openTrialHall(t)
	h.subjects(10)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out, errs := &stopper{at: "Subject7", stop: stop}, &bytes.Buffer{}
	code := run(ctx, []string{"rule", "test", "--rule", "601", "--all"}, h.environ, out, errs)
	if code != exitTrouble || !strings.Contains(out.String(), "\ntried on 3 entities, then stopped\n  would send      3") || !strings.Contains(errs.String(), "stopped before the end") {
		t.Errorf("code %d, stderr %s, stdout\n%s", code, errs, out)
	}
}

// A role that may only read is enough for all of it, and of one that may write the session
// is read-only.
func TestRuleTestWritesNothing(t *testing.T) {
	h := openTrialHall(t)
	var reader string
	if err := h.db.Pool().QueryRow(t.Context(), `select 'reader_of_' || current_database()`).Scan(&reader); err != nil {
		t.Fatal(err)
	}
	name := pgx.Identifier{reader}.Sanitize()
	execAs(t, h.db.SuperuserURL(), fmt.Sprintf(`create role %[1]s login bypassrls; grant usage on schema public, messenger to %[1]s;
		grant select on all tables in schema public, messenger to %[1]s`, name))
	h.environ[0] = "MESSENGER_DATABASE_URL=" + asRole(h.db, reader)
	file := h.file(`({params}) => ({shouldSend: params.entity.encounters.length >= 0, scheduledDateTime: new Date()})`)
	h.expect(exitOK, []string{"--rule", "601", "--entity", "1001"}, "| Namaste Asha", "would make a request")
	h.expect(exitOK, []string{"--rule", "601", "--entity", "1001", "--schedule", file}, "would make a request")
	h.expect(exitTrouble, []string{"--rule", "607", "--entity", "1001"}, "FAILED")
	h.expect(exitOK, []string{"--rule", "601", "--all", "--schedule", file}, "same 0, different 4")
	for _, r := range h.glific.Requests() {
		if strings.Contains(r.Body, "mutation") {
			t.Errorf("Glific was asked to change something: %s", r.Body)
		}
	}
	if n := len(h.glific.Ledger()); n != 0 {
		t.Errorf("%d messages were sent", n)
	}

	cfg, err := parseConfig([]string{"MESSENGER_DATABASE_URL=" + h.db.URL()})
	if err != nil {
		t.Fatal(err)
	}
	pool, err := newReadingPool(cfg, asItIs)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(t.Context(), `update individual set first_name = 'X' where id = 1001`); err == nil || !strings.Contains(err.Error(), "read-only transaction") {
		t.Errorf("a write was answered with %v", err)
	}
}

func TestExcerptAt(t *testing.T) {
	long := strings.Repeat("é", 200)
	for _, row := range []struct {
		line         string
		column       int
		wantEnd      string
		wantCaret    int
		wantNoLonger int
	}{
		{"\tconst x = {;", 13, "const x = {;", 12, 13},
		{long, 201, "…", 31, 60},
		{"", 5, "", 0, 0},
		{"é = 1", 4, "= 1", 2, 5},
	} {
		line, caret := excerptAt(row.line, row.column)
		if !strings.HasSuffix(line, row.wantEnd) || len(caret) != row.wantCaret+1 || len([]rune(line)) > row.wantNoLonger {
			t.Errorf("%q at %d:\n%s\n%s", row.line, row.column, line, caret)
		}
	}
}
