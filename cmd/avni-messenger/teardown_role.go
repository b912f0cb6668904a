package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"avni-messenger/internal/schema"
)

// ownRole returns the role that avni-messenger has worked as, by what it owns, or the
// connected role; "" if that is a superuser and nothing is there.
func ownRole(ctx context.Context, conn *pgx.Conn, publication string) (string, error) {
	var role string
	err := conn.QueryRow(ctx, `
		select coalesce((select pg_get_userbyid(nspowner)::text from pg_namespace where nspname = $1),
		                (select pg_get_userbyid(pubowner)::text from pg_publication where pubname = $2),
		                (select rolname::text from pg_roles where rolname = current_user and not rolsuper), '')`, schema.Name, publication).Scan(&role)
	if err != nil {
		return "", fmt.Errorf("look for the role of avni-messenger: %w", err)
	}
	return role, nil
}

// tellRole says how the role can be dropped, once all is gone that it owned. It says
// nothing that would drop what is not ours.
func tellRole(ctx context.Context, conn *pgx.Conn, told *narrator, role string) error {
	if role == "" {
		return nil
	}
	var database string
	var needed bool
	var others []string
	err := conn.QueryRow(ctx, `
		with owned as (select s.dbid, d.datname::text from pg_shdepend s left join pg_database d on d.oid = s.dbid
		               where s.refclassid = 'pg_authid'::regclass and s.refobjid = $1::text::regrole and s.deptype in ('o', 'a'))
		select current_database()::text,
		       (select rolsuper from pg_roles where oid = $1::text::regrole)
		       or exists (select from pg_shdepend s where s.refclassid = 'pg_authid'::regclass and s.refobjid = $1::text::regrole and s.deptype = 'o'
		                  and s.dbid in (0, (select oid from pg_database where datname = current_database()))),
		       array(select distinct datname from owned where dbid <> 0 and datname <> current_database() order by 1)`,
		pgx.Identifier{role}.Sanitize()).Scan(&database, &needed, &others)
	if err != nil {
		return fmt.Errorf("look what role %s owns: %w", role, err)
	}
	name := pgx.Identifier{role}.Sanitize()
	switch {
	case needed:
		told.found("role", role+" stays: it owns more than what was dropped")
	case len(others) > 0:
		told.found("role", fmt.Sprintf("%s stays: it is in use in database %s as well", role, others[0]))
	default:
		told.found("role", fmt.Sprintf("%s stays. To drop it, run in database %s, as a superuser (Amazon RDS: as the master user):\n         drop owned by %s;\n         drop role %s;",
			role, database, name, name))
	}
	return nil
}
