package main

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"avni-messenger/internal/avnitest"
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
			for _, code := range []string{"28000", "28P01"} {
				got := explain(&pgconn.PgError{Code: code, Message: "role does not exist"}, cfg).Fix
				if !strings.HasSuffix(got, "`"+row.want+"` prints makes the role.") || !strings.Contains(got, "efore setup.sql is run there is no") {
					t.Errorf("fix for a role that does not exist is %q", got)
				}
			}
		})
	}
}

// Who has forgotten the environment is told so first, whatever comes of the defaults.
func TestAdviceWithoutAnEnvironment(t *testing.T) {
	const first = "No MESSENGER_DATABASE_URL or OPENCHS_DATABASE_… is set, so these are the defaults: give the command the environment of the service. Check "
	db, err := url.Parse(avnitest.New(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, nobody := *db, *db
	elsewhere.Path, nobody.User = "/elsewhere", url.User("nobody")
	for name, target := range map[string]string{
		"nobody listens": "postgres://avni@127.0.0.1:1/openchs", "no such role": nobody.String(), "no such database": elsewhere.String(),
	} {
		t.Run(name, func(t *testing.T) {
			_, failed := pgx.Connect(t.Context(), target)
			for _, err := range []error{failed, context.DeadlineExceeded} {
				for want, environ := range map[bool][]string{true: {"MESSENGER_DATABASE_URL=", "MESSENGER_MODE=full"}, false: {"OPENCHS_DATABASE_HOST=localhost"}} {
					cfg, wrong := parseConfig(environ)
					if wrong != nil {
						t.Fatal(wrong)
					}
					if got := explain(err, cfg); strings.HasPrefix(got.Fix, first) != want || !strings.Contains(got.Fix, "Check ") {
						t.Errorf("with %q: %s", environ, got)
					}
				}
			}
		})
	}
}
