package cdc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// prerequisites checks that the connected role can set up what is missing, and
// returns one error that names all problems, each with what mends it.
func prerequisites(ctx context.Context, conn *pgx.Conn, names Names, in Inspection) error {
	problems := in.serverProblems()
	if !in.Publication.Exists {
		found, err := publicationProblems(ctx, conn)
		if err != nil {
			return fmt.Errorf("check for the publication: %w", err)
		}
		problems = append(problems, found...)
	}
	if !in.Slot.Exists {
		found, err := slotProblems(ctx, conn)
		if err != nil {
			return fmt.Errorf("check for the slot: %w", err)
		}
		problems = append(problems, found...)
	}
	if len(problems) == 0 {
		return nil
	}
	var role string
	if err := conn.QueryRow(ctx, `select current_user::text`).Scan(&role); err != nil {
		return fmt.Errorf("read role: %w", err)
	}
	return misconfigured(fmt.Errorf("%w\nor, for all of it but settings of the server, %s", errors.Join(problems...), SetupAdvice(role, names)))
}

// serverProblems finds what keeps any stream from running on this server.
func (in Inspection) serverProblems() []error {
	if in.InRecovery {
		return []error{errors.New("this PostgreSQL is a standby (in recovery): connect to the primary")}
	}
	var problems []error
	if in.WALLevel != "logical" {
		problems = append(problems, fmt.Errorf("wal_level is %q and must be logical: run `alter system set wal_level = logical;` as a superuser and restart PostgreSQL "+
			"(Amazon RDS: set rds.logical_replication = 1 in the parameter group and reboot)", in.WALLevel))
	}
	if !in.Position.TableExists {
		problems = append(problems, errors.New("table messenger.position does not exist: "+runSetup))
	}
	return problems
}

func publicationProblems(ctx context.Context, conn *pgx.Conn) ([]error, error) {
	var role, database string
	var create bool
	err := conn.QueryRow(ctx, `select current_user::text, current_database()::text, has_database_privilege(current_database(), 'create')`).
		Scan(&role, &database, &create)
	if err != nil {
		return nil, err
	}
	var problems []error
	if !create {
		problems = append(problems, fmt.Errorf("role %[1]q may not create a publication: run `grant create on database %[2]s to %[3]s;` as a superuser or as the database's owner",
			role, pgx.Identifier{database}.Sanitize(), pgx.Identifier{role}.Sanitize()))
	}
	tables, err := tableProblems(ctx, conn, role)
	return append(problems, tables...), err
}

// tableProblems finds tables that are not there, and those whose owner's rights the
// role does not have: only an owner may publish a table.
func tableProblems(ctx context.Context, conn *pgx.Conn, role string) ([]error, error) {
	rows, err := conn.Query(ctx, `
		select t.name, coalesce(pg_get_userbyid(c.relowner)::text, ''),
		       coalesce(pg_has_role(c.relowner, 'usage'), false)
		from unnest($1::text[]) with ordinality as t(name, n)
		left join pg_class c on c.relname = t.name and c.relkind in ('r', 'p')
		     and c.relnamespace = to_regnamespace($2)
		order by t.n`, tableNames(), avniSchema)
	if err != nil {
		return nil, err
	}
	var problems []error
	foreign := make(map[string][]string)
	var owners []string
	var name, owner string
	var owned bool
	_, err = pgx.ForEachRow(rows, []any{&name, &owner, &owned}, func() error {
		switch {
		case owner == "":
			problems = append(problems, fmt.Errorf("table %s.%s does not exist: is this Avni's database?", avniSchema, name))
		case !owned:
			if foreign[owner] == nil {
				owners = append(owners, owner)
			}
			foreign[owner] = append(foreign[owner], name)
		}
		return nil
	})
	for _, owner := range owners {
		problems = append(problems, fmt.Errorf("role %q does not have the rights of %q, which owns %s, and only an owner may publish a table: run `grant %s to %s;` as a superuser",
			role, owner, strings.Join(foreign[owner], ", "), pgx.Identifier{owner}.Sanitize(), pgx.Identifier{role}.Sanitize()))
	}
	return problems, err
}

func slotProblems(ctx context.Context, conn *pgx.Conn) ([]error, error) {
	var role string
	var replication, managed bool
	var slots, maxSlots, senders, maxSenders int
	err := conn.QueryRow(ctx, `
		select current_user::text, r.rolreplication or r.rolsuper or coalesce(pg_has_role(m.oid, 'member'), false), m.oid is not null,
		       (select count(*) from pg_replication_slots), current_setting('max_replication_slots')::int,
		       (select count(*) from pg_stat_replication), current_setting('max_wal_senders')::int
		from pg_roles r left join pg_roles m on m.rolname = 'rds_replication'
		where r.rolname = current_user`).
		Scan(&role, &replication, &managed, &slots, &maxSlots, &senders, &maxSenders)
	if err != nil {
		return nil, err
	}
	var problems []error
	if !replication {
		mend, who := "alter role "+pgx.Identifier{role}.Sanitize()+" replication;", "a superuser"
		if managed {
			mend, who = "grant rds_replication to "+pgx.Identifier{role}.Sanitize()+";", "the master user"
		}
		problems = append(problems, fmt.Errorf("role %q has no REPLICATION attribute: run `%s` as %s", role, mend, who))
	}
	if slots >= maxSlots {
		problems = append(problems, full("max_replication_slots", "replication slots", maxSlots))
	}
	if senders >= maxSenders {
		problems = append(problems, full("max_wal_senders", "WAL senders", maxSenders))
	}
	return problems, nil
}

func full(setting, what string, limit int) error {
	return fmt.Errorf("all %d %s are in use: run `alter system set %s = %d;` as a superuser and restart PostgreSQL (Amazon RDS: in the parameter group)", limit, what, setting, limit+5)
}
