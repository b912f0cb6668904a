package main

import (
	"regexp"
	"strings"
	"testing"

	"avni-messenger/internal/avnitest"
	"avni-messenger/metrics"
)

const voidConfiguration = `update external_system_config set is_voided = true where organisation_id = 103`

// An organisation whose Glific configuration is voided while it is served does not vanish
// from /health: nothing else would tell that its changes are not kept.
func TestDepartedOrganisationIsTold(t *testing.T) {
	db := avnitest.New(t)
	d, log := testDirectory(t, db)
	execSQL(t, db, voidConfiguration)
	load := func(want bool) {
		t.Helper()
		if changed, err := d.Load(t.Context()); changed != want || err != nil {
			t.Errorf("changed %v, error %v", changed, err)
		}
	}
	load(true)
	first := entryOf(t, d, "organisation seva_nepal")
	detail := regexp.MustCompile(`^not served any more since .+: its changes are not kept, and nothing is sent for it, because its Glific configuration \(external_system_config 182\) is voided$`)
	fix := regexp.MustCompile("^If this is not wanted, mend it in Avni, then run `avni-messenger catch-up --since 20[0-9-]+T[0-9:]+(Z|[+-][0-9:]+)`. If it is, add seva_nepal=none to MESSENGER_ORGANISATIONS, and restart.$")
	if first.Status != metrics.Warning || !detail.MatchString(first.Detail) || !fix.MatchString(first.Fix) {
		t.Errorf("health is %+v", first)
	}
	load(false)
	if again := entryOf(t, d, "organisation seva_nepal"); again != first {
		t.Errorf("health was %+v and is %+v", first, again)
	}
	for _, entry := range d.Entries(nil) {
		if strings.Contains(entry.Name, "seva_base") {
			t.Errorf("of an organisation that never was served it is told %+v", entry)
		}
	}
	execSQL(t, db, `update external_system_config set is_voided = false where organisation_id = 103`)
	load(true)
	if back := entryOf(t, d, "organisation seva_nepal"); back.Status == metrics.Warning && strings.Contains(back.Detail, "not served") {
		t.Errorf("health is %+v", back)
	}
	for _, want := range []string{`msg="organisation is not served any more: its changes are not kept" component=organisations organisation=seva_nepal reason="its Glific`,
		`msg="organisation is served again: what changed meanwhile was not kept" component=organisations organisation=seva_nepal fix="If messages shall come of it: ` + "`avni-messenger catch-up --since 20"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("the log does not say once %s:\n%s", want, log.String())
		}
	}
}

// It is remembered beyond a restart, by what was delivered.
func TestDepartedOrganisationIsRemembered(t *testing.T) {
	const delivered, recently = `insert into messenger.delivery (request_id, organisation_id, state, updated_at) values (7, 103, 'accepted', now() - interval '`, `2 days')`
	for _, row := range []struct {
		name, change, environ string
		told                  bool
	}{
		{"of late", voidConfiguration + ";" + delivered + recently, "MESSENGER_MODE=full", true},
		{"deleted", "delete from external_system_config where organisation_id = 103;" + delivered + recently, "MESSENGER_MODE=full", true},
		{"long ago", voidConfiguration + ";" + delivered + `40 days')`, "MESSENGER_MODE=full", false},
		{"never", voidConfiguration, "MESSENGER_MODE=full", false},
		{"as it is wanted", voidConfiguration + ";" + delivered + recently, "MESSENGER_ORGANISATIONS=seva_nepal=none", false},
		{"nobody is served", voidConfiguration + ";" + delivered + recently, "MESSENGER_MODE=none", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			db := avnitest.New(t)
			execAs(t, db.SuperuserURL(), row.change)
			d, _ := testDirectory(t, db, row.environ)
			told := false
			for _, entry := range d.Entries(nil) {
				told = told || entry.Name == "organisation seva_nepal" && entry.Status == metrics.Warning &&
					strings.HasPrefix(entry.Detail, "not served, although messages of it were delivered here in the last 30 days: ") && strings.Contains(entry.Fix, "--since <when that was done>")
			}
			if told != row.told {
				t.Errorf("it is told: %v; health is %+v", told, d.Entries(nil))
			}
			_, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + db.URL(), row.environ}, "status")
			if got := strings.Contains(stdout, "\nseva_nepal, not served\n  WARNING: not served, although messages of it"); got != row.told {
				t.Errorf("status tells: %v\n%s%s", got, stdout, stderr)
			}
		})
	}
}
