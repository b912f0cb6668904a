package rules

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// notebook is a log that may be read while it is written.
type notebook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (n *notebook) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.text.Write(p)
}

// lines returns the log's lines with a text in them.
func (n *notebook) lines(with string) (found []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for line := range strings.Lines(n.text.String()) {
		if strings.Contains(line, with) {
			found = append(found, line)
		}
	}
	return found
}

func withLog(n *notebook) func(*WorkerOptions) {
	return func(w *WorkerOptions) { w.Log = slog.New(slog.NewTextHandler(n, nil)) }
}

// troubles are what fails, without the times.
func (o *office) troubles(f *Failures) []Trouble {
	o.Helper()
	found := f.Current()
	for i := range found {
		if age := time.Since(found[i].Since); age < 0 || age > time.Minute {
			o.Errorf("rule %d fails since %s", found[i].RuleID, found[i].Since)
		}
	}
	return found
}

func (o *office) expectTroubles(f *Failures, want ...Trouble) {
	o.Helper()
	if diff := cmp.Diff(want, o.troubles(f), cmpopts.IgnoreFields(Trouble{}, "Since", "Fix"), cmpopts.EquateEmpty()); diff != "" {
		o.Errorf("rules that fail (-want +got):\n%s", diff)
	}
}

// broken is the sample's broken rule.
func broken(times int) Trouble {
	return Trouble{Organisation: "asha_gramin", RuleID: 607, RuleName: "Broken schedule rule", Script: "schedule", Kind: FailedThrow,
		Text: "TypeError: Cannot read property 'here' of undefined (line 1, column 76)", Times: times}
}

func TestLogTellsWhichRuleFailedAndWhatToDo(t *testing.T) {
	var log notebook
	o := openOffice(t, Write, withLog(&log))
	rule := o.saveRule(avnitest.RuleFields{Name: "No phone", EntityType: "Subject", EntityTypeID: 301, MessageRule: `x`,
		ScheduleRule: `({params}) => { throw new Error('no phone for ' + params.entity.firstName) }`})
	o.saved(cdc.Encounter, 1002)
	o.saved(cdc.Encounter, 1002)
	o.saved(cdc.Individual, 1001) // Asha
	o.saved(cdc.Individual, 1002) // Ramesh
	for _, want := range []string{
		`level=WARN msg="rule failed" component=rules organisation=asha_gramin rule=607 name="Broken schedule rule" phase=schedule reason=throw ` +
			`entity_type=Encounter entity=1002 err="TypeError: Cannot read property 'here' of undefined (line 1, column 76)" ` +
			`fix="Correct its schedule rule in Avni's web app, or the data that it stumbles over. The error's whole text: select at, entity_id, reason from messenger.trigger_log where rule_id = 607 order by id desc limit 5;"`,
		`name="No phone" phase=schedule reason=throw entity_type=Subject entity=1001 err="Error with a text that may be personal (line 1, column 23)"`,
	} {
		if got := log.lines(want); len(got) != 1 {
			t.Errorf("the log has %d lines with %s", len(got), want)
		}
	}
	if got := log.lines(""); len(got) != 2 || strings.Contains(strings.Join(got, ""), "Asha") {
		t.Errorf("two errors, twice each, made %d lines, or told a name:\n%s", len(got), got)
	}
	if n := o.count(`select count(*) from messenger.trigger_log where rule_id = $1 and outcome = 'failed' and reason like 'throw: Error: no phone for %'`, rule); n != 2 {
		t.Errorf("the trigger log has the whole text of %d failures, want 2", n)
	}
}

func TestLogNamesOrganisationsByDBUser(t *testing.T) {
	var log notebook
	o := openOffice(t, Write, withLog(&log), withEngine(engineFunc(func(context.Context, int32, string) (Schedule, error) {
		return Schedule{}, errors.New("no runtime")
	})))
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1001)
	o.work()
	if got := log.lines("change put off"); len(got) != 1 || !strings.Contains(got[0], "organisation=asha_gramin ") {
		t.Errorf("log is %s", got)
	}
	if got := labelOf(o.dir, 9); got != "9" {
		t.Errorf("an unknown organisation is %s", got)
	}
}

func TestRuleFailsUntilItAnswers(t *testing.T) {
	var log notebook
	var late atomic.Int64
	o := openOffice(t, Write, withLog(&log), func(w *WorkerOptions) {
		w.Now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	})
	f := o.worker.options.Failures
	moody := o.saveRule(avnitest.RuleFields{Name: "Moody", EntityType: "Subject", EntityTypeID: 301, MessageRule: `x`,
		ScheduleRule: `({params}) => ({shouldSend: params.entity.firstName === 'Ramesh' ? 'perhaps' : false})`})
	o.expectTroubles(f)
	o.saved(cdc.Encounter, 1002)
	o.saved(cdc.Individual, 1002)
	o.saved(cdc.Encounter, 1002)
	o.expectTroubles(f, broken(2), Trouble{Organisation: "asha_gramin", RuleID: moody, RuleName: "Moody", Script: "schedule", Kind: FailedResult,
		Text: "shouldSend must be true or false, but it is a text", Times: 1})
	o.saved(cdc.Individual, 1001)
	o.expectTroubles(f, broken(2))
	if got := log.lines("rule answers again"); len(got) != 1 || !strings.Contains(got[0], "name=Moody") {
		t.Errorf("log is %s", got)
	}

	o.dir.treat(101, Ignore)
	o.expectTroubles(f)
	o.dir.treat(101, Write)
	late.Store(int64(failedLately + time.Hour))
	if got := f.Current(); len(got) != 0 {
		t.Errorf("what failed long ago is told: %v", got)
	}
}

