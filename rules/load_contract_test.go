package rules

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
)

// contractCases are what avni-server sends for some of the sample rows, as recorded
// from it.
var contractCases = []struct {
	file   string
	org    int32
	typ    EntityType
	id     int64
	acting actor
}{
	{"subject", avnitest.AshaGramin, Subject, 1001, lastSaver},
	{"encounter", avnitest.AshaGramin, Encounter, 1002, lastSaver},
	{"enrolment", avnitest.AshaGramin, ProgramEnrolment, 1001, lastSaver},
	{"program_encounter", avnitest.AshaGramin, ProgramEncounter, 1001, lastSaver},
	{"program_encounter_nepal", avnitest.SevaNepal, ProgramEncounter, 1101, lastSaver},
	{"user", avnitest.AshaGramin, User, 202, lastSaver},
}

func TestContractIsWhatAvniServerSends(t *testing.T) {
	db := avnitest.New(t)
	dir := seedDirectory(Write)
	loader := NewLoader(db.Pool())
	for _, c := range contractCases {
		t.Run(c.file, func(t *testing.T) {
			body := recorded(t, c.file)
			setApprovalDates(t, db, body)
			found, err := loader.load(t.Context(), dir.the(c.org), c.typ, []int64{c.id}, c.acting)
			if err != nil {
				t.Fatal(err)
			}
			e := found[c.id]
			if e == nil {
				t.Fatal("not found")
			}
			compareJSON(t, "entity", body["entity"], plain(t, e.contract))
			if e.user == nil {
				t.Fatal("no acting user")
			}
			compareJSON(t, "currentUser", body["currentUser"], plain(t, e.user))
			compareJSON(t, "myUserGroups", body["myUserGroups"], plain(t, e.userGroups))
		})
	}
}

func recorded(t *testing.T, name string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "contract_"+name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(text, &body); err != nil {
		t.Fatal(err)
	}
	return body
}

func compareJSON(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(normalised(want), normalised(got)); diff != "" {
		t.Errorf("%s (-avni-server +ours):\n%s", what, diff)
	}
}

// normalised sorts lists of observations, which in avni-server have the order of a hash
// map, and takes out what is ours on purpose.
func normalised(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, field := range v {
			out[name] = normalised(field)
		}
		withoutImprovements(out)
		return out
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			out[i] = normalised(one)
		}
		slices.SortStableFunc(out, func(x, y any) int { return strings.Compare(conceptOf(x), conceptOf(y)) })
		return out
	}
	return v
}

// withoutImprovements takes out an encounter's cancelObservations, a program
// encounter's cancelDateTime and its type's uuid, which avni-server never fills.
func withoutImprovements(object map[string]any) {
	if _, visit := object["cancelDateTime"]; !visit {
		return
	}
	if _, programEncounter := object["programEnrolment"]; !programEncounter {
		delete(object, "cancelObservations")
		return
	}
	delete(object, "cancelDateTime")
	delete(object["encounterType"].(map[string]any), "uuid")
}

// conceptOf is the concept's uuid of an observation, empty for anything else.
func conceptOf(v any) string {
	observation, _ := v.(map[string]any)
	if _, ok := observation["value"]; !ok {
		return ""
	}
	concept, _ := observation["concept"].(map[string]any)
	uuid, _ := concept["uuid"].(string)
	return uuid
}

// setApprovalDates gives Avni's approval statuses the dates that they had in the
// database that the contracts were recorded from.
func setApprovalDates(t *testing.T, db *avnitest.DB, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		if status, ok := v["approvalStatus"].(map[string]any); ok {
			_, err := db.Avni().Pool().Exec(t.Context(), `update approval_status set created_date_time = $2::text::timestamptz, last_modified_date_time = $3::text::timestamptz where id = $1`,
				int64(status["id"].(float64)), status["createdDateTime"], status["lastModifiedDateTime"])
			if err != nil {
				t.Fatal(err)
			}
		}
		for _, field := range v {
			setApprovalDates(t, db, field)
		}
	case []any:
		for _, one := range v {
			setApprovalDates(t, db, one)
		}
	}
}

func TestFieldsAreInTheOrderOfAvniServer(t *testing.T) {
	db := avnitest.New(t)
	dir := seedDirectory(Write)
	loader := NewLoader(db.Pool())
	for _, c := range contractCases {
		found, err := loader.load(t.Context(), dir.the(c.org), c.typ, []int64{c.id}, c.acting)
		if err != nil {
			t.Fatal(err)
		}
		compareOrder(t, c.file, readInput(t, c.file).Entity, found[c.id].contract)
	}
}

// compareOrder compares the names of two records and of the records in their fields.
func compareOrder(t *testing.T, where string, want, got *Record) {
	t.Helper()
	names := slices.DeleteFunc(slices.Clone(got.Names()), func(name string) bool {
		_, there := want.Get(name)
		return !there && name == "uuid" // of a program encounter's type
	})
	if diff := cmp.Diff(want.Names(), names); diff != "" {
		t.Errorf("%s (-avni-server +ours):\n%s", where, diff)
	}
	for _, name := range want.Names() {
		w, _ := want.Get(name)
		g, _ := got.Get(name)
		compareOrderOfValues(t, where+"."+name, w, g)
	}
}

func compareOrderOfValues(t *testing.T, where string, want, got any) {
	t.Helper()
	got = made(t, got)
	switch w := want.(type) {
	case *Record:
		if g, ok := got.(*Record); ok {
			compareOrder(t, where, w, g)
		}
	case List:
		g, ok := got.(List)
		if !ok || strings.HasSuffix(strings.ToLower(where), "observations") {
			return
		}
		for i := range min(len(w), len(g)) {
			compareOrderOfValues(t, where, w[i], g[i])
		}
	}
}
