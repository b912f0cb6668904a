package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

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

func (s *setup) readRole(ctx context.Context) (roleState, error) {
	var r roleState
	err := s.conn.QueryRow(ctx, `
		select r.oid is not null,
		       coalesce(r.rolreplication or r.rolsuper or pg_has_role(r.oid, rds.oid, 'member'), false),
		       coalesce(pg_has_role(r.oid, t.relowner, 'usage'), false),
		       coalesce(has_database_privilege(r.oid, current_database(), 'create'), false),
		       coalesce(pg_has_role(r.oid, 'pg_read_all_stats', 'usage'), false),
		       rds.oid is not null
		from pg_class t
		left join pg_roles r on r.rolname = $1
		left join pg_roles rds on rds.rolname = 'rds_replication'
		where t.oid = 'public.individual'::regclass`, s.role).
		Scan(&r.exists, &r.replication, &r.inherits, &r.creates, &r.watches, &r.managed)
	if err != nil {
		return r, fmt.Errorf("look for role %s: %w", s.role, err)
	}
	return r, nil
}

// makeRole makes the role and grants it what it needs, as far as the connection may.
// The steps that follow need the role; ready says whether it is there.
func (s *setup) makeRole(ctx context.Context) (ready bool, err error) {
	state, err := s.readRole(ctx)
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
	return true, s.grantRights(ctx, state.managed, role)
}

// grantRights gives the role what it lacks. Each right is looked at anew, because the
// one before may bring it, and after granting it, because PostgreSQL only warns when it
// grants nothing.
func (s *setup) grantRights(ctx context.Context, managed bool, role string) error {
	replicate := "alter role " + role + " replication;"
	if managed {
		replicate = "grant rds_replication to " + role + ";"
	}
	for _, right := range []struct {
		held      func(roleState) bool
		did, lack string
		grant     string
		optional  bool
	}{
		{func(r roleState) bool { return r.replication }, "may read replication slots now", "may not read replication slots", replicate, false},
		{func(r roleState) bool { return r.inherits }, "has the rights of " + s.owner + " now", "does not have the rights of " + s.owner + ", which owns Avni's tables",
			"grant " + pgx.Identifier{s.owner}.Sanitize() + " to " + role + ";", false},
		{func(r roleState) bool { return r.creates }, "may create a publication now", "may not create a publication in this database",
			"grant create on database " + pgx.Identifier{s.database}.Sanitize() + " to " + role + ";", false},
		// Without it they are waited for as well, but nobody is told for how long already, and
		// a search by time does not know how far back to begin.
		{func(r roleState) bool { return r.watches }, "is shown since when others' transactions have been open",
			"is not shown since when transactions of other roles have been open", "grant pg_monitor to " + role + ";", true},
	} {
		state, err := s.readRole(ctx)
		if err != nil {
			return err
		}
		if right.held(state) {
			continue
		}
		if _, err := s.try(ctx, right.grant); err != nil {
			return err
		}
		if state, err = s.readRole(ctx); err != nil {
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

// makeSchema makes schema messenger for the role. Its tables come later, made by the
// role itself; ready says whether they can be.
func (s *setup) makeSchema(ctx context.Context) (ready bool, err error) {
	var owner string
	var foreign []string
	if err := s.conn.QueryRow(ctx, foreignSQL, schema.Name, s.role).Scan(&owner, &foreign); err != nil {
		return false, fmt.Errorf("look for schema %s: %w", schema.Name, err)
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
