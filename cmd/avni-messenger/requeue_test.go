package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
)

// What the two commands do to requests is tested where it is done; here, what they say.
func TestRequeueAndCancel(t *testing.T) {
	db := avnitest.New(t)
	due, err := db.Avni().QueueRule(t.Context(), 601, 1001, avnitest.Receiver{Type: "Subject", ID: 1001}, time.Now().Add(-time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	request := fmt.Sprint(due)
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL(), "MESSENGER_ORGANISATIONS=asha_gramin=dispatch", "MESSENGER_DISPATCH=off"}
	for _, row := range []struct {
		environ        []string
		args           []string
		code           int
		stdout, stderr string
	}{
		{environ, []string{"requeue"}, exitUsage, "", "no request is named"},
		{environ, []string{"cancel", "x1"}, exitUsage, "", `"x1" is no request`},
		{environ, []string{"requeue", request, "-5"}, exitUsage, "", "unknown shorthand flag"},
		{environ, []string{"requeue", request, "5"}, exitTrouble, "request " + request + " is tried again; it was not tried yet\nrequest 5 is left alone: there is no such row", ""},
		{environ[:1], []string{"cancel", request}, exitTrouble, "it belongs to organisation 101, whose messages avni-messenger does not deliver", ""},
		{environ, []string{"cancel", request}, exitOK, "request " + request + " is cancelled; it was not tried yet\n", ""},
		{environ, []string{"cancel", request}, exitTrouble, "request " + request + " is left alone: it is cancelled already\n", ""},
		{environ, []string{"requeue", request}, exitOK, "request " + request + " is tried again; it was withdrawn (cancelled by hand)\n", ""},
	} {
		code, stdout, stderr := command(t, row.environ, row.args...)
		if code != row.code || !strings.Contains(stdout, row.stdout) || !strings.Contains(stderr, row.stderr) {
			t.Errorf("%v: code %d, stdout %q, stderr %q", row.args, code, stdout, stderr)
		}
	}
}
