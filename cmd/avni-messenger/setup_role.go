package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
	"avni-messenger/internal/schema"
)

// roleState is what a role may do, as far as avni-messenger needs it.
type roleState struct {
	exists      bool
	replication bool // by attribute, or by membership in rds_replication on Amazon RDS
	inherits    bool // the rights of the owner of Avni's tables
	creates     bool // publications and schemas in this database
	watches     bool // since when others' transactions have been open
	managed     bool // the server is Amazon RDS
}

func readRole(ctx context.Context, db cdc.Querier, role string) (roleState, error) {
	var r roleState
	err := db.QueryRow(ctx, `
		select r.oid is not null,
		       coalesce(r.rolreplication or r.rolsuper or pg_has_role(r.oid, rds.oid, 'member'), false),
		       coalesce(pg_has_role(r.oid, t.relowner, 'usage'), false),
		       coalesce(has_database_privilege(r.oid, current_database(), 'create'), false),
		       coalesce(pg_has_role(r.oid, 'pg_read_all_stats', 'usage'), false),
		       rds.oid is not null
		from pg_class t
		left join pg_roles r on r.rolname = $1
		left join pg_roles rds on rds.rolname = 'rds_replication'
		where t.oid = 'public.individual'::regclass`, role).
		Scan(&r.exists, &r.replication, &r.inherits, &r.creates, &r.watches, &r.managed)
	if err != nil {
		return r, fmt.Errorf("look for role %s: %w", role, err)
	}
	return r, nil
}

// right is something that a role must be allowed to.
type right struct {
	held      func(roleState) bool
	did, lack string // what is said once it is granted, and while it is missing
	grant     string
	optional  bool
}

// rightsOf lists what the role needs in a database whose Avni tables belong to owner.
func rightsOf(role, owner, database string, managed bool) []right {
	role = pgx.Identifier{role}.Sanitize()
	replicate := "alter role " + role + " replication;"
	if managed {
		replicate = "grant rds_replication to " + role + ";"
	}
	return []right{
		{func(r roleState) bool { return r.replication }, "may read replication slots now", "may not read replication slots", replicate, false},
		{func(r roleState) bool { return r.inherits }, "has the rights of " + owner + " now", "does not have the rights of " + owner + ", which owns Avni's tables",
			"grant " + pgx.Identifier{owner}.Sanitize() + " to " + role + ";", false},
		{func(r roleState) bool { return r.creates }, "may create a publication now", "may not create a publication in this database",
			"grant create on database " + pgx.Identifier{database}.Sanitize() + " to " + role + ";", false},
		// Without it they are waited for as well, but nobody is told for how long already, and
		// a search by time does not know how far back to begin.
		{func(r roleState) bool { return r.watches }, "is shown since when others' transactions have been open",
			"is not shown since when transactions of other roles have been open", "grant pg_monitor to " + role + ";", true},
	}
}

// makeRole makes the role and grants it what it needs, as far as the connection may.
// The steps that follow need the role; ready says whether it is there.
func (s *setup) makeRole(ctx context.Context) (ready bool, err error) {
	state, err := readRole(ctx, s.conn, s.role)
	if err != nil {
		return false, err
	}
	role := pgx.Identifier{s.role}.Sanitize()
	if !state.exists {
		create := "create role " + role + " login replication inherit;"
		if state.managed {
			create = "create role " + role + " login inherit in role rds_replication;"
		}
		made, err := s.try(ctx, create)
		if err != nil {
			return false, err
		}
		if !made {
			s.told.lack("role", fmt.Sprintf("role %s does not exist, and role %s may not change that", s.role, s.self), create)
			return false, nil
		}
		s.told.did("role", fmt.Sprintf("%s was created; set its password yourself (in psql: \\password %s)", s.role, role))
	} else {
		s.told.found("role", s.role)
	}
	return true, s.grantRights(ctx, state.managed)
}

