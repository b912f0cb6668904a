package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// After the loss of the slot, and after a catch-up by hand, what was missed is sent,
// and what was evaluated and sent before is left exactly as it was.
func TestRepairSendsWhatWasMissedAndNothingTwice(t *testing.T) {
	const before, during = 20, 5
	p := newProgram(t, glifictest.Options{})
	p.sendNow(601, "Welcome subject", "Subject", 301, "Subject", "7001", `params.entity.firstName, 'home'`)
	p.start()
	want := map[string]int{message("919876543210", 7009, "Meena Kumari", "camp on Sunday"): 1}
	save := func(from, to int) {
		t.Helper()
		for i := from; i < to; i++ {
			phone, name := fmt.Sprintf("98765%05d", i), fmt.Sprintf("Subject%03d", i)
			_, err := p.avni.RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: name, Phone: phone})
			p.must(err)
			want[message("91"+phone, 7001, name, "home")] = 1
		}
	}
	save(0, before)
	p.eventually(avnitest.Patience, func() string { return missing(want, p.messages()) })
	p.awaitSettled()
	p.stop()
	requests := p.requests(time.Now())
	stopped := time.Now()

	save(before, before+during)
	execAs(t, p.db.URL(), `select pg_drop_replication_slot('avni_messenger')`)
	p.start()
	p.eventually(avnitest.Patience, func() string { return missing(want, p.messages()) })
	p.eventually(avnitest.Patience, func() string {
		if n := p.count(`select count(*) from messenger.gap where finished_at is not null`); n != 1 {
			return fmt.Sprintf("%d repairs are finished", n)
		}
		return ""
	})
	p.awaitSettled()
	if diff := cmp.Diff(requests, p.requests(stopped)); diff != "" {
		t.Errorf("the repair changed requests (-before +after):\n%s", diff)
	}
	// How many were evaluated again depends on how exactly the gap was known.
	again := p.count(`select count(*) from messenger.trigger_log where outcome = 'delivered'`)

	all := p.requests(time.Now())
	code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + p.db.URL(), "MESSENGER_MODE=full"}, "catch-up", "--since", "1h")
	if code != exitOK || !strings.Contains(stdout, "reading individual; ") || !strings.Contains(stdout, "changes entered the inbox") {
		t.Fatalf("catch-up ended with %d: %s%s", code, stdout, stderr)
	}
	p.awaitSettled()
	if diff := cmp.Diff(all, p.requests(time.Now())); diff != "" {
		t.Errorf("the catch-up by hand changed requests (-before +after):\n%s", diff)
	}
	if n := p.count(`select count(*) from messenger.trigger_log where outcome = 'delivered'`); n < again+before+during {
		t.Errorf("only %d changes were evaluated again by hand", n-again)
	}
	p.stop()
	if diff := cmp.Diff(want, p.messages()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

// awaitSettled waits until the inbox is empty and all that was due is sent.
func (p *program) awaitSettled() {
	p.t.Helper()
	p.eventually(avnitest.Patience, func() string {
		inbox := p.count(`select count(*) from messenger.inbox`)
		open := p.count(`select count(*) from messenger.delivery where state <> 'accepted'`)
		unmarked := p.count(`select count(*) from message_request_queue q join message_rule r on r.id = q.message_rule_id and r.id = 601
			where q.delivery_status <> 'Sent' and not q.is_voided`)
		if inbox+open+unmarked > 0 {
			return fmt.Sprintf("%d changes in the inbox, %d deliveries open, %d requests not marked", inbox, open, unmarked)
		}
		return ""
	})
}

// requests are the rows of Avni's queue that were made before a time, whole.
func (p *program) requests(before time.Time) []string {
	p.t.Helper()
	rows, err := p.db.Pool().Query(p.t.Context(), `select q::text from message_request_queue q where created_date_time < $1 order by id`, before)
	p.must(err)
	all, err := pgx.CollectRows(rows, pgx.RowTo[string])
	p.must(err)
	return all
}

// The command by itself: only what rules could be about enters, and it needs no
// running process.
func TestCatchUpCommand(t *testing.T) {
	db := avnitest.New(t)
	for _, organisation := range []int32{avnitest.AshaGramin, avnitest.SevaNepal} {
		if err := db.Avni().SetMessagingEnabled(t.Context(), organisation, false); err != nil {
			t.Fatal(err)
		}
	}
	id, err := db.Avni().RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: "Asha"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Avni().RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: "A household", SubjectTypeID: 302}); err != nil {
		t.Fatal(err)
	}
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL(), "MESSENGER_MODE=full", "MESSENGER_ORGANISATIONS=asha_gramin=full"}
	for range 2 { // the second time is as good as the first
		code, stdout, stderr := command(t, environ, "catch-up", "--since", time.Now().Add(-time.Minute).Format(time.RFC3339))
		if code != exitOK || !strings.Contains(stdout, "looking for what was modified since 20") {
			t.Fatalf("catch-up ended with %d: %s%s", code, stdout, stderr)
		}
		rows, err := db.Pool().Query(t.Context(), `select entity_id from messenger.inbox where source_table = 'individual' and received_at > now() - interval '1 minute'`)
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range got {
			var kind int
			if err := db.Pool().QueryRow(t.Context(), `select subject_type_id from individual where id = $1`, other).Scan(&kind); err != nil || kind != 301 {
				t.Errorf("subject %d of type %d entered, %v", other, kind, err)
			}
		}
		if len(got) == 0 || got[len(got)-1] != id {
			t.Errorf("subjects %v entered, want %d among them", got, id)
		}
	}
}

