package rules

import (
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"avni-messenger/internal/avnitest"
)

// TestOnlyWhatRulesTouchIsRead follows a batch of subjects from a rule that looks at their
// names to one that looks at their encounters, and back.
func TestOnlyWhatRulesTouchIsRead(t *testing.T) {
	r := openReading(t)
	base := []string{"individual", "user_group", "users"}
	ids := r.subjects(5, 2)
	found := r.load(Subject, ids...)
	r.reads.expect(t, "for names", base...)
	r.askAll(found, nameRule, "Asha")
	r.reads.expect(t, "by a rule that looks at names")

	r.askAll(found, encountersRule, "2")
	r.reads.expect(t, "by the first rule that looks at encounters", "encounter")

	found = r.load(Subject, ids...)
	r.reads.expect(t, "with the next batch", append([]string{"encounter"}, base...)...)
	r.askAll(found, encountersRule, "2")
	r.reads.expect(t, "when encounters are there")

	for range keptFor {
		r.load(Subject, ids[0])
	}
	r.reads.taken()
	found = r.load(Subject, ids...)
	r.reads.expect(t, "when no rule has looked at encounters for long", base...)
	r.askAll(found, encountersRule, "2")
	r.reads.expect(t, "when one does again", "encounter")
}

// TestEachPartIsOneQueryForTheBatch touches every part of the entities of a batch.
func TestEachPartIsOneQueryForTheBatch(t *testing.T) {
	r := openReading(t)
	for _, test := range []struct {
		typ   EntityType
		touch string
		want  []string
	}{
		{Subject, `e.lowestAddressLevel.name`, []string{"individual"}}, // joined with address_level
		{Subject, `e.enrolments.length`, []string{"program_enrolment"}},
		{Subject, `e.encounters.length`, []string{"encounter"}},
		{Subject, `e.groups.length`, []string{"group_subject", "individual"}},
		{Subject, `e.approvalStatuses.length`, []string{"entity_approval_status"}},
		{ProgramEnrolment, `e.encounters.length`, []string{"program_encounter"}},
		{ProgramEnrolment, `e.individual.enrolments.length`, []string{"program_enrolment"}},
		{ProgramEncounter, `e.programEnrolment.encounters.length`, []string{"program_encounter"}},
		{Encounter, `e.individual.encounters.length`, []string{"encounter"}},
		{Encounter, `e.approvalStatuses.length`, []string{"entity_approval_status"}},
	} {
		t.Run(string(test.typ)+" "+test.touch, func(t *testing.T) {
			r.loader.history = history{}
			rows := must[pgx.Rows](t)(r.db.Pool().Query(t.Context(), `select id::bigint from `+tableOf[test.typ]+` where organisation_id = 101 and id > 1000`))
			found := r.load(test.typ, must[[]int64](t)(pgx.CollectRows(rows, pgx.RowTo[int64]))...)
			if len(found) < 2 {
				t.Fatalf("%d entities are no batch", len(found))
			}
			r.reads.taken()
			rule := `({params: {entity: e}}) => ({parameters: [` + test.touch + `]})`
			answer := map[int64]string{}
			for id, e := range found {
				answer[id] = r.ask(e, test.typ, rule)[0]
			}
			r.reads.expect(t, "late", test.want...)
			found = r.load(test.typ, slices.Collect(maps.Keys(found))...)
			r.reads.taken()
			for id, e := range found {
				if got := r.ask(e, test.typ, rule)[0]; got != answer[id] {
					t.Errorf("%d: %q read with the batch, %q read late", id, got, answer[id])
				}
			}
			r.reads.expect(t, "late, though known to be touched")
		})
	}
}

const everyPart = partSet(1)<<partCount - 1

// TestLateIsWhatIsReadInAdvance compares all that rules can see, however it was read.
func TestLateIsWhatIsReadInAdvance(t *testing.T) {
	db := avnitest.New(t)
	engine, dir := must[*Engine](t)(sharedEngine()), seedDirectory(Write)
	for _, c := range contractCases {
		org := dir.the(c.org)
		learnt, eager := NewLoader(db.Pool()), NewLoader(db.Pool())
		whole := func(l *Loader) (string, any) {
			e := loadOne(t, l, org, c.typ, c.id)
			if l == eager && c.typ != User {
				if err := e.batch.readParts(t.Context(), everyPart); err != nil {
					t.Fatal(err)
				}
			}
			text := must[[]string](t)(engine.Parameters(t.Context(), org.ID, wholeRule, e.input(c.typ)))[0]
			return text, plain(t, e.contract)
		}
		want, contract := whole(eager)
		if len(want) < 500 && c.typ != User {
			t.Errorf("%s: rules see no more than %s", c.file, want)
		}
		for _, how := range []string{"late", "with the batch"} {
			got, gotContract := whole(learnt)
			if got != want {
				t.Errorf("%s, read %s:\n%s\nwant\n%s", c.file, how, got, want)
			}
			if diff := cmp.Diff(contract, gotContract); diff != "" {
				t.Errorf("%s, read %s (-in advance +got):\n%s", c.file, how, diff)
			}
		}
	}
}

