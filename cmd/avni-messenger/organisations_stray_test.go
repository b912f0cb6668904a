package main

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/internal/avnitest"
	"avni-messenger/metrics"
	"avni-messenger/rules"
)

// With a misspelt name the organisation that was meant would follow MESSENGER_MODE, and
// go live with full: all that are not named wait until the name is corrected.
func TestUnknownNameHoldsWhatMayBeMeant(t *testing.T) {
	db := avnitest.New(t)
	for _, organisation := range []int32{avnitest.AshaGramin, avnitest.SevaNepal} {
		if err := db.Avni().SetMessagingEnabled(t.Context(), organisation, false); err != nil {
			t.Fatal(err)
		}
	}
	const doubt = ", which this database does not have: this organisation may be meant, and would follow MESSENGER_MODE="
	for _, row := range []struct {
		name, mode, named string
		asha, seva        rules.Treatment
		reason            string // why seva_nepal is held; "" if it is not
	}{
		{"misspelt", "full", "ashagramin=shadow", rules.Wait, rules.Wait, `"ashagramin" (the nearest is asha_gramin)` + doubt + "full"},
		{"capitals", "full", "Asha_Gramin=shadow", rules.Wait, rules.Wait, `"Asha_Gramin" (the nearest is asha_gramin)` + doubt + "full"},
		{"name instead of db_user", "full", "Seva Nepal=shadow", rules.Wait, rules.Wait, `"Seva Nepal" (the nearest is seva_nepal)` + doubt + "full"},
		{"unknown id", "full", "110=shadow", rules.Wait, rules.Wait, `"110" (the nearest is 101, asha_gramin)` + doubt + "full"},
		{"nothing near", "full", "mahila_samiti=full", rules.Wait, rules.Wait, `"mahila_samiti"` + doubt + "full"},
		{"one digit", "full", "9=none", rules.Wait, rules.Wait, `"9"` + doubt + "full"},
		{"two unknown", "full", "ashagramin=shadow,110=none", rules.Wait, rules.Wait,
			`"ashagramin" (the nearest is asha_gramin), "110" (the nearest is 101, asha_gramin)` + doubt + "full"},
		{"changes wait in dispatch too", "dispatch", "ashagramin=full", rules.Wait, rules.Wait, `"ashagramin" (the nearest is asha_gramin)` + doubt + "dispatch"},
		{"the named go on", "full", "asha_gramin=full,asha_gramn=shadow", rules.Write, rules.Wait, `"asha_gramn" (the nearest is asha_gramin)` + doubt + "full"},
		{"the nearest is one not named", "full", "asha_gramin=full,sea_nepal=shadow", rules.Write, rules.Wait, `"sea_nepal" (the nearest is seva_nepal)` + doubt + "full"},
		{"shadow needs no holding", "shadow", "ashagramin=full", rules.Compare, rules.Compare, ""},
		{"named in both ways is known", "full", "asha_gramin=shadow,101=full", rules.Compare, rules.Write, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			d, log := testDirectory(t, db, "MESSENGER_MODE="+row.mode, "MESSENGER_ORGANISATIONS="+row.named)
			for id, want := range map[int32]rules.Treatment{avnitest.AshaGramin: row.asha, avnitest.SevaNepal: row.seva} {
				if got, ok := d.Organisation(id); !ok || got.Treatment != want {
					t.Errorf("treatment of %d is %v (known: %v), want %v", id, got.Treatment, ok, want)
				}
			}
			if got, want := delivers(d, "asha_gramin"), row.asha == rules.Write; got != want {
				t.Errorf("asha_gramin is delivered for: %v", got)
			}
			if got, want := delivers(d, "seva_nepal"), row.seva == rules.Write; got != want {
				t.Errorf("seva_nepal is delivered for: %v", got)
			}
			if row.reason != "" {
				wantHeld(t, d, log, row.mode, row.reason)
			}
		})
	}
}

