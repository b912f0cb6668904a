package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/rules"
)

// settingsOf are those of a process with that environment, which serves organisations in
// those modes by the id that stands in for their name.
func settingsOf(t *testing.T, modes map[int32]Mode, environ ...string) instanceSettings {
	t.Helper()
	cfg, err := parseConfig(environ)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"zero", "asha", "seva", "base", "care", "help", "hope", "more"}
	var served []*standing
	for id := range int32(len(names)) {
		if mode, ok := modes[id]; ok {
			served = append(served, &standing{Mode: mode, rules: rules.Organisation{ID: id, DBUser: names[id]}})
		}
	}
	return newInstanceSettings(cfg, served)
}

func TestInstanceDifferences(t *testing.T) {
	type environ = []string
	type modes = map[int32]Mode
	asha, both := modes{1: ModeFull}, modes{1: ModeFull, 2: ModeShadow}
	for _, row := range []struct {
		name          string
		ours, theirs  modes
		here, there   environ
		otherSlot     bool
		want, wantToo []string // as this process says it, and as the other one does
	}{
		{name: "the same", ours: both, theirs: both},
		{name: "rules here, sending there", ours: both, theirs: both, here: environ{"MESSENGER_DISPATCH=off", "MESSENGER_DRY_RUN=on", "MESSENGER_QUIET_HOURS=21:00-08:00"},
			there: environ{"MESSENGER_RULES=off"}},
		{name: "pace", ours: asha, theirs: asha, there: environ{"MESSENGER_POLL_INTERVAL=1s", "MESSENGER_MESSAGES_PER_SECOND=1", "MESSENGER_LISTEN=:1", "LOG_LEVEL=debug"}},
		{name: "mode", ours: asha, theirs: modes{1: ModeShadow},
			want:    []string{"process box:2 serves asha in mode shadow, this one in mode full: whichever is first evaluates a change, and sends or does not"},
			wantToo: []string{"process box:1 serves asha in mode full, this one in mode shadow: whichever is first evaluates a change, and sends or does not"}},
		{name: "mode, on another slot", ours: asha, theirs: modes{1: ModeShadow}, otherSlot: true,
			want:    []string{"process box:2 serves asha in mode shadow, this one in mode full: whichever is first evaluates a change, and sends or does not"},
			wantToo: []string{"process box:1 serves asha in mode full, this one in mode shadow: whichever is first evaluates a change, and sends or does not"}},
		{name: "other organisations", ours: asha, theirs: modes{2: ModeShadow},
			want: []string{"process box:2 does not serve asha, this one does in mode full: what changes while that one reads the slot is lost",
				"process box:2 serves seva in mode shadow, this one does not: what changes while this one reads the slot is lost"},
			wantToo: []string{"process box:1 does not serve seva, this one does in mode shadow: what changes while that one reads the slot is lost",
				"process box:1 serves asha in mode full, this one does not: what changes while this one reads the slot is lost"}},
		{name: "other organisations and time zone, on another slot", ours: asha, theirs: modes{2: ModeShadow}, there: environ{"MESSENGER_TIMEZONE=Asia/Kathmandu"}, otherSlot: true},
		{name: "avni-server's rules lose nothing", ours: modes{1: ModeDispatch}, theirs: modes{2: ModeDispatch}},
		{name: "many organisations", ours: modes{1: ModeFull, 2: ModeFull, 3: ModeFull, 4: ModeFull, 5: ModeFull, 6: ModeFull, 7: ModeFull}, theirs: nil,
			want:    []string{"process box:2 does not serve asha, seva, base, care, help and 2 more, this one does in mode full: what changes while that one reads the slot is lost"},
			wantToo: []string{"process box:1 serves asha, seva, base, care, help and 2 more in mode full, this one does not: what changes while this one reads the slot is lost"}},
		{name: "time zone", ours: asha, theirs: asha, there: environ{"MESSENGER_TIMEZONE=Asia/Kathmandu", "MESSENGER_RULES=off"},
			want:    []string{"process box:2 has MESSENGER_TIMEZONE=Asia/Kathmandu, this one Asia/Kolkata: a rule sees the local time of whichever runs it"},
			wantToo: []string{"process box:1 has MESSENGER_TIMEZONE=Asia/Kolkata, this one Asia/Kathmandu: a rule sees the local time of whichever runs it"}},
		{name: "trial", ours: asha, theirs: asha, here: environ{"MESSENGER_DRY_RUN=on", "MESSENGER_TEST_NUMBERS=+919876500001"},
			want: []string{"process box:2 has MESSENGER_DRY_RUN=off, this one on: one sends what the other holds back",
				"process box:2 has MESSENGER_TEST_NUMBERS not set, this one set: one sends to everybody what the other holds back"},
			wantToo: []string{"process box:1 has MESSENGER_DRY_RUN=on, this one off: one sends what the other holds back",
				"process box:1 has MESSENGER_TEST_NUMBERS set, this one not set: one sends to everybody what the other holds back"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			one := instance{"box:1:aaaa", "a", settingsOf(t, row.ours, row.here...)}
			two := instance{"box:2:bbbb", "a", settingsOf(t, row.theirs, row.there...)}
			if row.otherSlot {
				two.slot = "b"
			}
			if diff := cmp.Diff(row.want, one.settings.differences(one.slot, two)); diff != "" {
				t.Errorf("this process says (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(row.wantToo, two.settings.differences(two.slot, one)); diff != "" {
				t.Errorf("the other process says (-want +got):\n%s", diff)
			}
		})
	}
}

// A version to come may leave out a variable.
func TestInstanceWithoutVariable(t *testing.T) {
	ours, theirs := settingsOf(t, nil), settingsOf(t, nil, "MESSENGER_TIMEZONE=UTC")
	other := instance{"box:2:bbbb", "a", theirs}
	if got := ours.differences("a", other); len(got) != 1 || !strings.Contains(got[0], "MESSENGER_TIMEZONE=UTC") {
		t.Errorf("differences are %q", got)
	}
	delete(theirs.Variables, "MESSENGER_TIMEZONE")
	if got := ours.differences("a", other); got != nil {
		t.Errorf("what is not known differs: %q", got)
	}
}
