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
		return []error{&Problem{"this PostgreSQL is a standby (in recovery)", "connect to the primary"}}
	}
	var problems []error
	if p := in.WALLevelProblem(); p != nil {
		problems = append(problems, p)
	}
	if !in.Position.TableExists {
		problems = append(problems, &Problem{"table messenger.position does not exist", runSetup})
	}
	return problems
}

// WALLevelProblem is nil if logical decoding is switched on.
func (in Inspection) WALLevelProblem() *Problem {
	if in.WALLevel == "logical" {
		return nil
	}
	return &Problem{fmt.Sprintf("wal_level is %q and must be logical", in.WALLevel), "run `alter system set wal_level = logical;` as a superuser and restart PostgreSQL " +
		"(Amazon RDS: set rds.logical_replication = 1 in the parameter group and reboot)"}
}

func publicationProblems(ctx context.Context, conn Querier) ([]error, error) {
	var role, database string
	var create bool
	err := conn.QueryRow(ctx, `select current_user::text, current_database()::text, has_database_privilege(current_database(), 'create')`).
		Scan(&role, &database, &create)
	if err != nil {
		return nil, err
	}
	var problems []error
	if !create {
		problems = append(problems, &Problem{fmt.Sprintf("role %q may not create a publication", role),
			fmt.Sprintf("run `grant create on database %s to %s;` as a superuser or as the database's owner", pgx.Identifier{database}.Sanitize(), pgx.Identifier{role}.Sanitize())})
	}
	missing, foreign, err := OwnershipProblems(ctx, conn, role)
	return append(append(problems, missing...), foreign...), err
}

// OwnershipProblems finds tables of the publication that are not there, and those that are
// somebody's whose rights the role, which is the connected one, does not have: only an owner
// may publish a table. Each is a *Problem.
func OwnershipProblems(ctx context.Context, conn Querier, role string) (missing, others []error, err error) {
	rows, err := conn.Query(ctx, `
		select t.name, coalesce(pg_get_userbyid(c.relowner)::text, ''),
		       coalesce(pg_has_role(c.relowner, 'usage'), false)
		from unnest($1::text[]) with ordinality as t(name, n)
		left join pg_class c on c.relname = t.name and c.relkind in ('r', 'p')
		     and c.relnamespace = to_regnamespace($2)
		order by t.n`, tableNames(), avniSchema)
	if err != nil {
		return nil, nil, err
	}
	foreign := make(map[string][]string)
	var owners []string
	var name, owner string
	var owned bool
	_, err = pgx.ForEachRow(rows, []any{&name, &owner, &owned}, func() error {
		switch {
		case owner == "":
			missing = append(missing, &Problem{fmt.Sprintf("table %s.%s does not exist", avniSchema, name), "is this Avni's database?"})
		case !owned:
			if foreign[owner] == nil {
				owners = append(owners, owner)
			}
			foreign[owner] = append(foreign[owner], name)
		}
		return nil
	})
	for _, owner := range owners {
		others = append(others, &Problem{
			fmt.Sprintf("role %q does not have the rights of %q, which owns %s, and only an owner may publish a table", role, owner, strings.Join(foreign[owner], ", ")),
			fmt.Sprintf("run `grant %s to %s;` as a superuser", pgx.Identifier{owner}.Sanitize(), pgx.Identifier{role}.Sanitize())})
	}
	return missing, others, err
}

func slotProblems(ctx context.Context, conn Querier) ([]error, error) {
	room, err := ReadRoom(ctx, conn)
	if err != nil {
		return nil, err
	}
	var problems []error
	for _, p := range []*Problem{room.RoleProblem(), room.SlotProblem(), room.SenderProblem()} {
		if p != nil {
			problems = append(problems, p)
		}
	}
	return problems, nil
}
