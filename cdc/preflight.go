package cdc

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// SettingProblems lists settings of the server under which its disk may fill or the slot be
// lost, as Warnings does.
func (in Inspection) SettingProblems() []*Problem { return problemsOf(in.warnings()) }

// SlotProblems lists what somebody should look at about the slot that is there: what it
// costs the disk, and who reads it. limit is MESSENGER_MAX_SLOT_WAL in bytes.
func (in Inspection) SlotProblems(ctx context.Context, db Querier, names Names, limit int64) []*Problem {
	holding := ""
	if in.heldOpen(LSN(limit)) {
		holding = blockers(ctx, db)
	}
	return problemsOf(in.slotConcerns(names, LSN(limit), holding))
}

func problemsOf(concerns []concern) []*Problem {
	found := make([]*Problem, len(concerns))
	for i := range concerns {
		found[i] = &concerns[i].Problem
	}
	return found
}

// Gap says why the stream cannot go on where it stopped, or is nil. repaired: `run` makes
// that good by itself.
func (in Inspection) Gap(names Names) (repaired bool, gap error) {
	gap = in.gap(names)
	var t *trouble
	return errors.As(gap, &t) && t.cause != "", gap
}

// PublicationProblem says how the publication differs from what Setup makes of it, or is
// nil. fatal: the stream would be incomplete, or Avni's own writes fail.
func (in Inspection) PublicationProblem(names Names) (problem *Problem, fatal bool) {
	if !in.Publication.Exists || len(in.Publication.Differences) == 0 {
		return nil, false
	}
	if !errors.As(in.wrongShape(names, false), &problem) {
		return nil, false
	}
	return problem, describe(in.Publication.Differences, true) != ""
}

// Reader says who reads the slot at this moment, "" for nobody, and whether that is an
// avni-messenger.
func (s SlotState) Reader(names Names) (who string, ours bool) {
	if !s.Active {
		return "", true
	}
	return fmt.Sprintf("pid %d (application_name %q)", s.ActivePID, s.ActiveName), s.ours(names) || s.made(names)
}

// Retained is how many bytes of WAL are kept for the slot.
func (in Inspection) Retained() int64 { return int64(in.retained()) }

// IdentityProblems finds tables whose rows PostgreSQL could not tell apart in the stream:
// once such a table is published, it refuses every UPDATE of it, Avni's own among them. Each
// is a *Problem. Tables that are not there are left out.
func IdentityProblems(ctx context.Context, db Querier, serverVersion int) ([]error, error) {
	rows, err := db.Query(ctx, `
		select c.relname::text, c.relreplident::text, array(
			select a.attname::text from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey)
			where i.indrelid = c.oid and (c.relreplident = 'd' and i.indisprimary or c.relreplident = 'i' and i.indisreplident))
		from pg_class c where c.relnamespace = to_regnamespace($2) and c.relname = any($1::text[]) and c.relkind in ('r', 'p')
		order by array_position($1::text[], c.relname::text)`, tableNames(), avniSchema)
	if err != nil {
		return nil, err
	}
	var problems []error
	var name, identity string
	var columns []string
	_, err = pgx.ForEachRow(rows, []any{&name, &identity, &columns}, func() error {
		if p := identityProblem(findTable(name), identity, columns, columnLists(serverVersion)); p != nil {
			problems = append(problems, p)
		}
		return nil
	})
	return problems, err
}

// identityProblem judges pg_class.relreplident and the columns that it stands for.
func identityProblem(table *watchedTable, identity string, columns []string, lists bool) *Problem {
	usual := fmt.Sprintf("run `alter table %s replica identity default;` as its owner", table.qualified())
	switch {
	case identity == "f" && lists:
		return &Problem{fmt.Sprintf("table %s has replica identity FULL, with which it cannot be published without all its columns", table.name), usual}
	case identity == "f":
		return nil
	case identity == "d" && len(columns) == 0:
		return &Problem{fmt.Sprintf("table %s has no primary key", table.name), fmt.Sprintf("let its owner run `alter table %s add primary key (id);`", table.qualified())}
	case len(columns) == 0: // nothing, or an index that was dropped
		return &Problem{fmt.Sprintf("table %s has no replica identity", table.name), usual}
	}
	for _, column := range columns {
		if lists && !slices.Contains(table.columns(), column) {
			return &Problem{fmt.Sprintf("table %s has column %s in its replica identity, which is not published", table.name, column), usual}
		}
	}
	return nil
}

// ProbeUpdates tries, without changing anything, whether Avni can update each table of the
// publication. The transaction must be one that may write; it is not of use afterwards if
// there is an error.
func ProbeUpdates(ctx context.Context, tx pgx.Tx) error { return probeAll(ctx, tx) }

// TryReplication opens a replication connection, as the stream does, and closes it: that
// takes the REPLICATION right, a line in pg_hba.conf and a free WAL sender.
func TryReplication(ctx context.Context, base *pgconn.Config) error {
	config := base.Copy()
	config.RuntimeParams = map[string]string{"replication": "database", "application_name": "avni-messenger check"}
	pg, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return replicationTrouble(err, config.User)
	}
	defer func() {
		last, cancel := parting(ctx)
		defer cancel()
		_ = pg.Close(last) // it ends with this process at the latest
	}()
	if _, err := pglogrepl.IdentifySystem(ctx, pg); err != nil {
		return fmt.Errorf("use the replication connection: %w", err)
	}
	return nil
}