// What a dry run counts is what enters, and it writes nothing.
func TestCatchUpDryRun(t *testing.T) {
	db := avnitest.New(t)
	for _, organisation := range []int32{avnitest.AshaGramin, avnitest.SevaNepal} {
		if err := db.Avni().SetMessagingEnabled(t.Context(), organisation, false); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if _, err := db.Avni().RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: "Asha"}); err != nil {
			t.Fatal(err)
		}
	}
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL(), "MESSENGER_MODE=full", "MESSENGER_ORGANISATIONS=asha_gramin=full", "MESSENGER_STORM_LIMIT=2"}
	since := time.Now().Add(-time.Hour).Format(time.RFC3339)
	code, counts, stderr := command(t, environ, "catch-up", "--since", since, "--dry-run")
	var written int
	if err := db.Pool().QueryRow(t.Context(), `select (select count(*) from messenger.inbox) + (select count(*) from messenger.gap)`).Scan(&written); err != nil || written != 0 {
		t.Errorf("the dry run has written %d rows, %v", written, err)
	}
	if again, again2, _ := command(t, environ, "catch-up", "--since", since); again != exitOK || code != exitOK {
		t.Fatalf("codes %d and %d: %s%s%s", code, again, counts, stderr, again2)
	}
	rows, err := db.Pool().Query(t.Context(), `select source_table || ' ' || o.db_user || ' ' || count(*) from messenger.inbox i join organisation o on o.id = i.organisation_id
		group by source_table, o.db_user`)
	if err != nil {
		t.Fatal(err)
	}
	entered, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	all := 0
	for _, line := range entered {
		if !slices.ContainsFunc(strings.Split(counts, "\n"), func(said string) bool { return strings.Join(strings.Fields(said), " ") == line }) {
			t.Errorf("%s entered, but the dry run said:\n%s", line, counts)
		}
		n, err := strconv.Atoi(line[strings.LastIndex(line, " ")+1:])
		if err != nil {
			t.Fatal(err)
		}
		all += n
	}
	if want := fmt.Sprintf("dry run: %d changes would enter the inbox; nothing was written\nWARNING  messages: these are more than MESSENGER_STORM_LIMIT (2), which would not hold what comes of them\n", all); all < 3 ||
		!strings.HasSuffix(counts, want) {
		t.Errorf("%d changes entered, but the dry run said:\n%s", all, counts)
	}
	if strings.Count(counts, "asha_gramin") != len(entered) {
		t.Errorf("%q entered, but the dry run said:\n%s", entered, counts)
	}
}

// With a name that is unknown not all may enter that should.
func TestCatchUpTellsOfAnUnknownName(t *testing.T) {
	db := avnitest.New(t)
	code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + db.URL(), "MESSENGER_MODE=none", "MESSENGER_ORGANISATIONS=ashagramin=full"},
		"catch-up", "--since", "1m")
	if code != exitOK || !strings.HasPrefix(stdout, `WARNING  MESSENGER_ORGANISATIONS: "ashagramin" is no organisation of this database`) ||
		!strings.Contains(stdout, "of this environment none is served") {
		t.Errorf("catch-up ended with %d: %s%s", code, stdout, stderr)
	}
}

func TestParseSince(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, row := range []struct {
		text string
		want time.Time
		err  string
	}{
		{"36h", time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), ""},
		{"1h30m", time.Date(2026, 11, 22, 10, 30, 0, 0, time.UTC), ""},
		{"2026-11-20T08:00:00+05:30", time.Date(2026, 11, 20, 2, 30, 0, 0, time.UTC), ""},
		{"", time.Time{}, "--since is missing"},
		{"yesterday", time.Time{}, `--since is "yesterday"; it must be a date with clock time and zone, such as`},
		{"2026-11-20", time.Time{}, "it must be a date with clock time and zone, such as"},
		{"-1h", time.Time{}, "not in the past"},
		{"2026-12-01T00:00:00Z", time.Time{}, "not in the past"},
	} {
		t.Run(row.text, func(t *testing.T) {
			got, err := parseSince(row.text, now)
			if row.err == "" && err != nil || row.err != "" && (err == nil || !strings.Contains(err.Error(), row.err)) {
				t.Errorf("error %v, want %q", err, row.err)
			}
			if !got.Equal(row.want) {
				t.Errorf("got %s, want %s", got, row.want)
			}
		})
	}
}
