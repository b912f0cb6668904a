package rules

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/internal/avnitest"
)

// comparedRows adds comparisons of a rule with n subjects.
const comparedRows = `insert into messenger.parity (rule_id, source_table, entity_id, organisation_id, our_outcome, messaging, verdict, cause, evaluated_at, look_at)
	select $1, 'individual', n, 101, 'would_skip', true, $2, nullif($3, ''), now() - $4::interval, $5::timestamptz from generate_series($7::int + 1, $7::int + $6::int) n`

func TestParityReady(t *testing.T) {
	const hour, month = time.Hour, 20 * 24 * time.Hour
	type rows struct {
		rule           int64
		verdict, cause string
		age            time.Duration
		n              int
	}
	db := avnitest.New(t)
	exec(t, db.Pool(), `insert into messenger.parity_since (organisation_id) values (101)`)
	exec(t, db.Pool(), `insert into messenger.rule_pause (rule_id, phase, organisation_id, kind, reason, failures, fingerprint) values (612, 'schedule', 103, 'throw', 'x', 9, '')`)
	enough := rows{601, "same", "", hour, 20}
	for _, row := range []struct {
		name   string
		rows   []rows
		voided bool  // rule 602
		paused phase // of rule 602
		want   []string
	}{
		{"enough", []rows{enough}, false, "", nil},
		{"and all explained", []rows{{601, "different", "not_withdrawn", hour, 20}}, false, "", nil},
		{"nothing", nil, false, "", []string{"nothing is compared yet: wait for at least 20 (or look further back with --since)"}},
		{"too few", []rows{{601, "same", "", hour, 3}}, false, "", []string{"only 3 compared yet: wait for at least 20 (or look further back with --since)"}},
		{"too long ago", []rows{{601, "same", "", month, 20}}, false, "", []string{"nothing is compared yet: wait for at least 20 (or look further back with --since)"}},
		{"a difference", []rows{enough, {602, "different", "", hour, 1}}, false, "", []string{"1 difference has no known cause"}},
		{"a fault", []rows{enough, {602, "different", "failed_here", hour, 2}}, false, "", []string{"2 differences are to be mended first"}},
		{"some wait since just now", []rows{{601, "same", "", hour, 20}, {602, "same", "", hour, 1}, {602, "waiting", "", 0, 1}}, false, "", nil},
		{"most wait", []rows{enough, {602, "same", "", hour, 1}, {602, "waiting", "", 0, 100}}, false, "",
			[]string{"100 are not compared yet, more than are compared: wait for them"}},
		{"one waits too long", []rows{enough, {602, "same", "", hour, 1}, {602, "waiting", "", hour, 1}}, false, "",
			[]string{"1 evaluation waits for longer than 15 minutes to be compared: see whether avni-messenger runs, and keeps up"}},
		{"one waits since long ago", []rows{enough, {602, "same", "", hour, 1}, {602, "waiting", "", month, 2}}, false, "",
			[]string{"2 evaluations wait for longer than 15 minutes to be compared: see whether avni-messenger runs, and keeps up"}},
		{"one waits of a rule that is voided", []rows{enough, {602, "waiting", "", month, 1}}, true, "", nil},
		{"a rule was not compared", []rows{enough, {602, "waiting", "", 0, 1}}, false, "",
			[]string{`rule 602 "Tell worker of enrolment" is not compared yet: wait for it`}},
		{"a rule is paused", []rows{enough, {602, "waiting", "", month, 1}}, false, schedulePhase,
			[]string{`rule 602 "Tell worker of enrolment" is paused because it failed too often: correct it in Avni, or avni-messenger rule resume --rule 602`}},
		{"a message rule is paused", []rows{enough}, false, messagePhase,
			[]string{`rule 602 "Tell worker of enrolment" is paused because it failed too often: correct it in Avni, or avni-messenger rule resume --rule 602`}},
		{"a rule that is voided is paused", []rows{enough}, true, schedulePhase, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			for n, r := range row.rows {
				lookAt := any("now")
				if r.age == month {
					lookAt = "infinity"
				}
				exec(t, db.Pool(), comparedRows, r.rule, r.verdict, r.cause, r.age, lookAt, r.n, 1000*n)
			}
			if row.paused != "" {
				exec(t, db.Pool(), `insert into messenger.rule_pause (rule_id, phase, organisation_id, kind, reason, failures, fingerprint)
					values (602, $1, 101, 'throw', 'x', 9, '')`, row.paused)
			}
			exec(t, db.Avni().Pool(), `update message_rule set is_voided = $1 where id = 602`, row.voided)
			report, err := ParityReport(t.Context(), db.Pool(), ParityQuery{OrganisationID: avnitest.AshaGramin, Since: time.Now().Add(-ParityWindow)})
			if err != nil || len(report) != 1 {
				t.Fatal(report, err)
			}
			exec(t, db.Pool(), `truncate messenger.parity`)
			exec(t, db.Pool(), `delete from messenger.rule_pause where rule_id = 602`)
			want := append([]string{}, row.want...)
			if diff := cmp.Diff(want, report[0].NotReady); diff != "" || report[0].Ready != (len(want) == 0) {
				t.Errorf("ready is %t, because (-want +got):\n%s", report[0].Ready, diff)
			}
		})
	}
}

