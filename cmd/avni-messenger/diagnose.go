package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/cdc"
)

// obstacle is what keeps avni-messenger from working with the database, and what to
// do about it. It passes by itself or by somebody's hand: the process waits.
type obstacle struct{ Detail, Fix string }

func (o *obstacle) Error() string {
	if o.Fix == "" {
		return o.Detail
	}
	return o.Detail + ". " + o.Fix
}

// hints says what to do about an error of PostgreSQL, by SQLSTATE (PostgreSQL
// documentation, appendix A).
var hints = map[string]string{
	"28P01": "Check user and password in MESSENGER_DATABASE_URL or OPENCHS_DATABASE_USER and OPENCHS_DATABASE_PASSWORD. " +
		"Before setup.sql is run there is no such role, of which PostgreSQL says the same.",
	"28000": "Check that the role exists (before setup.sql is run there is none) and may log in, and that pg_hba.conf lets it in from this machine.",
	"3D000": "Check the name of the database in MESSENGER_DATABASE_URL or OPENCHS_DATABASE.",
	"57P01": "PostgreSQL was restarted or ended the connection; nothing needs to be done.",
	"57P02": "PostgreSQL crashed and restarts; nothing needs to be done here.",
	"57P03": "PostgreSQL is starting or shutting down; nothing needs to be done.",
	"53300": "PostgreSQL has no connection left: raise max_connections or end sessions that idle.",
	"42P01": "Check that this is Avni's database and that avni-server has migrated it.",
	"25006": "The server does not take writes; connect to the primary.",
}

// explain turns an error of the database into words. No part of a password is in it.
func explain(err error, cfg Config) *obstacle {
	var known *obstacle
	if errors.As(err, &known) {
		return known
	}
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		fix := hints[refused.Code]
		switch refused.Code {
		case "28P01", "28000":
			fix = cfg.Database.advise(fix + " What `" + cdc.SetupCommand(cfg.Database.role(), cfg.names()) + "` prints makes the role.")
		case "3D000":
			fix = cfg.Database.advise(fix)
		case "42501":
			fix = sentence(cdc.SetupAdvice(cfg.Database.role(), cfg.names()))
		}
		return &obstacle{fmt.Sprintf("PostgreSQL at %s says: %s (SQLSTATE %s)", cfg.Database.Redacted(), refused.Message, refused.Code), fix}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &obstacle{"PostgreSQL at " + cfg.Database.Redacted() + " does not answer in time",
			cfg.Database.advise("Check that it runs and can be reached from this machine.")}
	}
	if cause := cdc.ConnectCause(err); cause != "" {
		return &obstacle{fmt.Sprintf("PostgreSQL at %s cannot be reached: %s", cfg.Database.Redacted(), cause),
			cfg.Database.advise("Check host and port, that PostgreSQL runs, and that a firewall lets this machine through.")}
	}
	return &obstacle{Detail: strings.Join(strings.Fields(err.Error()), " ")}
}

// leftOver is explain of an error after a part of the work; done is the sentence about that part.
func leftOver(err error, cfg Config, done string) *obstacle {
	o := *explain(err, cfg)
	o.Fix = strings.TrimSpace(o.Fix + " " + done)
	return &o
}

// sentence makes one of advice that stands alone.
func sentence(advice string) string {
	return strings.ToUpper(advice[:1]) + advice[1:] + "."
}

// role is the one that connects.
func (d Database) role() string {
	config, err := pgconn.ParseConfig(d.ConnectionURL())
	if err != nil {
		return "" // parseConfig has refused it
	}
	return config.User
}

// preflightSQL finds what would make everything after it fail, or worse: a role that
// row-level security applies to sees no rows of Avni, and no error.
const preflightSQL = `
select current_setting('server_version'), current_setting('server_version_num')::int, current_user::text, current_database()::text,
       pg_is_in_recovery(), coalesce(pg_get_userbyid(t.relowner)::text, ''),
       me.rolsuper or me.rolbypassrls or coalesce(pg_has_role(t.relowner, 'usage'), false)
from pg_roles me left join pg_class t on t.oid = to_regclass('public.individual')
where me.rolname = current_user`

// server is the database as it was found.
type server struct {
	version, role, database string
	number                  int // server_version_num
	standby                 bool
	owner                   string // of Avni's tables; "" if they are not there
	sees                    bool   // row-level security hides nothing from the role
}

func (s server) String() string { return fmt.Sprintf("PostgreSQL %s as %s", s.version, s.role) }

// preflight checks that the database can be worked with. Its error is an *obstacle if
// somebody has to do something.
func preflight(ctx context.Context, pool *pgxpool.Pool) (server, error) {
	s, err := lookAtServer(ctx, pool)
	if err != nil {
		return s, err
	}
	for _, o := range []*obstacle{s.outdated(), s.isStandby(), s.isForeign(), s.isBlind()} {
		if o != nil {
			return s, o
		}
	}
	return s, nil
}

func lookAtServer(ctx context.Context, pool *pgxpool.Pool) (server, error) {
	var s server
	err := pool.QueryRow(ctx, preflightSQL).Scan(&s.version, &s.number, &s.role, &s.database, &s.standby, &s.owner, &s.sees)
	if err != nil {
		return s, fmt.Errorf("look at the database: %w", err)
	}
	return s, nil
}

func (s server) outdated() *obstacle {
	if s.number >= 120000 {
		return nil
	}
	return &obstacle{fmt.Sprintf("PostgreSQL %s is too old", s.version), "avni-messenger needs PostgreSQL 12 or later."}
}

func (s server) isStandby() *obstacle {
	if !s.standby {
		return nil
	}
	return &obstacle{"the database is a standby (in recovery)", "Connect to the primary: avni-messenger writes, and its replication slot is there."}
}

// isForeign reports a database that is not Avni's.
func (s server) isForeign() *obstacle {
	if s.owner != "" {
		return nil
	}
	return &obstacle{fmt.Sprintf("database %s has no table public.individual", s.database), "Check that it is Avni's database and that avni-server has migrated it."}
}

// isBlind reports a role that sees no rows of Avni.
func (s server) isBlind() *obstacle {
	if s.owner == "" || s.sees {
		return nil
	}
	return &obstacle{fmt.Sprintf("role %s does not have the rights of %s, which owns Avni's tables: row-level security would hide every row from it", s.role, s.owner),
		fmt.Sprintf("Run as a superuser, or as the master user on Amazon RDS: grant %q to %q;", s.owner, s.role)}
}
