package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
