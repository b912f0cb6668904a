package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
)

func TestRelease(t *testing.T) {
	db := avnitest.New(t)
	n := &neighbours{t: t, db: db, avni: db.Avni()}
	due, err := n.avni.QueueRule(t.Context(), 601, 1001, avnitest.Receiver{Type: "Subject", ID: 1001}, time.Now())
	n.must(err)
	execAs(t, db.URL(), `insert into messenger.hold (id, organisation_id, kind, since, request_id, detail, seen) overriding system value values
		(7, 101, 'foreign_sent', '2026-03-01 06:00Z', 931, 'request 931 was marked Sent', 3),
		(8, 103, 'foreign_request', '2026-03-02 06:00Z', 940, 'request 940 was inserted', 1)`)
	execAs(t, db.URL(), `insert into messenger.foreign_write (hold_id, request_id, kind, maybe_twice) values (7, 931, 'foreign_sent', true), (7, 930, 'foreign_sent', false), (7, 935, 'foreign_sent', true)`)
	execAs(t, db.URL(), `insert into messenger.ownership (organisation_id, slot, mode, since) values (101, 'avni_messenger', 'dispatch', now()), (103, 'avni_messenger', 'dispatch', now())`)
	dispatch, full := "MESSENGER_ORGANISATIONS=asha_gramin=dispatch", "MESSENGER_ORGANISATIONS=asha_gramin=full"
	for _, row := range []struct {
		environ        string
		args           []string
		code           int
		stdout, stderr string
	}{
		{dispatch, []string{"release", "asha_gramin", "seva_nepal"}, exitUsage, "", "takes one organisation"},
		{dispatch, []string{"release", "asha_gramn"}, exitUsage, "", `"asha_gramn" is no organisation of this database`},
		{dispatch, []string{"release"}, exitOK, "asha_gramin   2026-03-01 11:30:00 IST  foreign_sent     request 931 was marked Sent, and so on: 3 inserted or marked Sent by somebody else by now\n" +
			"seva_nepal    2026-03-02 11:30:00 IST  foreign_request  request 940 was inserted\n" +
			"may have been sent twice, by us and by somebody else; look at their contacts in Glific: requests 931, 935\n", ""},
		{dispatch, []string{"cancel", fmt.Sprint(due)}, exitOK, "is cancelled", ""}, // a hold keeps nobody from that
		{dispatch, []string{"release", "asha_gramin"}, exitOK, "asha_gramin is released; it was held since 2026-03-01 11:30:00 IST: request 931 was marked Sent, and so on", ""},
		{dispatch, []string{"release", "101"}, exitOK, "asha_gramin is not held for another writer: nothing to do\n", ""},
		{full, []string{"release", "103"}, exitOK, "seva_nepal is released; it was held since 2026-03-02 11:30:00 IST: request 940 was inserted\n", ""},
		{full, []string{"release", "asha_gramin"}, exitOK, "It is held back still: enableMessaging is true", ""},
		{"MESSENGER_ORGANISATIONS=none", []string{"release", "asha_gramin"}, exitOK, "It is not served by an avni-messenger with this environment.", ""},
		{dispatch, []string{"release"}, exitOK, "no organisation is held because of another writer\n", ""},
	} {
		code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + db.URL(), row.environ}, row.args...)
		if code != row.code || !strings.Contains(stdout, row.stdout) || !strings.Contains(stderr, row.stderr) {
			t.Errorf("%v: code %d, stdout %q, stderr %q", row.args, code, stdout, stderr)
		}
	}
	if left := n.count(`select count(*) from messenger.ownership`); left != 0 {
		t.Errorf("%d organisations are owned still: what was written during the hold would count", left)
	}
}
