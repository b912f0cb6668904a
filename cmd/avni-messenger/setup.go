package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"avni-messenger/cdc"
	"avni-messenger/internal/schema"
)

const setupHelp = `Prepares Avni's database: the role of avni-messenger, its own schema and tables, the
publication and replication slot through which it reads changes, and some indexes on
Avni's message queue.

It does what the connection of MESSENGER_DATABASE_URL (or OPENCHS_DATABASE_*) may do,
tells each step, and says what is left to a database administrator, with the SQL for it.
It can be run again at any time: what is there already stays as it is.

With --print it connects to nothing and prints everything as one script, for psql or
another client that sends one statement after the other.

Once the slot exists, PostgreSQL keeps WAL for it: start avni-messenger soon, or undo
with "avni-messenger teardown".`

// defaultRole is the role that setup makes unless it is told another.
const defaultRole = "avni_messenger"

var roleName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,63}$`)

func newSetupCommand(c console) *cobra.Command {
	var printOnly bool
	var role string
	cmd := &cobra.Command{
		Use:   "setup",
		Short: "Prepare the database, or print what a DBA must run",
		Long:  setupHelp,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := parseConfig(c.environ)
			if err != nil {
				return err
			}
			if role != "" && !roleName.MatchString(role) {
				return &usageError{fmt.Sprintf("--role is %q; it must be 1 to 63 of a-z, A-Z, 0-9, _, . and -", role)}
			}
			if printOnly {
				script, err := printSetup(orDefault(role, defaultRole), cfg.names())
				if err != nil {
					return err
				}
				_, err = io.WriteString(c.stdout, script)
				return err
			}
			return setupDatabase(cmd.Context(), cfg, role, c.stdout)
		},
	}
	cmd.Flags().BoolVar(&printOnly, "print", false, "print the SQL for a DBA instead of running it; connects to nothing")
	cmd.Flags().StringVar(&role, "role", "", "role that avni-messenger connects as (default: the connected role, or "+defaultRole+" if that is an administrator's or avni-server's own)")
	return cmd
}

func orDefault(text, fallback string) string {
	if text == "" {
		return fallback
	}
	return text
}

// setupDatabase runs all steps that can be run. Its error says that something is left
// to do, after the steps have told what.
func setupDatabase(ctx context.Context, cfg Config, role string, out io.Writer) error {
	conn, err := connectOnce(ctx, cfg)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	s := &setup{cfg: cfg, conn: conn, role: role, told: narrator{out: out}}
	if err := s.run(ctx); err != nil {
		return err
	}
	if s.told.missing > 0 {
		return s.incomplete()
	}
	fmt.Fprintln(out, "Setup is complete. Start avni-messenger with `avni-messenger run`.")
	return nil
}

// setup is one run of the command.
type setup struct {
	cfg  Config
	conn *pgx.Conn
	role string // "" until chosen
	told narrator

	database string // its name
	owner    string // of Avni's tables
	self     string // the connected role
	super    bool   // whether that is a superuser
}

func (s *setup) run(ctx context.Context) error {
	if err := s.look(ctx); err != nil {
		return err
	}
	if err := s.refuseTakeOver(ctx); err != nil {
		return err
	}
	ready, err := s.makeRole(ctx)
	if err != nil || !ready {
		return err
	}
	if ready, err = s.makeSchema(ctx); err != nil || !ready {
		return err
	}
	pool, err := s.actAsRole(ctx)
	if err != nil || pool == nil {
		return err
	}
	defer pool.Close()
	if ran, err := schema.Migrate(ctx, pool); err != nil {
		s.told.lack("tables", explain(err, s.cfg).Detail)
		return nil
	} else if ran > 0 {
		s.told.did("tables", fmt.Sprintf("%d migrations of schema %s were run", ran, schema.Name))
	} else {
		s.told.found("tables", "schema "+schema.Name+" is up to date")
	}
	return pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		s.makeStream(ctx, c.Conn())
		s.makeIndexes(ctx, c.Conn())
		return nil
	})
}

// incomplete says what somebody with more rights has to do.
func (s *setup) incomplete() error {
	again := "avni-messenger setup"
	if s.role != s.self && s.role != defaultRole {
		again += " --role " + s.role
	}
	return fmt.Errorf("setup is not complete: what is MISSING above is left to do as a superuser (Amazon RDS: as the master user), in database %s. "+
		"Most of it at once:\n  %s > setup.sql\n  psql -v ON_ERROR_STOP=1 -d %s -f setup.sql\nThen run `%s` once more",
		s.database, cdc.SetupCommand(s.role, s.cfg.names()), s.database, again)
}

// look finds out where it is and as whom, and chooses the role.
func (s *setup) look(ctx context.Context) error {
	var version, walLevel string
	var own bool
	err := s.conn.QueryRow(ctx, `
		select current_setting('server_version'), current_setting('wal_level'), current_database()::text, current_user::text, me.rolsuper,
		       coalesce(pg_get_userbyid(t.relowner)::text, ''),
		       coalesce(not me.rolsuper and ((me.rolreplication or pg_has_role(rds.oid, 'member')) and pg_has_role(t.relowner, 'usage')
		                                     or not me.rolcreaterole and me.oid <> t.relowner), false)
		from pg_roles me
		left join pg_class t on t.oid = to_regclass('public.individual')
		left join pg_roles rds on rds.rolname = 'rds_replication'
		where me.rolname = current_user`).Scan(&version, &walLevel, &s.database, &s.self, &s.super, &s.owner, &own)
	if err != nil {
		return fmt.Errorf("look at the database: %w", err)
	}
	if s.owner == "" {
		return fmt.Errorf("%s has no table public.individual: it is not Avni's database, or avni-server has not migrated it yet", s.cfg.Database.Redacted())
	}
	s.told.found("server", fmt.Sprintf("PostgreSQL %s, %s", version, s.cfg.Database.Redacted()))
	if walLevel != "logical" {
		s.told.lack("wal_level", "it is "+walLevel+" and must be logical; after the change PostgreSQL must be restarted "+
			"(Amazon RDS: set rds.logical_replication = 1 in the parameter group and reboot)", "alter system set wal_level = 'logical';")
	}
	if s.role == "" {
		s.role = defaultRole
		if own {
			s.role = s.self
		}
	}
	return nil
}

// makeStream makes the publication and the slot.
func (s *setup) makeStream(ctx context.Context, conn *pgx.Conn) {
	installed, err := cdc.Setup(ctx, conn, s.cfg.names())
	if err != nil {
		s.told.lack("stream", strings.ReplaceAll(err.Error(), "\n", "\n         "))
		return
	}
	for _, part := range []struct {
		what, name string
		created    bool
	}{{"publication", s.cfg.Publication, installed.PublicationCreated}, {"slot", s.cfg.Slot, installed.SlotCreated}} {
		if part.created {
			s.told.did(part.what, part.name+" was created")
		} else {
			s.told.found(part.what, part.name)
		}
	}
	if in, err := cdc.Inspect(ctx, conn, s.cfg.names()); err == nil {
		for _, text := range in.Warnings() {
			s.told.warn("disk", text)
		}
	}
}

func (s *setup) makeIndexes(ctx context.Context, conn *pgx.Conn) {
	for _, index := range queueIndexes {
		created, err := index.ensure(ctx, conn)
		switch {
		case err != nil:
			s.told.lack("index", fmt.Sprintf("%v; without it Avni's message queue is read from end to end for %s", err, index.why), index.create()+";")
		case created:
			s.told.did("index", index.name+" was created, for "+index.why)
		default:
			s.told.found("index", index.name)
		}
	}
}

// isDenied reports whether a right is missing.
func isDenied(err error) bool {
	var pgErr *pgconn.PgError
	return errors.As(err, &pgErr) && pgErr.Code == "42501"
}