// wantHeld checks that /health, the log and the metric say that seva_nepal is held, and why.
func wantHeld(t *testing.T, d *directory, log *lockedBuffer, mode, reason string) {
	t.Helper()
	entry := entryOf(t, d, "organisation seva_nepal")
	if entry.Status != metrics.Warning || entry.Detail != "mode "+mode+", held back: MESSENGER_ORGANISATIONS names "+reason ||
		!strings.HasPrefix(entry.Fix, "Correct that name in MESSENGER_ORGANISATIONS") || !strings.Contains(entry.Fix, "restart") {
		t.Errorf("health is %+v, want a warning with %q", entry, reason)
	}
	told := strings.ReplaceAll(log.String(), `\"`, `"`)
	if !strings.Contains(told, `organisation=seva_nepal mode=`+mode+` reason="MESSENGER_ORGANISATIONS names `+reason+`" fix="`+entry.Fix) {
		t.Errorf("the log does not tell:\n%s", told)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(d)
	held := "# TYPE messenger_organisation_held gauge\n"
	for _, s := range d.now.Load().standings {
		value := "1"
		if s.rules.Treatment == rules.Write {
			value = "0"
		}
		held += `messenger_organisation_held{organisation="` + s.label() + `"} ` + value + "\n"
	}
	help := "# HELP messenger_organisation_held Whether nothing is written and sent for an organisation although its mode says so; /health says why.\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(help+held), "messenger_organisation_held"); err != nil {
		t.Error(err)
	}
}

// What /health says of an unknown name the log says too, as loud.
func TestUnknownNameIsToldInTheLogAsInHealth(t *testing.T) {
	d, log := testDirectory(t, avnitest.New(t), "MESSENGER_ORGANISATIONS=ashagramin=full")
	entry := entryOf(t, d, "MESSENGER_ORGANISATIONS")
	if entry.Status != metrics.Warning || !strings.HasSuffix(entry.Detail, "the nearest is asha_gramin") || !strings.HasPrefix(entry.Fix, `Correct "ashagramin"`) {
		t.Errorf("health is %+v", entry)
	}
	want := `level=WARN msg="MESSENGER_ORGANISATIONS names what cannot be served" component=organisations reason="` + entry.Detail + `" fix="` + entry.Fix + `"`
	if told := strings.ReplaceAll(log.String(), `\"`, `"`); !strings.Contains(told, want) {
		t.Errorf("the log does not say %s:\n%s", want, told)
	}
}

// An organisation that is made later, under the name that was unknown, ends the doubt.
func TestUnknownNameThatAppears(t *testing.T) {
	db := avnitest.New(t)
	if err := db.Avni().SetMessagingEnabled(t.Context(), avnitest.SevaNepal, false); err != nil {
		t.Fatal(err)
	}
	d, log := testDirectory(t, db, "MESSENGER_MODE=full", "MESSENGER_ORGANISATIONS=mahila_samiti=shadow")
	if delivers(d, "seva_nepal") {
		t.Fatal("seva_nepal is delivered for although a name is unknown")
	}
	execSQL(t, db, `insert into organisation (id, name, db_user, uuid, schema_name, category_id, status_id)
		values (104, 'Mahila Samiti', 'mahila_samiti', 'a1040000-0000-4000-8000-000000000104', 'mahila_samiti', 1, 1)`)
	if changed, err := d.Load(t.Context()); !changed || err != nil {
		t.Fatalf("changed %v, error %v", changed, err)
	}
	if !delivers(d, "seva_nepal") || len(d.now.Load().strays) != 0 {
		t.Errorf("seva_nepal is still held: %+v", entryOf(t, d, "organisation seva_nepal"))
	}
	if want := `msg="organisation is served" component=organisations organisation=seva_nepal`; !strings.Contains(log.String(), want) {
		t.Errorf("the log does not say %s:\n%s", want, log.String())
	}
}
