package main

import (
	"fmt"
	"net/http"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"avni-messenger/internal/avnitest"
)

// A process that does not stream, and that no notice reaches (as behind pgbouncer),
// evaluates no change with older rules than the change needs.
func TestStandbyWithoutNoticesKnowsNewRules(t *testing.T) {
	db := avnitest.New(t)
	leader := startApp(t, db.URL(), "MESSENGER_ORGANISATIONS=asha_gramin=shadow", "MESSENGER_RULES=off")
	leader.awaitHealth(http.StatusOK, "streaming slot")
	standby := startApp(t, db.URL(), "MESSENGER_ORGANISATIONS=asha_gramin=shadow")
	standby.awaitHealth(http.StatusOK, "{Name:replication Status:ok Detail:standby")
	freezeListeners(t, db, 2)
	for i := range 3 {
		rule, err := db.Avni().SaveRule(t.Context(), avnitest.RuleFields{Name: fmt.Sprint("New", i), EntityType: "Subject", EntityTypeID: 302, TemplateID: "7001",
			ScheduleRule: `() => ({scheduledDateTime: new Date()})`, MessageRule: `() => ({parameters: []})`})
		if err != nil {
			t.Fatal(err)
		}
		subject, err := db.Avni().RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: "Asha", SubjectTypeID: 302})
		if err != nil {
			t.Fatal(err)
		}
		var seen []string
		within(t, func() string {
			rows, err := db.Pool().Query(t.Context(), `select format('%s %s', rule_id, outcome) from messenger.trigger_log
				where source_table = 'individual' and entity_id = $1 order by rule_id`, subject)
			if err != nil {
				return err.Error()
			}
			if seen, err = pgx.CollectRows(rows, pgx.RowTo[string]); err != nil || len(seen) == 0 {
				return fmt.Sprint("not evaluated: ", err)
			}
			return ""
		})
		if len(seen) != i+1 || seen[i] != fmt.Sprintf("%d would_schedule", rule) {
			t.Errorf("change %d after rule %d: %q", i, rule, seen)
		}
	}
}

// freezeListeners stops the server's processes that pass notices on.
func freezeListeners(t *testing.T, db *avnitest.DB, want int) {
	t.Helper()
	var pids []int
	within(t, func() string {
		rows, err := db.Pool().Query(t.Context(), `select pid from pg_stat_activity where query = 'listen messenger_changed' and datname = current_database()`)
		if err == nil {
			pids, err = pgx.CollectRows(rows, pgx.RowTo[int])
		}
		if err != nil || len(pids) != want {
			return fmt.Sprint(pids, err)
		}
		return ""
	})
	for _, pid := range pids {
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Kill(pid, syscall.SIGCONT) })
	}
}