// TestNotReadyAlone says so where avni-server has nothing to compare with, for as long as
// the organisation is in shadow mode.
func TestNotReadyAlone(t *testing.T) {
	db := avnitest.New(t)
	exec(t, db.Pool(), comparedRows, 601, "same", "", time.Hour, "now", 20, 0)
	report := func() OrganisationParity {
		t.Helper()
		report, err := ParityReport(t.Context(), db.Pool(), ParityQuery{OrganisationID: avnitest.AshaGramin, Since: time.Now().Add(-ParityWindow)})
		if err != nil || len(report) != 1 {
			t.Fatal(report, err)
		}
		return report[0]
	}
	if err := db.Avni().SetMessagingEnabled(t.Context(), avnitest.AshaGramin, false); err != nil {
		t.Fatal(err)
	}
	if r := report(); !r.Ready {
		t.Errorf("shadow mode is over, and it is not ready: %q", r.NotReady)
	}
	exec(t, db.Pool(), `insert into messenger.parity_since (organisation_id) values (101)`)
	want := []string{"enableMessaging is not true, so that avni-server queues nothing to compare with: set it to true in the organisation's settings"}
	if r := report(); r.Ready || !slices.Equal(r.NotReady, want) {
		t.Errorf("ready is %t, because %q, want %q", r.Ready, r.NotReady, want)
	}
	if err := db.Avni().SetMessagingEnabled(t.Context(), avnitest.AshaGramin, true); err != nil {
		t.Fatal(err)
	}
	if r := report(); !r.Ready {
		t.Errorf("it is on, and not ready: %q", r.NotReady)
	}
}

// TestUnexplainedOfTheReport counts in the metric what the report counts.
func TestUnexplainedOfTheReport(t *testing.T) {
	s := openShadow(t)
	exec(t, s.db.Pool(), comparedRows, 601, "different", "", 8*24*time.Hour, "now", 5, 0)
	exec(t, s.db.Pool(), comparedRows, 602, "different", "", 6*24*time.Hour, "now", 2, 0)
	s.compare()
	if got := testutil.ToFloat64(s.worker.options.Metrics.differences.WithLabelValues("asha_gramin")); got != 2 {
		t.Errorf("%v unexplained differences are shown, want 2", got)
	}
}

// TestReadyIsDocumented keeps docs/parity.md as the code has it.
func TestReadyIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/parity.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		fmt.Sprintf("at least %d", parityLeast), fmt.Sprintf("longer than %.0f minutes", parityFresh.Minutes()),
		fmt.Sprintf("to %.0f s", runTakes.Seconds()), fmt.Sprintf("at most %.0f s", clocksDiffer.Seconds()),
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("docs/parity.md does not say %q", want)
		}
	}
}
