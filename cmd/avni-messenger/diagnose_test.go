package main

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// The advised command is right when it is pasted: it names the role and the names that
// are in use, unless they are what setup takes by itself.
func TestAdviceForAMissingRight(t *testing.T) {
	const before, after = "Let a superuser (Amazon RDS: the master user) run with psql, in Avni's database, what `", "` prints."
	for _, row := range []struct {
		name    string
		environ []string
		want    string
	}{
		{"usual names", []string{"MESSENGER_DATABASE_URL=postgres://avni_messenger@db/openchs"}, "avni-messenger setup --print"},
		{"avni-server's role", nil, "avni-messenger setup --print --role openchs"},
		{"own names", []string{"MESSENGER_DATABASE_URL=postgres://wa@db/openchs", "MESSENGER_SLOT=wa_slot", "MESSENGER_PUBLICATION=wa_pub"},
			"MESSENGER_SLOT=wa_slot MESSENGER_PUBLICATION=wa_pub avni-messenger setup --print --role wa"},
	} {
		t.Run(row.name, func(t *testing.T) {
			cfg, err := parseConfig(row.environ)
			if err != nil {
				t.Fatal(err)
			}
			if got := explain(&pgconn.PgError{Code: "42501", Message: "permission denied"}, cfg).Fix; got != before+row.want+after {
				t.Errorf("fix is %q, want %q", got, before+row.want+after)
			}
			if got := explain(&pgconn.PgError{Code: "28000", Message: "role does not exist"}, cfg).Fix; !strings.HasSuffix(got, "`"+row.want+"` prints makes the role.") {
				t.Errorf("fix for a role that does not exist is %q", got)
			}
		})
	}
}
