package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
)

func TestDetachAndAttach(t *testing.T) {
	db, environ := bareDatabase(t)
	if code, _, stderr := command(t, environ(db.URL()), "detach"); code != exitTrouble || !strings.Contains(stderr, "run `avni-messenger setup`") {
		t.Errorf("detach before setup ended with %d: %s", code, stderr)
	}
	if code, stdout, stderr := command(t, environ(db.URL()), "setup"); code != exitOK {
		t.Fatalf("setup ended with %d: %s%s", code, stdout, stderr)
	}
	var version int
	if err := queryRow(t, db.URL(), `select current_setting('server_version_num')::int`).Scan(&version); err != nil {
		t.Fatal(err)
	}
	first := "done publication"
	if version < 150000 {
		first = "ok publication" // nothing to take off
	}
	for _, step := range []struct {
		command string
		want    []string
		last    string
	}{
		{"attach", []string{"ok publication", "ok updates"}, "avni-messenger reads no more than it needs."},
		{"detach", []string{first, "ok updates"}, "Avni can be upgraded. Run `avni-messenger attach` when that is done."},
		{"detach", []string{"ok publication", "ok updates"}, "Avni can be upgraded. Run `avni-messenger attach` when that is done."},
		{"setup", nil, "Setup is complete. Start avni-messenger with `avni-messenger run`."},
		{"attach", []string{first, "ok updates"}, "avni-messenger reads no more than it needs."},
	} {
		code, stdout, stderr := command(t, environ(db.URL()), step.command)
		if code != exitOK || !strings.HasSuffix(stdout, step.last+"\n") {
			t.Errorf("%s ended with %d: %s%s", step.command, code, stdout, stderr)
		}
		if diff := cmp.Diff(step.want, steps(stdout)); diff != "" && step.want != nil {
			t.Errorf("%s: steps (-want +got):\n%s", step.command, diff)
		}
	}
}

// While it is detached the program works, and /health says what is left to do.
func TestHealthWhileDetached(t *testing.T) {
	db := avnitest.New(t)
	r := startApp(t, db.URL())
	r.awaitHealth(http.StatusOK, "streaming")
	var version int
	if err := queryRow(t, db.URL(), `select current_setting('server_version_num')::int`).Scan(&version); err != nil {
		t.Fatal(err)
	}
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL(), "MESSENGER_SLOT=" + r.cfg.Slot, "MESSENGER_PUBLICATION=" + r.cfg.Publication}
	if code, _, stderr := command(t, environ, "detach"); code != exitOK {
		t.Fatalf("detach ended with %d: %s", code, stderr)
	}
	if version >= 150000 {
		r.awaitHealth(http.StatusOK, "is detached", "run avni-messenger attach")
	}
	if code, _, stderr := command(t, environ, "attach"); code != exitOK {
		t.Fatalf("attach ended with %d: %s", code, stderr)
	}
	within(t, func() string {
		if _, health := r.health(); strings.Contains(health.Checks[3].Detail, "is detached") {
			return health.Checks[3].Detail
		}
		return ""
	})
}
