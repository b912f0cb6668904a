package main

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/dispatch"
	"avni-messenger/dispatch/glific"
	"avni-messenger/internal/avnitest"
	"avni-messenger/metrics"
	"avni-messenger/rules"
)

func testDirectory(t *testing.T, db *avnitest.DB, environ ...string) (*directory, *lockedBuffer) {
	t.Helper()
	cfg, err := parseConfig(environ)
	if err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	d := newDirectory(db.Pool(), cfg, slog.New(slog.NewTextHandler(&log, nil)))
	if _, err := d.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d, &log
}

func TestDirectoryReadsOrganisations(t *testing.T) {
	db := avnitest.New(t)
	d, _ := testDirectory(t, db, "MESSENGER_MODE=full", "MESSENGER_SOLE_OWNER=true")
	want := []dispatch.Organisation{
		{ID: 101, Name: "asha_gramin", Region: "IN", VisibleIDs: []int32{101}, ActingUserID: 201,
			Glific: glific.Account{BaseURL: "http://127.0.0.1:4010/asha", Phone: "919999900001", Password: "glific-asha-pw"}},
		{ID: 103, Name: "seva_nepal", Region: "NP", VisibleIDs: []int32{103, 102}, ActingUserID: 211,
			Glific: glific.Account{BaseURL: "http://127.0.0.1:4010/seva", Phone: "977999900002", Password: "glific-seva-pw"}},
	}
	if diff := cmp.Diff(want, d.Delivering()); diff != "" {
		t.Errorf("delivering (-want +got):\n%s", diff)
	}
	got, ok := d.Organisation(103)
	wantRules := rules.Organisation{ID: 103, Name: "Seva Nepal", DBUser: "seva_nepal", UUID: "a1030000-0000-4000-8000-000000000103",
		VisibleIDs: []int32{103, 102}, AvniSystemUserID: 211, Treatment: rules.Write, Full: true}
	if diff := cmp.Diff(wantRules, got); !ok || diff != "" {
		t.Errorf("organisation 103 (-want +got):\n%s", diff)
	}
	if _, ok := d.Organisation(102); ok {
		t.Error("organisation 102 is served without a Glific configuration")
	}
	if changed, err := d.Load(t.Context()); changed || err != nil {
		t.Errorf("a second load says changed %v, error %v", changed, err)
	}
}

func TestDirectoryModes(t *testing.T) {
	const on, off = "true", "false"
	db := avnitest.New(t)
	for _, row := range []struct {
		name      string
		environ   []string
		messaging string // settings.enableMessaging as JSON
		treatment rules.Treatment
		delivers  bool
		status    metrics.Status
		detail    string // of /health
	}{
		{"shadow is the default", nil, on, rules.Compare, false, metrics.OK, "mode shadow"},
		{"full beside avni-server", []string{"MESSENGER_MODE=full"}, on, rules.Wait, false, metrics.Warning, "mode full, held back: enableMessaging is true"},
		{"full beside avni-server, text", []string{"MESSENGER_MODE=full"}, `"true"`, rules.Wait, false, metrics.Warning, "mode full, held back: enableMessaging is true"},
		{"full alone", []string{"MESSENGER_MODE=full"}, off, rules.Write, true, metrics.OK, "mode full"},
		{"full alone, null", []string{"MESSENGER_MODE=full"}, "null", rules.Write, true, metrics.OK, "mode full"},
		{"full alone, text", []string{"MESSENGER_MODE=full"}, `"no"`, rules.Write, true, metrics.OK, "mode full"},
		{"full as sole owner", []string{"MESSENGER_MODE=full", "MESSENGER_SOLE_OWNER=true"}, on, rules.Write, true, metrics.OK, "mode full"},
		{"dispatch", []string{"MESSENGER_MODE=dispatch"}, on, rules.Ignore, true, metrics.OK, "mode dispatch"},
		{"dispatch without messaging", []string{"MESSENGER_MODE=dispatch"}, off, rules.Ignore, false, metrics.Warning, "mode dispatch, held back: enableMessaging is not true"},
		{"rules off", []string{"MESSENGER_MODE=full", "MESSENGER_RULES=off"}, off, rules.Wait, true, metrics.OK, "mode full"},
		{"rules off in shadow", []string{"MESSENGER_RULES=off"}, on, rules.Wait, false, metrics.OK, "mode shadow"},
		{"dispatch off", []string{"MESSENGER_MODE=full", "MESSENGER_DISPATCH=off"}, off, rules.Write, false, metrics.OK, "mode full"},
		{"named by db_user", []string{"MESSENGER_ORGANISATIONS=asha_gramin=full,seva_nepal=none"}, off, rules.Write, true, metrics.OK, "mode full"},
		{"named by id", []string{"MESSENGER_ORGANISATIONS=101=full", "MESSENGER_MODE=none"}, off, rules.Write, true, metrics.OK, "mode full"},
	} {
		t.Run(row.name, func(t *testing.T) {
			execSQL(t, db, `update organisation_config set settings = jsonb_set(settings, '{enableMessaging}', $1::jsonb) where organisation_id = 101`, row.messaging)
			d, _ := testDirectory(t, db, row.environ...)
			got, ok := d.Organisation(101)
			if !ok || got.Treatment != row.treatment {
				t.Errorf("treatment is %v (known: %v), want %v", got.Treatment, ok, row.treatment)
			}
			if delivers := delivers(d, "asha_gramin"); delivers != row.delivers {
				t.Errorf("delivers is %v, want %v", delivers, row.delivers)
			}
			entry := entryOf(t, d, "organisation asha_gramin")
			if entry.Status != row.status || !strings.HasPrefix(entry.Detail, row.detail) || (entry.Fix == "") != (row.status == metrics.OK) {
				t.Errorf("health is %+v, want %s with %q", entry, row.status, row.detail)
			}
		})
	}
}