// grantRights gives the role what it lacks. Each right is looked at anew, because the
// one before may bring it, and after granting it, because PostgreSQL only warns when it
// grants nothing.
func (s *setup) grantRights(ctx context.Context, managed bool) error {
	for _, right := range rightsOf(s.role, s.owner, s.database, managed) {
		state, err := readRole(ctx, s.conn, s.role)
		if err != nil {
			return err
		}
		if right.held(state) {
			continue
		}
		if _, err := s.try(ctx, right.grant); err != nil {
			return err
		}
		if state, err = readRole(ctx, s.conn, s.role); err != nil {
			return err
		}
		switch {
		case right.held(state):
			s.told.did("role", s.role+" "+right.did)
		case right.optional:
			s.told.warn("role", fmt.Sprintf("%s %s, which tells who keeps WAL on the disk; let a superuser run `%s`", s.role, right.lack, right.grant))
		default:
			s.told.lack("role", fmt.Sprintf("%s %s, and role %s may not change that", s.role, right.lack, s.self), right.grant)
		}
	}
	return nil
}

// foreignSQL finds out whose schema $1 is, "" if there is none, and the statements that give role $2
// what is in it without being the role's. Sequences of columns go with their tables.
const foreignSQL = `
select coalesce((select pg_get_userbyid(nspowner)::text from pg_namespace where nspname = $1), ''), array(
	select statement from (
		select 0 as rank, format('alter schema %I owner to %I;', nspname, $2::text) as statement
		from pg_namespace where nspname = $1 and not pg_has_role($2, nspowner, 'usage')
		union all
		select 1, format('alter table %I.%I owner to %I;', $1::text, relname, $2::text)
		from pg_class c
		where relnamespace = to_regnamespace($1) and relkind in ('r', 'S') and not pg_has_role($2, relowner, 'usage')
		      and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i') and c.relkind = 'S')
	) as found order by rank, statement)`

// schemaOwner says who owns schema messenger, "" if it is not there, and what gives the role
// what in it is somebody else's.
func schemaOwner(ctx context.Context, db cdc.Querier, role string) (owner string, mend []string, err error) {
	if err := db.QueryRow(ctx, foreignSQL, schema.Name, role).Scan(&owner, &mend); err != nil {
		return "", nil, fmt.Errorf("look for schema %s: %w", schema.Name, err)
	}
	return owner, mend, nil
}

// makeSchema makes schema messenger for the role. Its tables come later, made by the
// role itself; ready says whether they can be.
func (s *setup) makeSchema(ctx context.Context) (ready bool, err error) {
	owner, foreign, err := schemaOwner(ctx, s.conn, s.role)
	if err != nil {
		return false, err
	}
	if len(foreign) > 0 {
		text := fmt.Sprintf("not all of %s belongs to %s", schema.Name, s.role)
		if owner != s.role {
			text += fmt.Sprintf(", and %[1]s owns the schema: if avni-messenger works as %[1]s, run `avni-messenger setup --role %[1]s` instead; this gives all of it to %[2]s", owner, s.role)
		}
		s.told.lack("schema", text, foreign...)
		return false, nil
	}
	if owner != "" {
		s.told.found("schema", schema.Name)
		return true, nil
	}
	create := "create schema " + schema.Name + " authorization " + pgx.Identifier{s.role}.Sanitize() + ";"
	made, err := s.try(ctx, create)
	if err != nil {
		return false, err
	}
	if !made {
		s.told.lack("schema", fmt.Sprintf("schema %s does not exist, and role %s may not change that", schema.Name, s.self), create)
		return false, nil
	}
	s.told.did("schema", schema.Name+" was created")
	return true, nil
}

// try runs a statement and says whether the connected role had the right to.
func (s *setup) try(ctx context.Context, statement string) (done bool, err error) {
	if _, err := s.conn.Exec(ctx, statement); err != nil {
		if isDenied(err) {
			return false, nil
		}
		return false, fmt.Errorf("%s: %w", statement, err)
	}
	return true, nil
}
