package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"avni-messenger/cdc"
	"avni-messenger/internal/schema"
)

func (c *checker) lookAtStream(ctx context.Context, s *section) {
	s.each(ctx, []namedCheck{
		{"replica identity", c.checkIdentity}, {"Avni's own updates", c.checkUpdates}, {"publication", c.checkPublication},
		{"slot", c.checkSlot}, {"own tables", c.checkMigrations}, {"indexes", c.checkIndexes},
	})
}

func (c *checker) checkIdentity(ctx context.Context) ([]finding, error) {
	found, err := cdc.IdentityProblems(ctx, c.pool, c.server.number)
	if err != nil {
		return nil, err
	}
	if len(found) > 0 {
		return problems("replica identity", "the default, with primary key id", found), nil
	}
	return []finding{fine("replica identity", "the published tables have their primary key for it")}, nil
}

// checkUpdates tries an update of no row in each published table, in a transaction that is
// rolled back: PostgreSQL refuses it if some publication does not fit the table.
func (c *checker) checkUpdates(ctx context.Context) ([]finding, error) {
	const what, wanted = "Avni's own updates", "PostgreSQL takes them"
	if c.server.standby {
		return []finding{skipped(what, "this is a standby")}, nil
	}
	tx, err := c.pool.BeginTx(ctx, pgx.TxOptions{AccessMode: pgx.ReadWrite})
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // fails only with the connection
	if _, err := tx.Exec(ctx, `set local lock_timeout = '1s'`); err != nil {
		return nil, err
	}
	err = cdc.ProbeUpdates(ctx, tx)
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return []finding{fine(what, "PostgreSQL takes them (tried with no row)")}, nil
	case !errors.As(err, &refused):
		return nil, err
	}
	switch refused.Code {
	case "55P03":
		return []finding{warning(what, "not tried: somebody holds a lock on "+tableOr(refused, "one of the tables")+" for longer than 1 s", wanted, "Try again when the migration, or whatever holds it, is done.")}, nil
	case "42501":
		return []finding{skipped(what, c.server.role+" may not update "+tableOr(refused, "all of the tables"))}, nil
	case "42P01":
		return []finding{skipped(what, "a table is missing, see above")}, nil
	}
	return []finding{failing(what, "PostgreSQL refuses them: "+refused.Message, wanted,
		"See `select * from pg_publication_tables;` for the publication that does not fit the table. If it is "+c.cfg.Publication+", see below; else let its owner drop or correct it.")}, nil
}

func tableOr(refused *pgconn.PgError, otherwise string) string {
	if refused.TableName != "" {
		return refused.TableName
	}
	return otherwise
}

// inspectAll is for what takes all of the inspection.
func (c *checker) inspectAll() (cdc.Inspection, error) {
	if err := c.ownSchema(); err != nil {
		return cdc.Inspection{}, err
	}
	return c.inspect()
}

const madeLater = "not there yet: `setup` or the first `run` makes it"

func (c *checker) checkPublication(ctx context.Context) ([]finding, error) {
	what, wanted := "publication "+c.cfg.Publication, "as `setup` makes it"
	in, err := c.inspectAll()
	if err != nil {
		return nil, err
	}
	if !in.Publication.Exists {
		if in.Slot.Exists || in.Position.Exists { // the slot's finding says what follows
			return []finding{warning(what, "it is missing", wanted, "See what is said of the slot.")}, nil
		}
		return []finding{fine(what, "%s", madeLater)}, nil
	}
	if p, fatal := in.PublicationProblem(c.cfg.names()); p != nil {
		if fatal {
			return []finding{failing(what, p.Text, wanted, p.Mend)}, nil
		}
		return []finding{warning(what, p.Text, wanted, p.Mend)}, nil
	}
	if note, err := cdc.Detached(ctx, c.pool, c.cfg.names()); err != nil || note != "" {
		return []finding{warning(what, note, "with column lists", "When the upgrade of Avni is done run `avni-messenger attach`.")}, err
	}
	return []finding{fine(what, "as it must be")}, nil
}

func (c *checker) checkSlot(ctx context.Context) ([]finding, error) {
	what, wanted := "slot "+c.cfg.Slot, "a slot that goes on where reading stopped"
	names := c.cfg.names()
	in, err := c.inspectAll()
	if err != nil {
		return nil, err
	}
	if repaired, gap := in.Gap(names); gap != nil {
		text := strings.ReplaceAll(gap.Error(), "\n", "; ")
		if repaired {
			return []finding{warning(what, text, wanted, "Nothing is to be done but to run it; it says in /health and the log how far it is.")}, nil
		}
		return []finding{failing(what, text, wanted, "See there what to do.")}, nil
	}
	if !in.Slot.Exists {
		return []finding{fine(what, "%s", madeLater)}, nil
	}
	var found []finding
	for _, p := range in.SlotProblems(ctx, c.pool, names, int64(c.cfg.MaxSlotWAL)) {
		found = append(found, warning(what, p.Text, "a slot that is read, and keeps little WAL",
			orDefault(p.Mend, "Let avni-messenger run: PostgreSQL lets go of what it has read. If it is not to run any more, run `avni-messenger teardown`.")))
	}
	who, ours := in.Slot.Reader(names)
	kept := cdc.Bytes(in.Retained())
	switch {
	case !ours:
		return []finding{failing(what, "it is read by "+who+", which is no avni-messenger", "avni-messenger reads it, and nobody else",
			fmt.Sprintf("Stop that program, or run `select pg_terminate_backend(%d);`. If it needs a slot of that name, set MESSENGER_SLOT to another.", in.Slot.ActivePID))}, nil
	case who == "":
		return append(found, fine(what, "nobody reads it now, so no avni-messenger runs; PostgreSQL keeps %s of WAL for it", kept)), nil
	}
	return append(found, fine(what, "read by %s; PostgreSQL keeps %s of WAL for it", who, kept)), nil
}

func (c *checker) checkMigrations(ctx context.Context) ([]finding, error) {
	const what = "own tables"
	newest, err := schema.Newest()
	if err != nil {
		return nil, err
	}
	if err := c.ownSchema(); err != nil {
		return nil, err
	}
	applied, err := schema.Applied(ctx, c.pool)
	switch {
	case err != nil:
		return nil, err
	case applied == 0:
		return []finding{fine(what, "not there yet: `setup` or the first `run` makes them")}, nil
	case applied < newest:
		return []finding{fine(what, "version %d; the next `run` brings them to %d", applied, newest)}, nil
	case applied > newest:
		return []finding{warning(what, fmt.Sprintf("version %d, which a newer avni-messenger has made: this one knows %d", applied, newest), "a program that is as new as its tables",
			"Take the version of avni-messenger that made them, or a newer one.")}, nil
	}
	return []finding{fine(what, "version %d", applied)}, nil
}

func (c *checker) checkIndexes(ctx context.Context) ([]finding, error) {
	var found []finding
	for _, index := range queueIndexes {
		valid, err := index.valid(ctx, c.pool)
		if err != nil {
			return found, err
		}
		what := "index " + index.name
		wanted := "it spares PostgreSQL reading all of message_request_queue for " + index.why
		switch {
		case valid == nil:
			found = append(found, warning(what, "it is missing", wanted, "Run `"+index.create()+";` as the owner of Avni's tables."))
		case !*valid:
			found = append(found, warning(what, "it was left half built", wanted, "Run `"+index.drop()+";` and `"+index.create()+";` as the owner of Avni's tables."))
		default:
			found = append(found, fine(what, "there"))
		}
	}
	return found, nil
}
