package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// refuseTakeOver reports an avni-messenger that works in this database as another role:
// what belongs to that one is not to be given away under its feet. Names of sessions and
// their roles are shown to everybody.
func (s *setup) refuseTakeOver(ctx context.Context) error {
	var pid int32
	var role string
	err := s.conn.QueryRow(ctx, `
		select pid, usename::text from pg_stat_activity
		where datname = current_database() and usename <> $1 and (application_name = 'avni-messenger' or application_name like 'avni-messenger:%')
		order by backend_start limit 1`, s.role).Scan(&pid, &role)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for an avni-messenger that works here: %w", err)
	}
	return fmt.Errorf("nothing was changed: an avni-messenger works in this database as role %s (pid %d in PostgreSQL), and this would be for role %s. "+
		"Run `avni-messenger setup --role %s`, or stop it first", role, pid, s.role, role)
}
