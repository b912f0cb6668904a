package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"avni-messenger/dispatch"
	"avni-messenger/internal/avnitest"
	"avni-messenger/metrics"
	"avni-messenger/rules"
)

func TestRunUntilStopped(t *testing.T) {
	db := avnitest.New(t)
	r := startApp(t, db.URL(), "MESSENGER_ORGANISATIONS=asha_gramin=full,seva_nepal=shadow,seva_base=none")
	r.awaitHealth(http.StatusOK, "{Name:database Status:ok Detail:PostgreSQL", "as avni_messenger",
		"{Name:replication Status:ok Detail:streaming slot testrununtilstopped, stored up to", "{Name:rules Status:ok", "{Name:dispatch Status:ok",
		"{Name:organisation asha_gramin Status:warning Detail:mode full, held back", "{Name:organisation seva_nepal Status:ok Detail:mode shadow")
	if code, body := r.get("/ping"); code != http.StatusOK || body != "pong\n" {
		t.Errorf("/ping is %d %q", code, body)
	}
	_, body := r.get("/metrics")
	for _, want := range []string{"messenger_build_info{", "messenger_postgres_up 1", "messenger_cdc_up 1", `messenger_organisation_held{organisation="asha_gramin"} 1`,
		`messenger_postgres_slot_active{slot="testrununtilstopped"} 1`, `messenger_dispatch_queue_requests{organisation="asha_gramin",status="NotSent"}`,
		"messenger_rules_evaluations_total{", "messenger_glific_requests_total{"} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "messenger_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
	code, stdout, stderr := command(t, []string{"MESSENGER_LISTEN=" + r.Addr().String()}, "health")
	if code != exitOK || !strings.Contains(stdout, "ok       database") || !strings.Contains(stdout, "→ Set enableMessaging to false") {
		t.Errorf("health ended with %d: %s%s", code, stdout, stderr)
	}
	r.end()
	if _, err := http.Get("http://" + r.Addr().String() + "/ping"); err == nil {
		t.Error("the listener still answers after the end")
	}
	code, _, stderr = command(t, []string{"MESSENGER_LISTEN=" + r.Addr().String()}, "health")
	if code != exitTrouble || !strings.Contains(stderr, "no avni-messenger answers at "+r.Addr().String()) {
		t.Errorf("health ended with %d: %s", code, stderr)
	}
}

func TestRunWithoutDatabase(t *testing.T) {
	r := startApp(t, "postgres://avni:hunter2@127.0.0.1:1/openchs")
	r.awaitHealth(http.StatusServiceUnavailable, "{Name:database Status:failing Detail:PostgreSQL at avni@127.0.0.1:1/openchs cannot be reached",
		"Fix:Check host and port", "{Name:replication Status:failing Detail:waits for the database")
	if code, _ := r.get("/ping"); code != http.StatusOK {
		t.Errorf("/ping is %d", code)
	}
	if _, body := r.get("/metrics"); !strings.Contains(body, "messenger_postgres_up 0") {
		t.Error("/metrics does not say messenger_postgres_up 0")
	}
	code, stdout, _ := command(t, []string{"MESSENGER_LISTEN=" + r.Addr().String()}, "health")
	if code != exitTrouble || !strings.Contains(stdout, "failing  database") {
		t.Errorf("health ended with %d: %s", code, stdout)
	}
	r.end()
	if strings.Contains(r.log.String(), "hunter2") {
		t.Errorf("the log shows the password:\n%s", r.log.String())
	}
	if n := strings.Count(r.log.String(), "waiting for the database"); n != 1 {
		t.Errorf("the log tells %d times what is waited for:\n%s", n, r.log.String())
	}
}

// What a DBA has to mend is said with the SQL, and taken up without a restart.
func TestRunWaitsForGrants(t *testing.T) {
	db := avnitest.New(t)
	execAs(t, db.SuperuserURL(), `create role waiting_role login replication inherit; drop schema messenger cascade`)
	r := startApp(t, asRole(db, "waiting_role"), "MESSENGER_POLL_INTERVAL=1s")
	r.awaitHealth(http.StatusServiceUnavailable, "role waiting_role does not have the rights of openchs", `grant "openchs" to "waiting_role";`)
	execAs(t, db.SuperuserURL(), `alter database `+db.Pool().Config().ConnConfig.Database+` owner to postgres; grant openchs to waiting_role`)
	r.awaitHealth(http.StatusServiceUnavailable, "permission denied for database", "avni-messenger setup --print")
	execAs(t, db.SuperuserURL(), `create schema messenger authorization waiting_role; grant create on database `+db.Pool().Config().ConnConfig.Database+` to waiting_role`)
	r.awaitHealth(http.StatusOK, "as waiting_role", "streaming slot")
}

