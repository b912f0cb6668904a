package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
	"avni-messenger/metrics"
	"avni-messenger/rules"
)

// A rule that always fails is told with what to do, also after a restart, until it is
// repaired; then it is run for what failed under it.
func TestHealthTellsOfRulesThatFail(t *testing.T) {
	db := avnitest.New(t)
	avni := db.Avni()
	const environment = "MESSENGER_ORGANISATIONS=asha_gramin=shadow"
	r := startApp(t, db.URL(), environment)
	r.awaitHealth(http.StatusOK, "{Name:rules Status:ok", "streaming slot")
	visit, err := avni.ScheduleEncounter(t.Context(), 1001, 502, "Home", time.Now(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	told := []string{"{Name:rules Status:warning Detail:engine ready, time zone Asia/Kolkata, limit 2s a rule; 1 rule fails, see below",
		`{Name:rule 607 of asha_gramin Status:warning Detail:"Broken schedule rule": its schedule rule has failed 1 time since `,
		` IST and has not answered since: throw: TypeError: Cannot read property 'here' of undefined (line 1, column 76) Fix:Correct its schedule rule in Avni's web app`}
	r.awaitHealth(http.StatusOK, told...)
	r.end()
	r = startApp(t, db.URL(), environment)
	r.awaitHealth(http.StatusOK, append(told, "streaming slot")...)

	execSQL(t, db, `update message_rule set schedule_rule = '() => ({scheduledDateTime: new Date()})' where id = 607`)
	within(t, func() string {
		var outcomes string
		err := db.Pool().QueryRow(t.Context(), `select string_agg(outcome, ' ' order by id) from messenger.trigger_log where entity_id = $1 and rule_id = 607`, visit).Scan(&outcomes)
		if err != nil || outcomes != "would_fail would_schedule" {
			return fmt.Sprintf("the repaired rule was not run again: %q, %v", outcomes, err)
		}
		return ""
	})
	r.awaitHealth(http.StatusOK, "{Name:rules Status:ok")
	if _, health := r.health(); strings.Contains(fmt.Sprint(health), "rule 607") {
		t.Errorf("the repaired rule is told still: %+v", health)
	}
}

func TestTroubleEntries(t *testing.T) {
	since := time.Date(2026, 3, 1, 6, 30, 0, 0, time.UTC) // noon in Asia/Kolkata, the time zone of these tests
	looping := rules.Trouble{Organisation: "asha_gramin", RuleID: 601, RuleName: "Welcome", Script: "schedule", Kind: rules.FailedTimeout,
		Text: "the rule ran for more than 2s", Fix: "mend it", Since: since, Times: 3}
	late := looping
	late.Script, late.Times = "message", 1
	want := []metrics.Entry{
		{Name: "rule 601 of asha_gramin", Status: metrics.Warning, Fix: "mend it",
			Detail: `"Welcome": its schedule rule has failed 3 times since 2026-03-01 12:00:00 IST and has not answered since: ` +
				`timeout: the rule ran for more than 2s; each change costs 2 s, while the organisation's other rules wait`},
		{Name: "rule 601 of asha_gramin", Status: metrics.Warning, Fix: "mend it",
			Detail: `"Welcome": its message rule has failed 1 time since 2026-03-01 12:00:00 IST and has not answered since: ` +
				`timeout: the rule ran for more than 2s; each message costs 2 s, while the organisation's other rules wait`},
	}
	paused := late
	paused.Paused, paused.Times, paused.Waiting = true, 10, 1
	want = append(want, metrics.Entry{Name: "rule 601 of asha_gramin", Status: metrics.Warning, Fix: "mend it",
		Detail: `"Welcome": its message rule is paused since 2026-03-01 12:00:00 IST, because it failed 10 times within minutes: ` +
			`timeout: the rule ran for more than 2s; 1 message waits for it`})
	if diff := cmp.Diff(want, troubleEntries([]rules.Trouble{looping, late, paused}, 2*time.Second)); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}

	many := make([]rules.Trouble, maxTroubles+5)
	entries := troubleEntries(many, time.Second)
	last := entries[len(entries)-1]
	if len(entries) != maxTroubles+1 || last.Detail != "and 5 more rules that fail" || last.Status != metrics.Warning || last.Fix == "" {
		t.Errorf("%d entries, the last is %+v", len(entries), last)
	}
	if got := troubleEntries(many[:maxTroubles], time.Second); len(got) != maxTroubles {
		t.Errorf("%d entries of %d rules", len(got), maxTroubles)
	}
}
