package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"avni-messenger/cdc"
	"avni-messenger/internal/schema"
)

const teardownHelp = `Drops the replication slot and the publication, so that PostgreSQL keeps no WAL for
avni-messenger any more. Stop avni-messenger first: while it runs this is refused, unless
--force is given, which disconnects it. Changes that are committed from now on are not
seen by a later setup.

With --schema it also drops schema messenger, which holds the record of every delivery,
and the indexes that setup made on message_request_queue.

The role stays. After --schema a superuser can drop it, in Avni's database:

  drop owned by avni_messenger;    -- takes back its rights in the database
  drop role avni_messenger;

Never do so with a role that owns anything else, such as avni-server's: "drop owned"
drops all of that. "teardown --schema" says which SQL is right.

With --print it connects to nothing and prints the SQL.

Avni's tables and rows are not touched.`

// teardownOptions are the flags of the command.
type teardownOptions struct{ withSchema, force, print bool }

func newTeardownCommand(c console) *cobra.Command {
	var options teardownOptions
	cmd := &cobra.Command{
		Use:   "teardown",
		Short: "Drop the replication slot and the publication",
		Long:  teardownHelp,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := parseConfig(c.environ)
			if err != nil {
				return err
			}
			if options.print {
				script, err := printTeardown(cfg.names(), options.withSchema)
				if err != nil {
					return err
				}
				_, err = io.WriteString(c.stdout, script)
				return err
			}
			return teardownDatabase(cmd.Context(), cfg, options, c.stdout)
		},
	}
	cmd.Flags().BoolVar(&options.withSchema, "schema", false, "drop schema messenger and our indexes as well")
	cmd.Flags().BoolVar(&options.force, "force", false, "disconnect an avni-messenger that runs")
	cmd.Flags().BoolVar(&options.print, "print", false, "print the SQL for a DBA instead of running it; connects to nothing")
	return cmd
}

func teardownDatabase(ctx context.Context, cfg Config, options teardownOptions, out io.Writer) error {
	conn, err := connectOnce(ctx, cfg)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	told := &narrator{out: out}
	before, err := cdc.Inspect(ctx, conn, cfg.names())
	if err != nil {
		return err
	}
	if !options.force {
		if err := refuseInUse(ctx, conn, cfg.Slot, before); err != nil {
			return err
		}
	}
	role, err := ownRole(ctx, conn, cfg.Publication)
	if err != nil {
		return err
	}
	if err := cdc.Teardown(ctx, conn, cfg.names()); err != nil {
		return err
	}
	if err := disown(ctx, conn, cfg.Slot); err != nil {
		return err
	}
	tellDropped(told, "slot", cfg.Slot, before.Slot.Exists)
	tellDropped(told, "publication", cfg.Publication, before.Publication.Exists)
	told.warn("from now on", "what changes in Avni is not read; a later setup or run begins with what changes then. Run avni-messenger catch-up --since after it for what changed in between")
	if !options.withSchema {
		return nil
	}
	if err := dropOwn(ctx, conn, told); err != nil {
		return err
	}
	return tellRole(ctx, conn, told, role)
}

// refuseInUse reports an avni-messenger that runs: its stream, or its lease in the
// moments without one. A slot that somebody else reads is cdc.Teardown's to refuse.
func refuseInUse(ctx context.Context, conn *pgx.Conn, slot string, in cdc.Inspection) error {
	const advice = "Stop it and run this again, or add --force, which disconnects it"
	switch {
	case in.Slot.Active && strings.HasPrefix(in.Slot.ActiveName, "avni-messenger:"):
		var address string
		err := conn.QueryRow(ctx, `select coalesce((select host(client_addr) from pg_stat_activity where pid = $1), 'a local socket')`, in.Slot.ActivePID).
			Scan(&address)
		if err != nil {
			return fmt.Errorf("look who reads slot %s: %w", slot, err)
		}
		return fmt.Errorf("nothing was dropped: an avni-messenger reads slot %s (from %s, application_name %q, which ends with its host and process id; pid %d in PostgreSQL). %s",
			slot, address, in.Slot.ActiveName, in.Slot.ActivePID, advice)
	case !in.Slot.Active && in.Position.Exists && !in.Position.Lapsed:
		return fmt.Errorf("nothing was dropped: an avni-messenger works with slot %s (holder %q in messenger.position, which begins with its host and process id). %s. "+
			"If it does not run any more, wait until %s", slot, in.Position.Holder, advice, in.Position.LeaseUntil.In(time.Local).Format("15:04:05 MST"))
	}
	return nil
}

// dropOwn drops schema messenger and our indexes.
func dropOwn(ctx context.Context, conn *pgx.Conn, told *narrator) error {
	type part struct{ what, name, exists, drop string }
	var parts []part
	for _, index := range queueIndexes {
		parts = append(parts, part{"index", index.name, "to_regclass('public." + index.name + "')", index.drop()})
	}
	parts = append(parts, part{"schema", schema.Name, "to_regnamespace('" + schema.Name + "')", "drop schema if exists " + schema.Name + " cascade"})
	for _, part := range parts {
		var exists bool
		if err := conn.QueryRow(ctx, `select `+part.exists+` is not null`).Scan(&exists); err != nil {
			return fmt.Errorf("look for %s %s: %w", part.what, part.name, err)
		}
		if _, err := conn.Exec(ctx, part.drop); err != nil {
			return fmt.Errorf("drop %s %s: %w", part.what, part.name, err)
		}
		tellDropped(told, part.what, part.name, exists)
	}
	return nil
}

func tellDropped(told *narrator, what, name string, existed bool) {
	if existed {
		told.did(what, name+" was dropped")
	} else {
		told.found(what, name+" is not there")
	}
}
