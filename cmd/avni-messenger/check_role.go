package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
	"avni-messenger/internal/schema"
)

func (c *checker) lookAtRole(ctx context.Context, s *section) {
	s.each(ctx, []namedCheck{
		{"role", c.checkSuperuser}, {"rights", c.checkRights}, {"row-level security", c.checkRowSecurity},
		{"reading Avni's tables", c.checkReading}, {"writing Avni's tables", c.checkWriting}, {"schema messenger", c.checkSchema},
	})
}

func (c *checker) checkSuperuser(ctx context.Context) ([]finding, error) {
	var super bool
	if err := c.pool.QueryRow(ctx, `select rolsuper from pg_roles where rolname = current_user`).Scan(&super); err != nil {
		return nil, err
	}
	if super {
		return []finding{warning("role", fmt.Sprintf("%s is a superuser: whoever gets its password has the whole server", c.server.role), "a role with no more rights than are needed",
			"Run what `"+cdc.SetupCommand(defaultRole, c.cfg.names())+"` prints, and connect as "+defaultRole+".")}, nil
	}
	return []finding{fine("role", "%s, which is no superuser", c.server.role)}, nil
}

// checkRights looks at the rights that `setup` grants, and at who owns what is published.
func (c *checker) checkRights(ctx context.Context) ([]finding, error) {
	state, err := readRole(ctx, c.pool, c.server.role)
	if err != nil {
		return nil, err
	}
	in, _ := c.inspect() // what ails it is told elsewhere; without it the right to create is needed
	var found []finding
	for i, right := range rightsOf(c.server.role, c.server.owner, c.server.database, state.managed) {
		what := []string{"REPLICATION", "rights of " + c.server.owner, "CREATE on the database", "pg_monitor"}[i]
		mend := "Run `" + right.grant + "` as a superuser (Amazon RDS: as the master user)."
		lack := fmt.Sprintf("%s %s", c.server.role, right.lack)
		switch {
		case right.held(state):
			found = append(found, fine(what, "%s has it", c.server.role))
		case right.optional:
			found = append(found, warning(what, lack+", which tells who keeps WAL on the disk", "pg_monitor", mend))
		case what == "CREATE on the database" && in.Publication.Exists && in.Position.TableExists:
			found = append(found, warning(what, lack+": it could not be made again if it were lost", "CREATE on the database", mend))
		default:
			found = append(found, failing(what, lack, what, mend))
		}
	}
	_, others, err := cdc.OwnershipProblems(ctx, c.pool, c.server.role)
	if err != nil {
		return found, err
	}
	if state.inherits { // else it was said above
		found = append(found, problems("owner of the published tables", "the rights of their owner", others)...)
	}
	return found, nil
}

// problems are failures that cdc words.
func problems(what, wanted string, found []error) (failures []finding) {
	for _, err := range found {
		text, mend := err.Error(), ""
		if p, ok := err.(*cdc.Problem); ok {
			text, mend = p.Text, p.Mend
		}
		failures = append(failures, failing(what, text, wanted, mend))
	}
	return failures
}

// checkRowSecurity says why the role sees the rows of all organisations.
func (c *checker) checkRowSecurity(ctx context.Context) ([]finding, error) {
	const what = "row-level security"
	if o := c.server.isBlind(); o != nil {
		return []finding{failing(what, o.Detail, "a role that sees the rows of all organisations", o.Fix)}, nil
	}
	var super, bypass bool
	if err := c.pool.QueryRow(ctx, `select rolsuper, rolbypassrls from pg_roles where rolname = current_user`).Scan(&super, &bypass); err != nil {
		return nil, err
	}
	why := "has the rights of " + c.server.owner + ", which owns Avni's tables"
	switch {
	case super:
		why = "is a superuser"
	case bypass:
		why = "has BYPASSRLS"
	}
	return []finding{fine(what, "hides nothing: %s %s", c.server.role, why)}, nil
}

