package cdc

import (
	"strings"
	"testing"
)

// The advised command is right as it is, also with names of one's own.
func TestSetupCommand(t *testing.T) {
	usual := Names{Slot: "avni_messenger", Publication: "avni_messenger"}
	for _, c := range []struct {
		role  string
		names Names
		want  string
	}{
		{"avni_messenger", usual, "avni-messenger setup --print"},
		{"", usual, "avni-messenger setup --print"},
		{"openchs", usual, "avni-messenger setup --print --role openchs"},
		{"openchs", Names{Slot: "own", Publication: "avni_messenger"}, "MESSENGER_SLOT=own avni-messenger setup --print --role openchs"},
		{"avni_messenger", Names{Slot: "own", Publication: "mine"}, "MESSENGER_SLOT=own MESSENGER_PUBLICATION=mine avni-messenger setup --print"},
	} {
		if got := SetupCommand(c.role, c.names); got != c.want {
			t.Errorf("command for %q and %+v is %q, want %q", c.role, c.names, got, c.want)
		}
	}
}

// A right that is lost while the program runs is told of with the command for its role.
func TestAdviceForARightThatIsMissing(t *testing.T) {
	f := newFixture(t)
	f.setup()
	role := "bare_" + f.names.Slot
	f.superuser(`create role ` + role + ` login replication`)
	pool := f.pool(strings.Replace(f.db.URL(), "avni_messenger", role, 1))
	r := f.start(func(r *Reader) { r.options.Pool = pool })
	want := "let a superuser (Amazon RDS: the master user) run with psql, in Avni's database, what `MESSENGER_SLOT=" + f.names.Slot +
		" avni-messenger setup --print --role " + role + "` prints"
	if detail := r.await(Misconfigured).Detail; !strings.HasPrefix(detail, "a right is missing: ") || !strings.HasSuffix(detail, want) {
		t.Errorf("detail %s, want %s", detail, want)
	}
}
