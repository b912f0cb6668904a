package rules

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// loadedCatalogue is a catalogue of the sample rules.
func loadedCatalogue(t testing.TB, db *avnitest.DB, dir Directory) *Catalogue {
	t.Helper()
	c := NewCatalogue(db.Pool(), dir, slog.New(slog.DiscardHandler), unregistered())
	if err := c.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

func ids(rules []Rule) []int64 {
	var ids []int64
	for _, r := range rules {
		ids = append(ids, r.ID)
	}
	return ids
}

func TestRulesByWhatTheyAreAbout(t *testing.T) {
	c := loadedCatalogue(t, avnitest.New(t), seedDirectory(Write))
	for _, test := range []struct {
		org    int32
		typ    EntityType
		typeID int32
		want   []int64
	}{
		{101, Subject, 301, []int64{601}}, // 606 is voided
		{101, Subject, 302, nil},
		{101, ProgramEnrolment, 401, []int64{602}},
		{101, ProgramEncounter, 501, []int64{603}},
		{101, Encounter, 502, []int64{604, 607}},
		{101, Encounter, 501, nil}, // encounter types are shared, rules are not
		{101, User, 0, []int64{605}},
		{101, User, 77, []int64{605}},
		{102, ProgramEncounter, 511, nil}, // the type is the parent's, the rule the child's
		{103, ProgramEncounter, 511, []int64{611}},
		{103, Subject, 311, []int64{612}},
		{999, Subject, 301, nil},
	} {
		if diff := cmp.Diff(test.want, ids(c.Rules(test.org, test.typ, test.typeID))); diff != "" {
			t.Errorf("rules of %d about %s %d: %s", test.org, test.typ, test.typeID, diff)
		}
	}
}

func TestReload(t *testing.T) {
	db := avnitest.New(t)
	reg := prometheus.NewRegistry()
	c := NewCatalogue(db.Pool(), seedDirectory(Write), slog.New(slog.DiscardHandler), NewMetrics(reg))
	if err := c.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := testutil.ToFloat64(c.metrics.rules); got != 8 {
		t.Errorf("catalog_rules is %v", got)
	}
	avni := db.Avni()
	if err := avni.VoidRule(t.Context(), 601); err != nil {
		t.Fatal(err)
	}
	id := must[int64](t)(avni.SaveRule(t.Context(), avnitest.RuleFields{Name: "New", EntityType: "Subject", EntityTypeID: 302, TemplateID: "7001"}))
	if diff := cmp.Diff([]int64{601}, ids(c.Rules(101, Subject, 301))); diff != "" {
		t.Errorf("before the reload: %s", diff)
	}
	if err := c.Reload(t.Context(), 103); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int64{601}, ids(c.Rules(101, Subject, 301))); diff != "" {
		t.Errorf("after another organisation's reload: %s", diff)
	}
	if err := c.Reload(t.Context(), 101); err != nil {
		t.Fatal(err)
	}
	if rules := c.Rules(101, Subject, 301); len(rules) != 0 {
		t.Errorf("voided rule still matches: %v", ids(rules))
	}
	if diff := cmp.Diff([]int64{id}, ids(c.Rules(101, Subject, 302))); diff != "" {
		t.Errorf("new rule: %s", diff)
	}
}

func TestKeep(t *testing.T) {
	dir := seedDirectory(Write)
	db := avnitest.New(t)
	c := loadedCatalogue(t, db, dir)
	nepalWithoutUserRules := cdc.Change{Table: cdc.Users, Op: cdc.Insert, ID: 1, OrganisationID: 103}
	for _, test := range []struct {
		name   string
		change cdc.Change
		want   bool
	}{
		{"insert of a type with a rule", cdc.Change{Table: cdc.Individual, Op: cdc.Insert, ID: 1, OrganisationID: 101, TypeID: 301}, true},
		{"update of a type with a rule", cdc.Change{Table: cdc.Individual, Op: cdc.Update, ID: 1, OrganisationID: 101, TypeID: 301}, true},
		{"type without a rule", cdc.Change{Table: cdc.Individual, Op: cdc.Insert, ID: 1, OrganisationID: 101, TypeID: 302}, false},
		{"void of a type without a rule", cdc.Change{Table: cdc.Individual, Op: cdc.Update, ID: 1, OrganisationID: 101, TypeID: 302, Voided: true}, true},
		{"same type id, other kind of visit", cdc.Change{Table: cdc.Encounter, Op: cdc.Insert, ID: 1, OrganisationID: 101, TypeID: 501}, false},
		{"visit of a programme", cdc.Change{Table: cdc.ProgramEncounter, Op: cdc.Insert, ID: 1, OrganisationID: 101, TypeID: 501}, true},
		{"enrolment", cdc.Change{Table: cdc.ProgramEnrolment, Op: cdc.Update, ID: 1, OrganisationID: 101, TypeID: 401}, true},
		{"parent's type in the child", cdc.Change{Table: cdc.ProgramEncounter, Op: cdc.Insert, ID: 1, OrganisationID: 103, TypeID: 511}, true},
		{"child's rule in the parent", cdc.Change{Table: cdc.ProgramEncounter, Op: cdc.Insert, ID: 1, OrganisationID: 102, TypeID: 511}, false},
		{"void where there are no rules", cdc.Change{Table: cdc.Individual, Op: cdc.Update, ID: 1, OrganisationID: 102, TypeID: 311, Voided: true}, false},
		{"new user", cdc.Change{Table: cdc.Users, Op: cdc.Insert, ID: 1, OrganisationID: 101}, true},
		{"saved user", cdc.Change{Table: cdc.Users, Op: cdc.Update, ID: 1, OrganisationID: 101}, false},
		{"voided user", cdc.Change{Table: cdc.Users, Op: cdc.Update, ID: 1, OrganisationID: 101, Voided: true}, true},
		{"new user, no user rule", nepalWithoutUserRules, false},
		{"user of no organisation", cdc.Change{Table: cdc.Users, Op: cdc.Insert, ID: 1}, false},
		{"other table", cdc.Change{Table: cdc.MessageRule, Op: cdc.Update, ID: 601, OrganisationID: 101}, false},
	} {
		if got := c.Keep(test.change); got != test.want {
			t.Errorf("%s: Keep is %v", test.name, got)
		}
	}
	visit := cdc.Change{Table: cdc.Individual, Op: cdc.Insert, ID: 1, OrganisationID: 101, TypeID: 301}
	for treatment, want := range map[Treatment]bool{Ignore: false, Wait: true, Compare: true, Write: true} {
		dir.treat(101, treatment)
		if got := c.Keep(visit); got != want {
			t.Errorf("treatment %s: Keep is %v", treatment, got)
		}
	}
	dir.orgs = map[int32]Organisation{}
	if c.Keep(visit) {
		t.Error("a change of an unknown organisation is kept")
	}
}

func TestUserRuleForSubjectsIsNone(t *testing.T) {
	db := avnitest.New(t)
	must[int64](t)(db.Avni().SaveRule(t.Context(), avnitest.RuleFields{OrganisationID: 103, Name: "Odd", EntityType: "User", ReceiverType: "Subject", TemplateID: "1"}))
	c := loadedCatalogue(t, db, seedDirectory(Write))
	if rules := c.Rules(103, User, 0); len(rules) != 0 {
		t.Errorf("a User rule with receiver Subject matches: %v", ids(rules))
	}
}