// missingRights lists which of the tables that are there the role has no such right to.
func (c *checker) missingRights(ctx context.Context, right string, tables []string) (lacking []string, err error) {
	rows, err := c.pool.Query(ctx, `
		select c.relname::text from unnest($2::text[]) with ordinality t (name, n)
		join pg_class c on c.relname = t.name and c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
		where not has_table_privilege(c.oid, $1) order by t.n`, right, tables)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// grantTables is what gives the role a right.
func (c *checker) grantTables(right string, tables []string) string {
	return fmt.Sprintf("Run `grant %s on %s to %s;` as their owner or as a superuser.", right, strings.Join(tables, ", "), pgx.Identifier{c.server.role}.Sanitize())
}

func (c *checker) checkReading(ctx context.Context) ([]finding, error) {
	const what = "reading Avni's tables"
	tables := tableNames(avniTables)
	lacking, err := c.missingRights(ctx, "select", tables)
	if err != nil {
		return nil, err
	}
	if len(lacking) > 0 {
		return []finding{failing(what, fmt.Sprintf("%s may not read %s", c.server.role, strings.Join(lacking, ", ")), "SELECT on the tables that rules and messages are about", c.grantTables("select", lacking))}, nil
	}
	return []finding{fine(what, "%s may read all %d that are used", c.server.role, len(tables))}, nil
}

// writtenTables lists which of Avni's tables are written in a mode, by right. PostgreSQL
// takes a lock on a row for an update.
var writtenTables = map[Mode]map[string][]string{
	ModeDispatch: {"insert": {"rule_failure_log"}, "update": {"message_request_queue", "message_receiver", "rule_failure_log"}},
	ModeFull: {"insert": {"message_request_queue", "message_receiver", "rule_failure_log"},
		"update": {"message_request_queue", "message_receiver", "rule_failure_log"}},
}

// checkWriting looks at what the modes of the organisations take.
func (c *checker) checkWriting(ctx context.Context) ([]finding, error) {
	const what = "writing Avni's tables"
	mode := c.highestMode()
	if mode == ModeShadow {
		return []finding{fine(what, "not needed: in mode shadow nothing is written to them")}, nil
	}
	wanted := fmt.Sprintf("the right to write what mode %s writes", mode)
	var found []finding
	for _, right := range []string{"insert", "update"} {
		lacking, err := c.missingRights(ctx, right, writtenTables[mode][right])
		if err != nil {
			return found, err
		}
		if len(lacking) > 0 {
			found = append(found, failing(what, fmt.Sprintf("%s may not %s %s", c.server.role, right, strings.Join(lacking, ", ")), wanted, c.grantTables(right, lacking)))
		}
	}
	lacking, err := c.missingSequences(ctx, writtenTables[mode]["insert"])
	if err != nil {
		return found, err
	}
	if len(lacking) > 0 {
		found = append(found, failing(what, fmt.Sprintf("%s may not use %s, of which new rows get their ids", c.server.role, strings.Join(lacking, ", ")), wanted,
			fmt.Sprintf("Run `grant usage on sequence %s to %s;` as their owner or as a superuser.", strings.Join(lacking, ", "), pgx.Identifier{c.server.role}.Sanitize())))
	}
	if len(found) == 0 {
		found = append(found, fine(what, "%s may write what mode %s writes", c.server.role, mode))
	}
	return found, nil
}

func (c *checker) missingSequences(ctx context.Context, tables []string) ([]string, error) {
	rows, err := c.pool.Query(ctx, `
		select s.name from unnest($1::text[]) with ordinality t (name, n), lateral pg_get_serial_sequence('public.' || t.name, 'id') s (name)
		where to_regclass('public.' || t.name) is not null and s.name is not null and not has_sequence_privilege(s.name, 'usage') order by t.n`, tables)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// highestMode is the mode that writes most among those in use.
func (c *checker) highestMode() Mode {
	highest := ModeShadow
	for _, s := range c.standings() {
		if s.Mode == ModeFull || s.Mode == ModeDispatch && highest == ModeShadow {
			highest = s.Mode
		}
	}
	return highest
}

// fewStatements are shown; of more, setup shows all.
const fewStatements = 3

func (c *checker) checkSchema(ctx context.Context) ([]finding, error) {
	const what = "schema " + schema.Name
	owner, mend, err := schemaOwner(ctx, c.pool, c.server.role)
	switch {
	case err != nil:
		return nil, err
	case owner == "":
		return []finding{fine(what, "not there yet: `setup` or the first `run` makes it")}, nil
	case len(mend) > 0:
		give := "run `" + strings.Join(mend, " ") + "` as a superuser"
		if len(mend) > fewStatements {
			give = fmt.Sprintf("run the %d statements that `avni-messenger setup --role %s` lists, as a superuser; the first is `%s`", len(mend), c.server.role, mend[0])
		}
		return []finding{failing(what, fmt.Sprintf("not all of it belongs to %s (%s owns the schema)", c.server.role, owner), "all of it is the role's own",
			fmt.Sprintf("If avni-messenger works as %s, connect as that role. Else %s.", owner, give))}, nil
	}
	return []finding{fine(what, "belongs to %s", owner)}, nil
}