func TestRuleThatIsChangedOrVoidedFailsNoMore(t *testing.T) {
	o := openOffice(t, Compare, withEngine(engineWith(t, EngineOptions{Timeout: 500 * time.Millisecond})))
	f := o.worker.options.Failures
	o.saved(cdc.Encounter, 1002)
	o.expectTroubles(f, broken(1))
	o.saveRule(avnitest.RuleFields{ID: 607, Name: "Broken schedule rule", EntityType: "Encounter", EntityTypeID: 502, ReceiverType: "User",
		ScheduleRule: `() => { for (;;); }`})
	o.expectTroubles(f)
	o.saved(cdc.Encounter, 1002)
	looping := Trouble{Organisation: "asha_gramin", RuleID: 607, RuleName: "Broken schedule rule", Script: "schedule", Kind: FailedTimeout,
		Text: "the rule ran for more than 500ms (line 1, column 1)", Times: 1}
	o.expectTroubles(f, looping)
	if err := o.avni.VoidRule(t.Context(), 607); err != nil {
		t.Fatal(err)
	}
	if err := o.catalogue.Reload(t.Context(), 101); err != nil {
		t.Fatal(err)
	}
	o.expectTroubles(f)
}

// TestFailuresSurviveRestart asks a process that has just begun, and sees that its
// answer is the old process's at every step.
func TestFailuresSurviveRestart(t *testing.T) {
	o := openOffice(t, Compare)
	expect := func(want ...Trouble) {
		t.Helper()
		o.expectTroubles(o.worker.options.Failures, want...)
		fresh := NewFailures(FailuresOptions{Pool: o.db.Pool(), Catalogue: o.catalogue, Directory: o.dir})
		for range 2 { // as often as it likes
			if err := fresh.restore(t.Context()); err != nil {
				t.Fatal(err)
			}
			o.expectTroubles(fresh, want...)
		}
	}
	expect()
	o.saved(cdc.Encounter, 1002)
	o.saved(cdc.Encounter, 1003)
	expect(broken(2))
	// Void and take back: what is logged of a void is no answer of the rule.
	exec(t, o.avni.Pool(), `insert into message_request_queue (uuid, organisation_id, message_rule_id, message_receiver_id, entity_id, scheduled_date_time, delivery_status, version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		values ('607', 101, 607, 903, 1003, now(), 'NotSent', 0, 202, 202, now(), now()); update encounter set is_voided = true where id = 1003`)
	o.saved(cdc.Encounter, 1003)
	o.expectLog(cdc.Encounter, 1003, "604 would_skip", "607 would_fail", "607 would_void")
	expect(broken(2))
	repaired := avnitest.RuleFields{ID: 607, Name: "Broken schedule rule", EntityType: "Encounter", EntityTypeID: 502, ReceiverType: "User",
		ScheduleRule: `({params}) => ({shouldSend: params.entity.encounterDateTime ? false : undefined.sense})`}
	o.saveRule(repaired)
	expect()
	o.saved(cdc.Encounter, 1002)
	expect()
	o.saved(cdc.Encounter, 1001)
	half := broken(1)
	half.Text = "TypeError: Cannot read property 'sense' of undefined (line 1, column 81)"
	expect(half)
	o.saved(cdc.Encounter, 1002)
	expect()
}

// What other processes saw is taken over, what this one saw meanwhile stays.
func TestRestoreKeepsWhatIsNewer(t *testing.T) {
	o := openOffice(t, Write)
	o.saved(cdc.Encounter, 1002)
	f := NewFailures(FailuresOptions{Pool: o.db.Pool(), Catalogue: o.catalogue, Directory: o.dir})
	rule, _ := o.catalogue.active(101, 603)
	f.ran(o.dir.the(101), rule, messagePhase, &Failure{Kind: FailedThrow, Message: "the rule's promise never settles"})
	if err := f.restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	o.expectTroubles(f, Trouble{Organisation: "asha_gramin", RuleID: 603, RuleName: "ANC reminder", Script: "message", Kind: FailedThrow,
		Text: "the rule's promise never settles", Times: 1}, broken(1))
	// Another process got an answer.
	exec(t, o.db.Pool(), `insert into messenger.trigger_log (source_table, entity_id, organisation_id, rule_id, outcome, committed_at, commit_lsn)
		values ('encounter', 1, 101, 607, 'scheduled', now(), '0/1')`)
	if err := f.restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := f.Current(); len(got) != 1 || got[0].RuleID != 603 {
		t.Errorf("after an answer elsewhere these fail: %v", got)
	}
}

func TestMessageRuleThatFails(t *testing.T) {
	d := openDesk(t)
	exec(t, d.avni.Pool(), `update message_rule set message_rule = '({params}) => { if (params.entity.firstName === "Asha") params.nothing.here; return {parameters: []} }' where id = 601`)
	if err := d.options.Catalogue.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, _, err := d.Parameters(t.Context(), Render{101, 601, 1001})
	failureOf(t, err, FailedThrow)
	if got := d.options.Failures.Current(); len(got) != 1 || got[0].Script != "message" || got[0].RuleID != 601 || !strings.Contains(got[0].Fix, "messenger.delivery") {
		t.Errorf("these fail: %+v", got)
	}
	if _, _, err := d.Parameters(t.Context(), Render{101, 601, 1002}); err != nil {
		t.Fatal(err)
	}
	if got := d.options.Failures.Current(); len(got) != 0 {
		t.Errorf("the rule answered, but these fail: %+v", got)
	}
}
