package main

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/history"
)

// changing is what is different at each run, and what stands for it.
var changing = []struct {
	pattern *regexp.Regexp
	instead string
}{
	{regexp.MustCompile(`\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}( IST)?`), "TIME"},
	{regexp.MustCompile(`\b[0-9A-F]+/[0-9A-F]+\b`), "LSN"},
	{regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`), "UUID"},
	{regexp.MustCompile(`message \d+`), "message N"},
}

// still replaces what is different at each run.
func still(text string) string {
	for _, c := range changing {
		text = c.pattern.ReplaceAllString(text, c.instead)
	}
	return text
}

// From a field worker's save to the phone, and to the answers why others got nothing: told
// of a real run of the whole program.
func TestExplainTellsOfARealRun(t *testing.T) {
	p := newProgram(t, glifictest.Options{}, "MESSENGER_POLL_INTERVAL=1s")
	ctx := t.Context()
	environ := []string{"MESSENGER_DATABASE_URL=" + p.db.URL(), "MESSENGER_MODE=full"}
	p.sendNow(601, "Welcome subject", "Subject", 301, "Subject", "7001", `params.entity.firstName, params.entity.lowestAddressLevel.name`)
	p.start()
	sunita, err := p.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Sunita", LastName: "Rathod", Phone: "9812345678"})
	p.must(err)
	visit, err := p.avni.ScheduleEncounter(ctx, sunita, 502, "Home visit", time.Now(), time.Now().AddDate(0, 0, 2))
	p.must(err)
	p.eventually(avnitest.Patience, func() string {
		switch {
		case p.count(`select count(*) from messenger.receipt x join message_request_queue q on q.id = x.request_id where q.entity_id = $1 and q.message_rule_id = 601`, sunita) == 0:
			return "the message was not accepted"
		case p.count(`select count(*) from messenger.trigger_log where entity_id = $1 and source_table = 'encounter'`, visit) < 2:
			return "the visit was not evaluated"
		}
		return ""
	})
	request := p.count(`select id from message_request_queue where message_rule_id = 601 and entity_id = $1`, sunita)
	p.must(p.execSQL(`update messenger.receipt set next_look_at = now() where request_id = $1`, request)) // it would be in two minutes
	p.eventually(avnitest.Patience, func() string {
		if p.count(`select count(*) from messenger.receipt where request_id = $1 and status = 'delivered'`, request) == 0 {
			return "the receipt does not say that it was delivered"
		}
		return ""
	})
	p.stop()
	later, err := p.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Later", Phone: "9812345679"})
	p.must(err)

	want := fmt.Sprintf(`098123-45678: a phone number, +919812345678 or +9779812345678. Times are in Asia/Kolkata.

Subject %[1]d (Sunita Rathod) of asha_gramin, uuid UUID, messages go to +919812345678

Request %[2]d: rule 601 "Welcome subject" for Subject %[1]d (Sunita Rathod) (asha_gramin)
  TIME  Subject %[1]d was saved (by meena@asha, LSN LSN)
  TIME  rule 601: a request was made, due at TIME
  TIME  Glific accepted the message (message N)
  TIME  WhatsApp delivered it to the phone (message N)
  message: template 7001 with ["Sunita" "Kevadia"], to +919812345678
  ⇒ Glific accepted it at TIME as message N, and WhatsApp delivered it to the phone (seen at TIME).

Rule 607 "Broken schedule rule" about Encounter %[3]d (Home visit of Sunita Rathod): no request (asha_gramin)
  TIME  Encounter %[3]d was saved (by meena@asha, LSN LSN)
  TIME  rule 607: the rule failed (throw: TypeError: Cannot read property 'here' of undefined (line 1, column 76))
  ⇒ No message: the rule failed: throw: TypeError: Cannot read property 'here' of undefined (line 1, column 76).
  → Correct the rule in Avni: what failed in the last 4 days is evaluated again by itself. avni-messenger rule test --rule 607 --entity Encounter:%[3]d shows what it does.

Rule 604 "Home visit done, tell subject" about Encounter %[3]d (Home visit of Sunita Rathod): no request (asha_gramin)
  TIME  Encounter %[3]d was saved (by meena@asha, LSN LSN)
  TIME  rule 604: no message (the rule said shouldSend: false)
  ⇒ No message: the rule said shouldSend: false.

Searched: users and subjects of asha_gramin, seva_nepal (all that are served here), in every PhoneNumber question and every text question marked contact_number or primary_contact; and every message that was ever sent to the number.
`, sunita, request, visit)
	code, stdout, stderr := command(t, environ, "explain", "098123-45678")
	if diff := cmp.Diff(blocks(want), blocks(still(stdout))); code != exitOK || stderr != "" || diff != "" {
		t.Errorf("code %d, stderr %q, (-want +got):\n%s", code, stderr, diff)
	}

	code, stdout, _ = command(t, environ, "explain", "--json", fmt.Sprint("subject:", later))
	var found history.Explanation
	if err := json.Unmarshal([]byte(stdout), &found); err != nil || code != exitOK || !found.Known || len(found.Stories) != 0 || len(found.People) != 1 || len(found.Notes) == 0 {
		t.Errorf("code %d, error %v, %s", code, err, stdout)
	}
	code, stdout, _ = command(t, environ, "explain", "+91 98765 43999")
	if code != exitTrouble || !strings.Contains(stdout, "Nothing was found.") {
		t.Errorf("of a number that nobody has: code %d, %s", code, stdout)
	}
}

// blocks are the parts between blank lines, of which those that happened at the same
// moment may come in any order.
func blocks(text string) map[string]int {
	parts := make(map[string]int)
	for _, part := range strings.Split(strings.TrimSpace(text), "\n\n") {
		parts[part]++
	}
	return parts
}

func (p *program) execSQL(query string, args ...any) error {
	_, err := p.db.Pool().Exec(p.t.Context(), query, args...)
	return err
}