// TestHabitsAreEachAudiencesOwn has one message rule look at encounters.
func TestHabitsAreEachAudiencesOwn(t *testing.T) {
	r := openReading(t)
	load := func(ruleID int64) *entity {
		return must[map[int64]*entity](t)(r.loader.loadFor(t.Context(), r.org, Subject, []int64{1001}, systemUser, ruleID))[1001]
	}
	r.ask(load(1), Subject, encountersRule)
	r.reads.taken()
	load(2)
	load(0)
	if tables := r.reads.taken(); slices.Contains(tables, "encounter") {
		t.Errorf("read for rules that never looked at encounters: %v", tables)
	}
	load(1)
	if tables := r.reads.taken(); !slices.Contains(tables, "encounter") {
		t.Errorf("read for the rule that does: %v", tables)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	var h history
	for id := range int32(maxHabits + 100) {
		h.of(audience{organisationID: id})
	}
	if len(h.habits) > maxHabits {
		t.Errorf("%d audiences are remembered, want at most %d", len(h.habits), maxHabits)
	}
}

// TestConceptsAreReadWhenTouched reads none for names, and those in use with the types.
func TestConceptsAreReadWhenTouched(t *testing.T) {
	r := openReading(t)
	const weightRule = `({params}) => ({parameters: [params.entity.getObservationReadableValue('Weight')]})`
	clock := time.Now()
	r.loader.now = func() time.Time { return clock }
	found := r.load(Subject, 1001, 1002)
	r.ask(found[1001], Subject, nameRule)
	if tables := r.reads.taken(); slices.Contains(tables, "concept") {
		t.Errorf("read for names: %v", tables)
	}
	r.ask(found[1001], Subject, weightRule)
	r.ask(found[1002], Subject, weightRule)
	r.reads.expect(t, "for observations", "concept", "concept_answer")

	clock = clock.Add(referenceAge)
	found = r.load(Subject, 1001, 1002)
	if tables := r.reads.taken(); !slices.Contains(tables, "concept") || !slices.Contains(tables, "subject_type") {
		t.Errorf("read when definitions are old: %v", tables)
	}
	r.ask(found[1001], Subject, weightRule)
	r.reads.expect(t, "for observations whose concepts are known")
}

// TestRowsStayAsTheyWereReadFirst changes an encounter between the reading of itself and of
// its subject's encounters.
func TestRowsStayAsTheyWereReadFirst(t *testing.T) {
	r := openReading(t)
	e := r.load(Encounter, 1002)[1002]
	exec(t, r.db.Avni().Pool(), `update encounter set name = 'Changed' where id = 1002`)
	got := r.ask(e, Encounter, `({params: {entity: e}}) => ({parameters: [e.name, e.individual.encounters.find(o => o.uuid === e.uuid).name]})`)
	if got[0] != got[1] || got[0] == "Changed" {
		t.Errorf("one encounter has the names %q", got)
	}
}

// TestManyGoroutinesShareAHistory has each load batches of its own.
func TestManyGoroutinesShareAHistory(t *testing.T) {
	r := openReading(t)
	ids := r.subjects(3, 2)
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Go(func() {
			for range 10 {
				found, err := r.loader.load(t.Context(), r.org, Subject, ids, lastSaver)
				if err != nil {
					t.Error(err)
					return
				}
				rule, want := nameRule, "Asha"
				if n%2 == 0 {
					rule, want = encountersRule, "2"
				}
				for _, id := range ids {
					got, err := r.engine.Parameters(t.Context(), int32(n+1), rule, found[id].input(Subject))
					if err != nil || got[0] != want {
						t.Errorf("%q, %v; want %q", got, err, want)
					}
				}
			}
		})
	}
	wg.Wait()
}