func TestDirectoryServesOnlyWhatItShould(t *testing.T) {
	db := avnitest.New(t)
	for _, row := range []struct {
		name    string
		environ string
		want    string
	}{
		{"all with a configuration", "MESSENGER_MODE=shadow", "asha_gramin, seva_nepal"},
		{"nobody", "MESSENGER_ORGANISATIONS=none", ""},
		{"nobody by mode", "MESSENGER_MODE=none", ""},
		{"one left out", "MESSENGER_ORGANISATIONS=asha_gramin=none", "seva_nepal"},
		{"the named and the others", "MESSENGER_ORGANISATIONS=asha_gramin=dispatch", "asha_gramin delivered, seva_nepal"},
		{"delivered by another process", "MESSENGER_ORGANISATIONS=asha_gramin=dispatch MESSENGER_DISPATCH=off", "asha_gramin delivered, seva_nepal"},
	} {
		t.Run(row.name, func(t *testing.T) {
			d, _ := testDirectory(t, db, strings.Fields(row.environ)...)
			var labels []string
			for _, o := range d.Served() {
				labels = append(labels, o.Label+map[bool]string{true: " delivered"}[o.Delivers])
			}
			if got := strings.Join(labels, ", "); got != row.want {
				t.Errorf("served are %q, want %q", got, row.want)
			}
		})
	}
}

func TestDirectoryNamesWhatIsWrong(t *testing.T) {
	const bySeva = "update external_system_config set config = "
	for _, row := range []struct {
		name, sql, named, entry, mode, reason string
	}{
		{"no such organisation", "", "asha_gramn=full", "MESSENGER_ORGANISATIONS", "", `"asha_gramn" is no organisation of this database`},
		{"named twice", "", "asha_gramin=shadow,101=full", "MESSENGER_ORGANISATIONS", "", "asha_gramin is named by db_user and by id: shadow stays in force, full is ignored"},
		{"no configuration", "", "seva_base=full", "organisation seva_base", "mode full, held back: ", "it has no Glific configuration of its own"},
		{"voided organisation", "update organisation set is_voided = true where id = 103", "seva_nepal=full", "organisation seva_nepal", "mode full, held back: ", "the organisation is voided"},
		{"voided configuration", "update external_system_config set is_voided = true", "seva_nepal=full", "organisation seva_nepal",
			"mode full, held back: ", "its Glific configuration (external_system_config 182) is voided"},
		{"not an object", bySeva + `'"x"'`, "seva_nepal=full", "organisation seva_nepal",
			"mode full, held back: ", "its Glific configuration (external_system_config 182) is unusable: config is not a JSON object"},
		{"wrong fields", bySeva + `'{"baseUrl":"glific","phone":977999900002,"password":""}'`, "seva_nepal=full", "organisation seva_nepal",
			"mode full, held back: ", "its Glific configuration (external_system_config 182) is unusable: phone is not a text, password is empty, avniSystemUser is missing, baseUrl is not an http or https address"},
		{"unknown system user", bySeva + `config || '{"avniSystemUser":"admin@asha"}'`, "seva_nepal=full", "organisation seva_nepal",
			"mode full, held back: ", `avniSystemUser "admin@asha" of its Glific configuration is no user of the organisation`},
		{"two configurations", `insert into external_system_config (id, organisation_id, version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time, system_name, config)
			select 190, organisation_id, version, created_by_id, last_modified_by_id, now(), now(), system_name, config from external_system_config where id = 182`, "seva_nepal=full",
			"organisation seva_nepal", "mode full, held back: ", "it has 2 Glific configurations (external_system_config 182 and 190)"},
		{"shadow goes on", bySeva + `'{}'`, "seva_nepal=shadow", "organisation seva_nepal", "mode shadow; ", "its Glific configuration (external_system_config 182) is unusable"},
	} {
		t.Run(row.name, func(t *testing.T) {
			db := avnitest.New(t)
			execSQL(t, db, `update organisation_config set settings = settings || '{"enableMessaging":false}'`)
			if row.sql != "" {
				execSQL(t, db, row.sql)
			}
			d, log := testDirectory(t, db, "MESSENGER_ORGANISATIONS="+row.named)
			entry := entryOf(t, d, row.entry)
			if entry.Status != metrics.Warning || !strings.HasPrefix(entry.Detail, row.mode+row.reason) || entry.Fix == "" {
				t.Errorf("health is %+v, want a warning with %q", entry, row.mode+row.reason)
			}
			if row.mode != "" && delivers(d, "seva_nepal") {
				t.Error("the queue is delivered nevertheless")
			}
			if told := strings.ReplaceAll(log.String(), `\"`, `"`); !strings.Contains(told, row.reason) {
				t.Errorf("the log does not tell:\n%s", told)
			}
			for _, secret := range []string{"glific-seva-pw", "977999900002"} {
				if strings.Contains(log.String()+entry.Detail, secret) {
					t.Errorf("a secret is shown: %s%s", log.String(), entry.Detail)
				}
			}
		})
	}
}

