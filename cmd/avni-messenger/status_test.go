package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/history"
)

// The database tells how the whole does, whether somebody runs or not.
func TestStatus(t *testing.T) {
	db := avnitest.New(t)
	const organisations = "MESSENGER_ORGANISATIONS=asha_gramin=full,seva_nepal=shadow"
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL(), "MESSENGER_SLOT=teststatus", organisations, "MESSENGER_DRY_RUN=on"}
	code, stdout, stderr := command(t, environ, "status")
	want := `At TIME

processes  none runs on this database: nothing is read, evaluated or sent. Start one: avni-messenger run
stream     there is no slot teststatus: changes are not kept for avni-messenger. avni-messenger setup makes it
settings   MESSENGER_DRY_RUN is on: nothing is sent

asha_gramin, mode full
  HELD BACK: enableMessaging is true, so avni-server runs the rules as well: both would write and send every message
  → Set enableMessaging to false in the organisation's settings, or, if avni-server's messaging is off by other means, set MESSENGER_SOLE_OWNER=true. Until then its changes wait, and none is lost.
  inbox                no change waits for its rules
  due                  3 messages are due, the oldest since TIME
  queue                3 NotSent, 1 PartiallySent
  accepted, last 24 h  nothing

seva_nepal, mode shadow
  inbox                no change waits for its rules
  due                  no message is due
  queue                nothing waits
  accepted, last 24 h  nothing
`
	if diff := cmp.Diff(want, still(stdout)); code != exitOK || stderr != "" || diff != "" {
		t.Errorf("code %d, stderr %q, (-want +got):\n%s", code, stderr, diff)
	}

	r := startApp(t, db.URL(), organisations)
	r.awaitHealth(http.StatusOK, "streaming slot teststatus")
	within(t, func() string {
		code, stdout, _ = command(t, environ, "status")
		for _, want := range []string{"processes  1 runs: ", "stream     slot teststatus read up to "} {
			if code != exitOK || !strings.Contains(stdout, want) {
				return "it does not say " + want + ":\n" + stdout
			}
		}
		return ""
	})
	code, stdout, _ = command(t, environ, "status", "-json")
	var o history.Overview
	if err := json.Unmarshal([]byte(stdout), &o); err != nil || code != exitOK || len(o.Instances) != 1 || !o.Stream.SlotExists || len(o.Organisations) != 2 {
		t.Errorf("code %d, error %v, %s", code, err, stdout)
	}
}

// While Glific does not answer, status says so, whether a process runs or not.
func TestStatusWhileGlificIsAway(t *testing.T) {
	p := newProgram(t, glifictest.Options{})
	p.glific.Close()
	p.start()
	environ := []string{"MESSENGER_DATABASE_URL=" + p.db.URL(), "MESSENGER_MODE=full"}
	told := regexp.MustCompile(`  due +\d messages? (is|are) due, the oldest since TIME\n +\d of them (was|were) last tried at TIME: Glific cannot be reached, .*connection refused.*\n +→ check the base URL`)
	p.eventually(avnitest.Patience, func() string {
		if code, stdout, stderr := command(t, environ, "status"); code != exitOK || !told.MatchString(still(stdout)) {
			return fmt.Sprintf("code %d, it does not say why:\n%s%s", code, stdout, stderr)
		}
		return ""
	})
	p.stop()
	if _, stdout, _ := command(t, environ, "status"); !told.MatchString(still(stdout)) {
		t.Errorf("once it is stopped it does not say why:\n%s", stdout)
	}
}

// What avni-server sends is due all the same.
func TestStatusOfWhatIsLeftToAvniServer(t *testing.T) {
	db := avnitest.New(t)
	_, stdout, _ := command(t, []string{"MESSENGER_DATABASE_URL=" + db.URL()}, "status")
	if want := "3 messages are due, the oldest since TIME; in mode shadow that is left to avni-server\n"; !strings.Contains(still(stdout), want) || strings.Contains(stdout, "no message is due;") {
		t.Errorf("it does not say %q:\n%s", want, stdout)
	}
}

// However much is held, the status is short: the largest come first, and a hold is told once.
func TestStatusOfWhatIsHeld(t *testing.T) {
	db := avnitest.New(t)
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL(), "MESSENGER_ORGANISATIONS=asha_gramin=dispatch"}
	execAs(t, db.URL(), `insert into messenger.held (rule_id, source_table, entity_id, organisation_id, commit_lsn, committed_at, scheduled_for)
		select 601, 'individual', n, 101, case when n > 30 then '2/B'::pg_lsn else ('1/' || to_hex(n))::pg_lsn end, now(), now() from generate_series(1, 35) n`)
	execAs(t, db.URL(), `insert into messenger.hold (organisation_id, kind, since, request_id, detail) values (101, 'foreign_sent', now(), 5, 'request 5 was marked Sent')`)
	code, stdout, stderr := command(t, environ, "status")
	stdout = still(stdout)
	if code != exitOK || stderr != "" {
		t.Errorf("code %d, stderr %q", code, stderr)
	}
	for _, want := range []string{
		"asha_gramin, mode dispatch\n  HELD since TIME: somebody else, most likely avni-server, sends messages too (request 5 was marked Sent)\n" +
			"  → See to it that avni-server does not send: ",
		"Then run `avni-messenger release asha_gramin`. Until then its changes and requests wait.\n  inbox ",
		"\nHELD by the storm guard: 5 requests of rule 601 \"Welcome subject\" of asha_gramin, from the transaction LSN committed at TIME\n",
		"\nand 11 more transactions with 11 messages\n  → avni-messenger release lists them\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("it does not say %q:\n%s", want, stdout)
		}
	}
	if n := strings.Count(stdout, "HELD by the storm guard"); n != 20 || strings.Index(stdout, "5 requests of") > strings.Index(stdout, "1 request of") {
		t.Errorf("%d are told of:\n%s", n, stdout)
	}
}
