package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// A rule that always fails is paused, told in /health and the metrics, also after a
// restart, and goes on when somebody says so, with everything that failed or waited.
func TestRuleResume(t *testing.T) {
	db := avnitest.New(t)
	avni := db.Avni()
	const environment = "MESSENGER_ORGANISATIONS=asha_gramin=shadow"
	execSQL(t, db, `update message_rule set schedule_rule = '({params}) => params.entity.individual.firstName === "Mended" ? ({shouldSend: false}) : params.nothing.here' where id = 607`)
	r := startApp(t, db.URL(), environment)
	r.awaitHealth(http.StatusOK, "streaming slot")
	const visits = 70
	for range visits {
		if _, err := avni.ScheduleEncounter(t.Context(), 1001, 502, "Home", time.Now(), time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	told := []string{`1 rule fails (1 paused), see below`,
		`{Name:rule 607 of asha_gramin Status:warning Detail:"Broken schedule rule": its schedule rule is paused since `,
		` IST, because it failed 50 times within minutes: throw: TypeError: Cannot read property 'here' of undefined`, `; 20 changes wait for it`,
		`or by hand: avni-messenger rule resume --rule 607`}
	r.awaitHealth(http.StatusOK, told...)
	if _, metrics := r.get("/metrics"); !strings.Contains(metrics, `messenger_rules_paused{phase="schedule"} 1`) ||
		!strings.Contains(metrics, `messenger_rules_paused_waiting{phase="schedule"} 20`) {
		t.Error("the metrics do not tell of the pause")
	}
	r.end()
	r = startApp(t, db.URL(), environment)
	r.awaitHealth(http.StatusOK, append(told, "streaming slot")...)

	execSQL(t, db, `update individual set first_name = 'Mended' where id = 1001`)
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL()}
	expect := func(wantCode int, wantOut, wantErr string, args ...string) {
		t.Helper()
		code, stdout, stderr := command(t, environ, append([]string{"rule", "resume"}, args...)...)
		if code != wantCode || !strings.Contains(stdout, wantOut) || !strings.Contains(stderr, wantErr) {
			t.Errorf("rule resume %v: code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
	expect(exitUsage, "", "--rule must be given")
	expect(exitTrouble, "", "there is no message rule 1\n", "--rule", "1")
	expect(exitOK, "rule 603 was not paused: nothing to do\n", "", "--rule", "603")
	expect(exitOK, " IST after 50 failures (throw: TypeError: Cannot read property 'here' of undefined (line 1, column ", "", "--rule", "607")
	within(t, func() string {
		var answered int
		err := db.Pool().QueryRow(t.Context(), `select count(distinct entity_id) from messenger.trigger_log where rule_id = 607 and outcome = 'would_skip'`).Scan(&answered)
		if err != nil || answered != visits {
			return fmt.Sprintf("%d of %d visits were evaluated: %v", answered, visits, err)
		}
		return ""
	})
	r.awaitHealth(http.StatusOK, "{Name:rules Status:ok")
	expect(exitOK, "rule 607 was not paused: nothing to do\n", "", "--rule", "607")
}

// Messages whose rule fails too often wait for it. Once it is corrected they go out, and so
// do those that it failed for.
func TestMessagesWaitForPausedRule(t *testing.T) {
	p := newProgram(t, glifictest.Options{}, "MESSENGER_POLL_INTERVAL=1s")
	p.sendNow(601, "Welcome subject", "Subject", 301, "Subject", "7001", `params.nothing.here, 'x'`)
	p.start() // a schedule rule that is edited later would have its requests follow
	const subjects = 200
	for n := range subjects {
		_, err := p.avni.RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: fmt.Sprintf("Subject%d", n), Phone: fmt.Sprintf("98123%05d", n)})
		p.must(err)
	}
	count := func(reason string) int {
		return p.count(`select count(*) from messenger.delivery d join message_request_queue q on q.id = d.request_id where q.message_rule_id = 601 and d.reason = $1`, reason)
	}
	p.eventually(avnitest.Patience, func() string {
		if failed, waiting := count("rule_failed"), count("rule_paused"); failed < 50 || failed > 50+64 || failed+waiting != subjects { // 64 are under way at once
			return fmt.Sprintf("%d messages failed and %d wait for the rule", failed, waiting)
		}
		return ""
	})
	if n := p.count(`select count(*) from messenger.delivery d join message_request_queue q on q.id = d.request_id
		where d.reason = 'rule_paused' and (d.attempts > 0 or q.delivery_status <> 'NotSent')`); n != 0 {
		t.Errorf("%d waiting messages count as attempts, or are not as avni-server left them", n)
	}
	p.sendNow(601, "Welcome subject", "Subject", 301, "Subject", "7001", `params.entity.firstName, 'home'`)
	p.eventually(avnitest.Patience, func() string {
		sent := p.count(`select count(*) from message_request_queue where message_rule_id = 601 and delivery_status = 'Sent' and entity_id > 1100`)
		if sent != subjects {
			return fmt.Sprintf("%d messages were sent", sent)
		}
		return ""
	})
	p.stop()
}

// pauseRule pauses a schedule rule as its failures would.
func pauseRule(t *testing.T, db *avnitest.DB, rule int64) {
	t.Helper()
	if _, err := db.Pool().Exec(t.Context(), `insert into messenger.rule_pause (rule_id, phase, organisation_id, kind, reason, failures, fingerprint)
		values ($1, 'schedule', 101, 'throw', 'x', 50, 'f')`, rule); err != nil {
		t.Fatal(err)
	}
}

// Nobody runs who would hear of it in between.
func TestRuleResumeTwice(t *testing.T) {
	db := avnitest.New(t)
	pauseRule(t, db, 607)
	resume := func() string {
		code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + db.URL()}, "rule", "resume", "--rule", "607")
		if code != exitOK || stderr != "" {
			t.Errorf("code %d, stderr %q", code, stderr)
		}
		return stdout
	}
	if first := resume(); !strings.HasPrefix(first, "the schedule rule of rule 607, paused since ") || !strings.Contains(first, "goes on\nthe running") {
		t.Errorf("at first: %s", first)
	}
	if second := resume(); !strings.HasPrefix(second, "the schedule rule of rule 607 was not paused any more: it was let go on at ") || strings.Contains(second, "goes on\n") {
		t.Errorf("then: %s", second)
	}
}
