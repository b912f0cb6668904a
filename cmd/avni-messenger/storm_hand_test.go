package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
	"avni-messenger/metrics"
	"avni-messenger/rules"
)

// What the commands do is tested where it is done; here, what they say.
func TestReleaseAndCancelHeld(t *testing.T) {
	db := avnitest.New(t)
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL()}
	code, stdout, _ := command(t, environ, "release")
	if code != exitOK || !strings.HasSuffix(stdout, "\nno messages are held for having been too many at once\n") {
		t.Errorf("release says %d %q", code, stdout)
	}
	execAs(t, db.URL(), `insert into messenger.held (rule_id, source_table, entity_id, organisation_id, commit_lsn, committed_at, scheduled_for, changed_by)
		select 601, 'individual', n, 101, case when n > 10 then '0/2B'::pg_lsn else '0/2A' end, now(), now(), 202 from generate_series(1, 2500) n`)
	code, stdout, _ = command(t, environ, "release", "--json")
	var list struct {
		Messages   []rules.Held
		MoreGroups int `json:"more_groups"`
	}
	if err := json.Unmarshal([]byte(stdout), &list); err != nil || code != exitOK || len(list.Messages) != 2 || list.Messages[0].Count+list.Messages[1].Count != 2500 || list.MoreGroups != 0 {
		t.Errorf("release --json says %d %q, %v", code, stdout, err)
	}
	execAs(t, db.URL(), `insert into messenger.gap (slot, reason, since, mode, to_lsn) values ('avni_messenger', 'slot_missing', now(), 'time', '0/2A')`)
	execAs(t, db.URL(), `insert into messenger.held (rule_id, source_table, entity_id, organisation_id, commit_lsn, committed_at, scheduled_for)
		select 602, 'program_enrolment', n, 101, ('1/' || to_hex(n))::pg_lsn, now(), now() from generate_series(1, 300) n`)
	_, stdout, _ = command(t, environ, "release")
	for _, want := range []string{"\nand 102 more transactions with 102 messages\n", "\n→ 0/2A is no transaction, but what a catch-up found after the replication slot was lost. It need not"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("release does not say %q: %q", want, stdout)
		}
	}
	execAs(t, db.URL(), `delete from messenger.held where rule_id = 602`)
	for _, row := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"release", "--transaction", "0/2A"}, exitUsage, "", "--rule must be given"},
		{[]string{"release", "--rule", "601", "--transaction", "tuesday"}, exitUsage, "", `--transaction is "tuesday"; it must be such as 0/1A2B3C`},
		{[]string{"cancel", "--rule", "601", "925"}, exitUsage, "", `so that "925" means nothing here`},
		{[]string{"release", "--rule", "602"}, exitOK, "nothing of rule 602 is held that this is about: nothing to do\n", ""},
		{[]string{"release", "--rule", "601", "--transaction", "0/2A"}, exitOK, "10 messages of rule 601: released; the running", ""},
		{[]string{"cancel", "--rule", "601"}, exitOK, "2,500 messages of rule 601: cancelled: they stay so", ""},
		{[]string{"cancel", "--rule", "601"}, exitOK, "nothing of rule 601 is held", ""},
		{[]string{"release", "--rule", "601"}, exitOK, "nothing of rule 601 is held", ""},
		{[]string{"release", "--rule", "601", "--cancelled", "--transaction", "0/2b"}, exitOK, "2,490 messages of rule 601: released; the running", ""},
	} {
		code, stdout, stderr := command(t, environ, row.args...)
		if code != row.code || !strings.HasPrefix(stdout, row.stdout) || !strings.Contains(stderr, row.stderr) {
			t.Errorf("%v: code %d, stdout %q, stderr %q", row.args, code, stdout, stderr)
		}
	}
}

func TestHeldEntries(t *testing.T) {
	at := time.Date(2026, 11, 26, 6, 30, 0, 0, time.Local)
	var held []rules.HeldRule
	for i := range maxTroubles + 2 {
		held = append(held, rules.HeldRule{Organisation: "asha_gramin", RuleID: int64(600 + i), RuleName: "Welcome", Transaction: "0/2A", Count: 10, Since: at, CommittedAt: at})
	}
	held[0].Count, held[0].Transaction, held[2].CatchUp = 13, "", true
	held[maxTroubles+1].Count = 11 // comes second
	got := heldEntries(held)
	if len(got) != maxTroubles+1 || got[maxTroubles].Detail != "and 20 messages of 2 more rules" || got[0].Status != metrics.Warning || got[0].Name != "rule 600 of asha_gramin" ||
		!strings.HasPrefix(got[0].Detail, `"Welcome": 13 messages are held since 2026-11-26 06:30:00 `) || !strings.Contains(got[0].Detail, "of several transactions saved") ||
		got[1].Name != "rule 621 of asha_gramin" ||
		!strings.Contains(got[2].Detail, "of transaction 0/2A") || !strings.Contains(got[2].Fix, "release --rule 601`") ||
		!strings.Contains(got[3].Detail, "found by a catch-up after the replication slot was lost") || !strings.HasPrefix(got[3].Fix, "It need not have been an import") {
		t.Errorf("entries %+v", got)
	}
	if got := heldEntries(nil); got != nil {
		t.Errorf("nothing is held, but %+v", got)
	}
}

// Only processes of the slot that run count, and their organisations in mode full.
func TestOrganisationsThatOthersServe(t *testing.T) {
	db := avnitest.New(t)
	execAs(t, db.URL(), `insert into messenger.instance (holder, slot, settings, seen_at) values
		('self', 'one', '{"organisations": [{"id": 1, "mode": "full"}]}', now()),
		('other', 'one', '{"organisations": [{"id": 101, "mode": "full"}, {"id": 103, "mode": "shadow"}]}', now()),
		('nobody', 'one', '{"organisations": null}', now()),
		('gone', 'one', '{"organisations": [{"id": 3, "mode": "full"}]}', now() - interval '1 minute'),
		('elsewhere', 'two', '{"organisations": [{"id": 4, "mode": "full"}]}', now())`)
	found, err := instanceTable{pool: db.Pool(), holder: "self", slot: "one", forget: 30 * time.Second}.full(t.Context())
	if err != nil || len(found) != 1 || found[0] != avnitest.AshaGramin {
		t.Errorf("organisations %v, %v", found, err)
	}
}

func TestStormLimitSetting(t *testing.T) {
	for value, want := range map[string]string{"": "", "20": "", "0": "MESSENGER_STORM_LIMIT is 0; it must be at least 1", "few": `MESSENGER_STORM_LIMIT is "few"; it must be a whole number`} {
		var environ []string
		if value != "" {
			environ = []string{"MESSENGER_STORM_LIMIT=" + value}
		}
		cfg, err := parseConfig(environ)
		switch {
		case want == "" && (err != nil || fmt.Sprint(cfg.StormLimit) != cmp.Or(value, "500")):
			t.Errorf("%q: %d, %v", value, cfg.StormLimit, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v", value, err)
		}
	}
}