func TestRunOnAServerThatIsNotLogical(t *testing.T) {
	cluster, err := avnitest.StartCluster(t.Context(), avnitest.Options{Settings: map[string]string{"wal_level": "replica"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	db, err := cluster.CreateDatabase(t.Context(), "replica")
	if err != nil {
		t.Fatal(err)
	}
	r := startApp(t, db.URL())
	r.awaitHealth(http.StatusServiceUnavailable, "{Name:database Status:ok", "{Name:replication Status:failing Detail:misconfigured", "alter system set wal_level")
	r.end()
}

func TestRunNeedsItsAddress(t *testing.T) {
	r := startApp(t, "postgres://avni@127.0.0.1:1/openchs")
	code, _, stderr := command(t, []string{"MESSENGER_DATABASE_URL=postgres://avni@127.0.0.1:1/openchs", "MESSENGER_LISTEN=" + r.Addr().String()}, "run")
	if code != exitTrouble || !strings.Contains(stderr, "MESSENGER_LISTEN: listen on "+r.Addr().String()) {
		t.Errorf("run ended with %d: %s", code, stderr)
	}
}

// The stream brings rules and settings; the poll is an hour away.
func TestStreamKeepsRulesAndOrganisationsCurrent(t *testing.T) {
	db := avnitest.New(t)
	avni := db.Avni()
	r := startApp(t, db.URL(), "MESSENGER_MODE=full")
	r.awaitHealth(http.StatusOK, "mode full, held back")

	id, err := avni.SaveRule(t.Context(), avnitest.RuleFields{Name: "new", EntityType: "Subject", EntityTypeID: 302, TemplateID: "7001", ScheduleRule: "1", MessageRule: "1"})
	if err != nil {
		t.Fatal(err)
	}
	within(t, func() string {
		if found := r.catalogue.Rules(101, rules.Subject, 302); len(found) != 1 || found[0].ID != id {
			return fmt.Sprintf("rules about households: %v", found)
		}
		return ""
	})
	if err := avni.SetMessagingEnabled(t.Context(), 101, false); err != nil {
		t.Fatal(err)
	}
	within(t, func() string {
		if org, _ := r.directory.Organisation(101); org.Treatment != rules.Write {
			return "treatment is " + org.Treatment.String()
		}
		return ""
	})
	r.awaitHealth(http.StatusOK, "{Name:organisation asha_gramin Status:", "Detail:mode full, ")
	if err := avni.SetMessagingEnabled(t.Context(), 101, true); err != nil {
		t.Fatal(err)
	}
	within(t, func() string {
		if n := len(r.directory.Delivering()); n != 0 {
			return fmt.Sprintf("%d organisations are delivered for", n)
		}
		return ""
	})
}

// The tables organisation, account and users are not in the stream.
func TestPollKeepsOrganisationsCurrent(t *testing.T) {
	db := avnitest.New(t)
	r := startApp(t, db.URL(), "MESSENGER_POLL_INTERVAL=1s")
	r.awaitHealth(http.StatusOK, "organisation seva_nepal")
	execSQL(t, db, `update organisation set is_voided = true where id = 103`)
	within(t, func() string {
		if org, known := r.directory.Organisation(103); known {
			return fmt.Sprintf("still served: %+v", org)
		}
		return ""
	})
	if !strings.Contains(r.log.String(), `msg="organisation is not served any more: its changes are not kept" component=organisations organisation=seva_nepal`) {
		t.Errorf("the log does not tell:\n%s", r.log.String())
	}
}

func TestHealthWhileStopping(t *testing.T) {
	db := avnitest.New(t)
	r := startApp(t, db.URL())
	r.awaitHealth(http.StatusOK)
	r.stopping.Store(true)
	r.awaitHealth(http.StatusServiceUnavailable, "{Name:process Status:failing Detail:stopping")
}

// What an operator has switched off is told, and is no reason to be restarted.
func TestHealthTellsWhatIsSwitchedOff(t *testing.T) {
	db := avnitest.New(t)
	for _, row := range []struct {
		name    string
		environ []string
		want    []string
	}{
		{"switches", []string{"MESSENGER_RULES=off", "MESSENGER_DISPATCH=off"}, []string{
			"{Name:rules Status:warning Detail:MESSENGER_RULES is off: changes wait in the inbox",
			"{Name:dispatch Status:warning Detail:MESSENGER_DISPATCH is off: requests wait in the queue"}},
		{"trial", []string{"MESSENGER_DRY_RUN=on", "MESSENGER_TEST_NUMBERS=+919876500001"}, []string{
			"{Name:dispatch Status:warning Detail:MESSENGER_DRY_RUN is on: nothing is sent; MESSENGER_TEST_NUMBERS is set: only those (1) are ever messaged"}},
		{"nobody", []string{"MESSENGER_ORGANISATIONS=none"}, []string{"{Name:organisations Status:warning Detail:no organisation is served"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := startApp(t, db.URL(), append(row.environ, "MESSENGER_QUIET_HOURS=21:00-08:00")...)
			r.awaitHealth(http.StatusOK, row.want...)
		})
	}
}

func TestDescribeDelivery(t *testing.T) {
	at := time.Date(2026, 3, 1, 6, 30, 0, 0, time.UTC) // noon in Asia/Kolkata, the time zone of these tests
	for _, row := range []struct {
		name   string
		status dispatch.Status
		want   metrics.Entry
	}{
		{"fresh", dispatch.Status{}, metrics.Entry{Status: metrics.OK, Detail: "mode full, 0 due"}},
		{"busy", dispatch.Status{Due: 3, LastSuccess: at, QuietUntil: at.Add(time.Hour)}, metrics.Entry{Status: metrics.OK,
			Detail: "mode full, 3 due, last message accepted at 2026-03-01 12:00:00 IST, quiet hours until 2026-03-01 13:00:00 IST"}},
		{"paused", dispatch.Status{Due: 4, Paused: dispatch.Unreachable, PausedFor: "api.example.org: connection refused", PausedSince: at, PausedUntil: at.Add(2 * time.Minute)},
			metrics.Entry{Status: metrics.Warning, Fix: dispatch.Unreachable.Advice(), Detail: "mode full, 4 due; paused since 2026-03-01 12:00:00 IST: " +
				dispatch.Unreachable.Text() + " (api.example.org: connection refused); Glific is tried again at 2026-03-01 12:02:00 IST"}},
		{"paused with nothing to send", dispatch.Status{Paused: dispatch.WrongPassword, PausedFor: "api.example.org: HTTP 401", PausedSince: at},
			metrics.Entry{Status: metrics.Warning, Fix: dispatch.WrongPassword.Advice(), Detail: "mode full, 0 due; paused since 2026-03-01 12:00:00 IST: " +
				dispatch.WrongPassword.Text() + " (api.example.org: HTTP 401); Glific is tried again with the next message"}},
		{"large queue", dispatch.Status{Due: dispatch.MostCounted + 1}, metrics.Entry{Status: metrics.OK, Detail: "mode full, more than 1000 due"}},
		{"trouble", dispatch.Status{Trouble: "the queue cannot be read"}, metrics.Entry{Status: metrics.Warning,
			Detail: "mode full, 0 due; the queue cannot be read"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			entry := metrics.Entry{Status: metrics.OK, Detail: "mode full"}
			describeDelivery(&entry, row.status)
			if diff := cmp.Diff(row.want, entry); diff != "" {
				t.Errorf("entry (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusal(t *testing.T) {
	passing := errors.New("connection lost")
	for _, row := range []struct {
		name string
		err  error
		want error
	}{
		{"failure", fmt.Errorf("run: %w", &rules.Failure{Kind: rules.FailedThrow, Message: "x is not defined"}),
			&dispatch.Refusal{Reason: dispatch.RuleFailed, Detail: "throw: x is not defined"}},
		{"withdrawn", &rules.Withdrawn{What: "Subject 5 is voided"}, &dispatch.Refusal{Reason: dispatch.Withdrawn, Detail: "Subject 5 is voided"}},
		{"paused", &rules.Paused{RuleID: 601, Since: time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)},
			&dispatch.Refusal{Reason: dispatch.RulePaused, Detail: "message rule 601 is paused since 2026-03-01 11:30:00 IST because it failed too often"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if diff := cmp.Diff(row.want, refusal(row.err)); diff != "" {
				t.Errorf("refusal (-want +got):\n%s", diff)
			}
		})
	}
	if got := refusal(passing); got != passing {
		t.Errorf("what passes became %v", got)
	}
}

func TestPersistTriesUntilItSucceeds(t *testing.T) {
	var log lockedBuffer
	left := 3
	err := persist(t.Context(), slog.New(slog.NewTextHandler(&log, nil)), "read rules", func() error {
		if left--; left > 0 {
			return errors.New("away")
		}
		return nil
	})
	if err != nil || left != 0 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("error %v, %d tries left, log:\n%s", err, left, log.String())
	}
	ctx, cancel := context.WithCancel(t.Context())
	away := errors.New("away")
	err = persist(ctx, slog.New(slog.DiscardHandler), "read rules", func() error {
		if left++; left == 2 {
			cancel()
			return ctx.Err()
		}
		return away
	})
	if !errors.Is(err, away) {
		t.Errorf("the error at the end is %v, want the trouble that had lasted", err)
	}
}
