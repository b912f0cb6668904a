package cdc

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// through is the address of the database by way of a network on which PostgreSQL refuses
// TLS, which libpq URLs prefer: each connection is tried twice.
func (f *fixture) through(role string) string {
	f.t.Helper()
	network, _ := newProxy(f)
	target, err := url.Parse(f.db.URL())
	if err != nil {
		f.t.Fatal(err)
	}
	target.User, target.Host, target.RawQuery = url.User(role), network.listener.Addr().String(), ""
	return target.String()
}

func TestConnectCause(t *testing.T) {
	f := newFixture(t)
	for name, c := range map[string]struct{ url, want string }{
		"nobody listens":       {"postgres://avni@127.0.0.1:1/openchs", "dial tcp 127.0.0.1:1: connect: connection refused"},
		"two addresses":        {"postgres://avni@127.0.0.1:1,127.0.0.1:2/openchs", "dial tcp 127.0.0.1:1: connect: connection refused; dial tcp 127.0.0.1:2: connect: connection refused"},
		"an answer":            {f.through("nobody"), `FATAL: role "nobody" does not exist (SQLSTATE 28000)`},
		"TLS or nothing":       {f.through("nobody") + "?sslmode=require", "tls error: server refused TLS connection"},
		"answer without doubt": {f.through("nobody") + "?sslmode=disable", `FATAL: role "nobody" does not exist (SQLSTATE 28000)`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := pgx.Connect(t.Context(), c.url)
			if got := ConnectCause(err); !strings.HasSuffix(got, c.want) || strings.Count(got, "refused") != strings.Count(c.want, "refused") {
				t.Errorf("cause is %q, want %q", got, c.want)
			}
			if short := brief(err).Error(); strings.Count(short, c.want) != 1 || len(short) > len(err.Error()) {
				t.Errorf("in brief %q", short)
			}
			if !errors.Is(brief(err), err) {
				t.Error("the error itself is lost")
			}
		})
	}
	if got := ConnectCause(errors.New("another")); got != "" {
		t.Errorf("cause of another error is %q", got)
	}
}

// The right to replicate can be missing while all else is there. It is said first, with
// what gives it, and the stream begins when it has been given.
func TestRoleThatMayNotReplicate(t *testing.T) {
	f := newFixture(t)
	f.setup()
	role := "mute_" + f.names.Slot
	f.superuser(`create role ` + role + ` login in role avni_messenger`)
	target := f.through(role)
	r := f.start(func(r *Reader) { r.options.URL = target })
	want := `role "` + role + `" has no REPLICATION attribute: run ` + "`alter role \"" + role + "\" replication;` as a superuser"
	if detail := r.await(Misconfigured).Detail; !strings.HasPrefix(detail, want) || strings.Contains(detail, "TLS") || strings.Contains(detail, "tls error") {
		t.Errorf("detail %s, want %s", detail, want)
	}
	f.superuser(`alter role "` + role + `" replication`)
	r.await(Streaming)
}

// A connection that fails is told of once, in one line.
func TestServerThatCannotBeReached(t *testing.T) {
	f := newFixture(t)
	f.setup()
	r := f.start(func(r *Reader) { r.options.URL = "postgres://avni@127.0.0.1:1/openchs" })
	want := "open replication connection: connect to database openchs as avni: dial tcp 127.0.0.1:1: connect: connection refused; trying again"
	eventually(t, "the reason", func() (bool, string) { s := r.Status(); return s.Detail == want, s.Detail })
}
