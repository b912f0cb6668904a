package cdc

import (
	"context"
	"fmt"
)

// whoseSQL tells to which of our tables one belongs that the stream brings under a name
// that is none of ours: it may have been renamed, if only for a moment, or be a partition.
const whoseSQL = `
with recursive published as (
    select c.oid, c.relname::text as name
    from pg_publication p join pg_publication_rel r on r.prpubid = p.oid join pg_class c on c.oid = r.prrelid
    where p.pubname = $1 and c.relnamespace = to_regnamespace($2) and c.relname = any($3)
), family as (
    select oid, name from published
    union select i.inhrelid, f.name from pg_inherits i join family f on i.inhparent = f.oid
)
select (select count(*) from published), coalesce((select min(name) from family where oid = $4), '')`

// whose returns the watched table that it is in truth, or nil for one that somebody has
// put into the publication. As long as one of ours is missing there nothing can be said.
func (s *session) whose(ctx context.Context, oid uint32, name string) (*watchedTable, error) {
	ctx, cancel := context.WithTimeout(ctx, s.store.timeout)
	defer cancel()
	var published int
	var ours string
	err := s.store.pool.QueryRow(ctx, whoseSQL, s.conn.names.Publication, avniSchema, tableNames(), oid).Scan(&published, &ours)
	switch {
	case err != nil:
		return nil, &undecided{fmt.Errorf("look whether table %s is one of Avni's under another name: %w", name, err)}
	case ours == "" && published < len(watchedTables):
		return nil, fmt.Errorf("changes of table %s came, and publication %q does not carry all tables: it may be one of them under another name", name, s.conn.names.Publication)
	}
	return findTable(ours), nil
}

// undecided is an error that says nothing about the stream.
type undecided struct{ err error }

func (e *undecided) Error() string { return e.err.Error() }
func (e *undecided) Unwrap() error { return e.err }