func TestDirectoryTellsEachChangeOnce(t *testing.T) {
	db := avnitest.New(t)
	d, log := testDirectory(t, db, "MESSENGER_ORGANISATIONS=asha_gramin=full,seva_nepal=none")
	steps := []struct {
		do   func() error
		want string
	}{
		{func() error { return nil }, ""},
		{func() error { return db.Avni().SetMessagingEnabled(t.Context(), 101, false) }, `msg="organisation is served" component=organisations organisation=asha_gramin mode=full`},
		{func() error { return db.Avni().SetGlificPassword(t.Context(), 101, "another") }, ""},
		{func() error { return db.Avni().SetMessagingEnabled(t.Context(), 101, true) }, `msg="organisation is held back`},
	}
	for i, step := range steps {
		before := len(log.String())
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if _, err := d.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		added := log.String()[before:]
		if strings.Count(added, "\n") != min(1, len(step.want)) || !strings.Contains(added, step.want) {
			t.Errorf("step %d logged %q, want one line with %q", i, added, step.want)
		}
	}
}

func TestDirectoryMetrics(t *testing.T) {
	db := avnitest.New(t)
	d, _ := testDirectory(t, db, "MESSENGER_ORGANISATIONS=asha_gramin=full")
	want := `
# HELP messenger_organisation_held Whether nothing is written and sent for an organisation although its mode says so; /health says why.
# TYPE messenger_organisation_held gauge
messenger_organisation_held{organisation="asha_gramin"} 1
messenger_organisation_held{organisation="seva_nepal"} 0
# HELP messenger_organisation_mode 1 for the mode of an organisation.
# TYPE messenger_organisation_mode gauge
messenger_organisation_mode{mode="full",organisation="asha_gramin"} 1
messenger_organisation_mode{mode="shadow",organisation="seva_nepal"} 1
`
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(d)
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "messenger_organisation_held", "messenger_organisation_mode"); err != nil {
		t.Error(err)
	}
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("lint says %v, %v", problems, err)
	}
}

func TestLineageEndsAtALoop(t *testing.T) {
	one, two, three := int32(1), int32(2), int32(3)
	parents := map[int32]*int32{1: &two, 2: &three, 3: &one, 4: &one, 5: nil}
	for id, want := range map[int32][]int32{1: {1, 2, 3}, 4: {4, 1, 2, 3}, 5: {5}, 6: {6}} {
		if diff := cmp.Diff(want, lineage(id, parents)); diff != "" {
			t.Errorf("lineage of %d (-want +got):\n%s", id, diff)
		}
	}
}

func delivers(d *directory, label string) bool {
	for _, o := range d.Delivering() {
		if o.Name == label {
			return true
		}
	}
	return false
}

func entryOf(t *testing.T, d *directory, name string) metrics.Entry {
	t.Helper()
	var names []string
	for _, e := range d.Entries(nil) {
		if e.Name == name {
			return e
		}
		names = append(names, e.Name)
	}
	t.Fatalf("/health has no entry %q, only %q", name, names)
	return metrics.Entry{}
}

// execSQL runs SQL as the owner of Avni's tables.
func execSQL(t *testing.T, db *avnitest.DB, sql string, args ...any) {
	t.Helper()
	if _, err := db.Avni().Pool().Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%.60s…: %v", sql, err)
	}
}
