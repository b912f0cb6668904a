package rules

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/internal/avnitest"
)

const (
	phoneConcept  = "f0000000-0000-4000-8000-000000000701"
	weightConcept = "f0000000-0000-4000-8000-000000000712"
)

// made is a contract value, read and converted if it is not yet.
func made(t testing.TB, value any) any {
	t.Helper()
	var err error
	switch unmade := value.(type) {
	case Lazy:
		value, err = unmade()
	case Late:
		value, err = unmade(lateReaderOf(t))
	}
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// lateReaderOf reads what nobody waits for.
func lateReaderOf(t testing.TB) *lateReader {
	return &lateReader{wait: func(query func(context.Context) error) error { return query(t.Context()) }}
}

// dig follows names through records, converting what is lazy; a number picks from a list.
func dig(t *testing.T, value any, path ...any) any {
	t.Helper()
	for _, step := range path {
		value = made(t, value)
		switch step := step.(type) {
		case string:
			record, ok := value.(*Record)
			if !ok {
				t.Fatalf("%v of %v: %T is no record", step, path, value)
			}
			value, _ = record.Get(step)
		case int:
			list, ok := value.(List)
			if !ok || step >= len(list) {
				t.Fatalf("%v of %v: %T has no such element", step, path, value)
			}
			value = list[step]
		}
	}
	return made(t, value)
}

// valueOf finds the value of the concept in a list of observations.
func valueOf(t *testing.T, observations any, concept string) any {
	t.Helper()
	observations = made(t, observations)
	for i := range observations.(List) {
		if dig(t, observations, i, "concept", "uuid") == concept {
			return dig(t, observations, i, "value")
		}
	}
	t.Fatalf("no observation of %s", concept)
	return nil
}

// loadOne loads one entity that must be there.
func loadOne(t *testing.T, l *Loader, org Organisation, typ EntityType, id int64) *entity {
	t.Helper()
	found, err := l.load(t.Context(), org, typ, []int64{id}, lastSaver)
	if err != nil {
		t.Fatal(err)
	}
	if found[id] == nil {
		t.Fatalf("%s %d not found", typ, id)
	}
	return found[id]
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func exec(t testing.TB, pool *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(context.WithoutCancel(t.Context()), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func TestImprovementsOnAvniServersContract(t *testing.T) {
	db := avnitest.New(t)
	l, asha := NewLoader(db.Pool()), seedDirectory(Write).the(avnitest.AshaGramin)

	visit := loadOne(t, l, asha, ProgramEncounter, 1003).contract
	if got := dig(t, visit, "cancelDateTime"); got != "2024-01-21T04:30:00.000Z" {
		t.Errorf("cancelDateTime of a program encounter is %v", got)
	}
	if got := dig(t, visit, "encounterType", "uuid"); got != "92000000-0000-4000-8000-000000000503" {
		t.Errorf("encounterType.uuid of a program encounter is %v", got)
	}
	encounter := loadOne(t, l, asha, Encounter, 1003).contract
	got := valueOf(t, dig(t, encounter, "cancelObservations"), "f0000000-0000-4000-8000-000000000726")
	if got != "f0000000-0000-4000-8000-000000000727" {
		t.Errorf("cancelObservations of an encounter hold %v", got)
	}
}

func TestFacts(t *testing.T) {
	db := avnitest.New(t)
	avni := db.Avni()
	l, asha := NewLoader(db.Pool()), seedDirectory(Write).the(avnitest.AshaGramin)
	if err := avni.VoidEnrolment(t.Context(), 1001); err != nil {
		t.Fatal(err)
	}
	exec(t, avni.Pool(), `update program_encounter set created_by_id = 203, last_modified_by_id = 1 where id = 1001`)

	e := loadOne(t, l, asha, ProgramEncounter, 1001)
	e.contract, e.user, e.userGroups, e.habit, e.batch = nil, nil, nil, nil, nil
	want := &entity{id: 1001, uuid: "30000000-0000-4000-8000-000000001001", typeID: 501, subjectID: 1001,
		enrolmentID: 1001, enrolmentVoided: true, createdByID: 203,
		actingUserID: 201, savedBy: 1, // user 1 is of no organisation: avni-server could not show it
		savedAt: e.savedAt}
	if diff := cmp.Diff(want, e, cmp.AllowUnexported(entity{})); diff != "" {
		t.Error(diff)
	}
	if want := time.Date(2024, time.February, 1, 5, 0, 0, 0, time.UTC); !e.savedAt.Equal(want) {
		t.Errorf("saved at %s, want %s", e.savedAt, want)
	}
	if got := e.withdrawn(ProgramEncounter); got != "ProgramEnrolment 1001 is voided" {
		t.Errorf("withdrawn: %q", got)
	}
	if got := loadOne(t, l, asha, Subject, 1005).withdrawn(Subject); got != "Subject 1005 is voided" {
		t.Errorf("withdrawn: %q", got)
	}
}

func TestOtherOrganisationsRowsAreNotFound(t *testing.T) {
	db := avnitest.New(t)
	l, dir := NewLoader(db.Pool()), seedDirectory(Write)
	for typ, id := range map[EntityType]int64{Subject: 1101, ProgramEnrolment: 1101, ProgramEncounter: 1101, Encounter: 9999, User: 212} {
		found, err := l.load(t.Context(), dir.the(avnitest.AshaGramin), typ, []int64{id}, lastSaver)
		if err != nil || len(found) != 0 {
			t.Errorf("%s %d: %v, %v", typ, id, found, err)
		}
	}
}

func TestOwnConceptWinsOverParents(t *testing.T) {
	db := avnitest.New(t)
	l, nepal := NewLoader(db.Pool()), seedDirectory(Write).the(avnitest.SevaNepal)
	const weight = "f0000000-0000-4000-8000-000000000752"
	name := func() any {
		observations := dig(t, loadOne(t, l, nepal, Subject, 1101).contract, "observations")
		for i := range observations.(List) {
			if dig(t, observations, i, "concept", "uuid") == weight {
				return dig(t, observations, i, "concept", "name")
			}
		}
		return nil
	}
	if got := name(); got != "Weight" {
		t.Fatalf("the parent's concept is called %v", got)
	}
	exec(t, db.Avni().Pool(), `insert into concept (uuid, name, data_type, version, organisation_id, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		values ($1, 'Own weight', 'Numeric', 0, 103, 211, 211, now(), now())`, weight)
	if got := name(); got != "Weight" {
		t.Errorf("cached concepts were read again: %v", got)
	}
	l.Forget(avnitest.SevaNepal)
	if got := name(); got != "Own weight" {
		t.Errorf("the own concept is called %v", got)
	}
}

func TestForgettingParentForgetsChild(t *testing.T) {
	db := avnitest.New(t)
	l, nepal := NewLoader(db.Pool()), seedDirectory(Write).the(avnitest.SevaNepal)
	first := func() any {
		return dig(t, loadOne(t, l, nepal, Subject, 1101).contract, "observations", 0, "concept", "name")
	}
	first()
	exec(t, db.Avni().Pool(), `update concept set name = 'Telephone' where id = 751`)
	l.Forget(avnitest.AshaGramin)
	if got := first(); got != "Contact phone" {
		t.Errorf("forgetting another organisation dropped the cache: %v", got)
	}
	l.Forget(avnitest.SevaBase)
	if got := first(); got != "Telephone" {
		t.Errorf("the parent's changed concept is still %v", got)
	}
}

func TestDefinitionsAreReadAgainWhenOldOrMissing(t *testing.T) {
	db := avnitest.New(t)
	l, asha := NewLoader(db.Pool()), seedDirectory(Write).the(avnitest.AshaGramin)
	clock := time.Now()
	l.now = func() time.Time { return clock }
	typeName := func(id int64) any {
		return dig(t, loadOne(t, l, asha, Encounter, id).contract, "encounterType", "name")
	}
	typeName(1002)
	exec(t, db.Avni().Pool(), `update encounter_type set name = 'Call' where id = 502`)
	if got := typeName(1002); got != "Home Visit" {
		t.Errorf("types were read again at once: %v", got)
	}
	clock = clock.Add(referenceAge)
	if got := typeName(1002); got != "Call" {
		t.Errorf("after %s the type is still %v", referenceAge, got)
	}
	exec(t, db.Avni().Pool(), `insert into encounter_type (id, name, uuid, version, organisation_id, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		values (599, 'New visit', 'new-type', 0, 101, 201, 201, now(), now())`)
	exec(t, db.Avni().Pool(), `update encounter set encounter_type_id = 599 where id = 1002`)
	if got := typeName(1002); got != "New visit" {
		t.Errorf("a type made after the cache is %v", got)
	}
}

func TestMissingConceptAndGenderDoNotFail(t *testing.T) {
	db := avnitest.New(t)
	l, asha := NewLoader(db.Pool()), seedDirectory(Write).the(avnitest.AshaGramin)
	exec(t, db.Avni().Pool(), `update individual set gender_id = 33, address_id = null, -- 33 is another organisation's
		observations = '{"no-such-concept": 1, "`+weightConcept+`": 61}' where id = 1002`)
	s := loadOne(t, l, asha, Subject, 1002).contract
	if got := dig(t, s, "gender"); got != nil {
		t.Errorf("gender is %v", got)
	}
	if got := dig(t, s, "lowestAddressLevel").(*Record); len(got.Names()) != 0 {
		t.Errorf("lowestAddressLevel has %v", got.Names())
	}
	observations := dig(t, s, "observations").(List)
	if len(observations) != 1 || dig(t, observations, 0, "value") != int64(61) {
		t.Errorf("observations are %v", plain(t, observations))
	}
}
