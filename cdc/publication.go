package cdc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// PublicationState is our publication as the database has it.
type PublicationState struct {
	Exists      bool
	Fingerprint int64        // see fingerprintSQL
	Differences []Difference // from the shape that Setup would give it
	Detached    bool         // some of our tables have no column list, on a server that has them
	Listed      bool         // some have one
}

// Difference is one way in which a publication is not as Setup makes it.
type Difference struct {
	Text  string
	Fatal bool // the stream would be incomplete, or Avni's own writes would fail
	gone  bool // the table itself has lost what is missing
}

// publishedTable is one table of a publication.
type publishedTable struct {
	schema, name string
	columns      []string // nil: all of them
	existing     []string // of the table itself
	filtered     bool     // it has a row filter
}

func (in *Inspection) readPublication(ctx context.Context, db Querier, name string) error {
	var allTables, inserts, updates bool
	err := db.QueryRow(ctx, `select puballtables, pubinsert, pubupdate from pg_publication where pubname = $1`, name).
		Scan(&allTables, &inserts, &updates)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	tables, err := readPublishedTables(ctx, db, name, in.ServerVersion)
	if err != nil {
		return err
	}
	schemas := 0
	if in.ServerVersion >= 150000 {
		err := db.QueryRow(ctx, `select count(*) from pg_publication_namespace n join pg_publication p on p.oid = n.pnpubid where p.pubname = $1`, name).
			Scan(&schemas)
		if err != nil {
			return err
		}
	}
	in.Publication.Exists = true
	var found []Difference
	if allTables {
		found = append(found, Difference{Text: "it is FOR ALL TABLES", Fatal: true})
	}
	if schemas > 0 {
		found = append(found, Difference{Text: "it is FOR TABLES IN SCHEMA", Fatal: true})
	}
	if !inserts || !updates {
		found = append(found, Difference{Text: "it does not publish both insert and update", Fatal: true})
	}
	in.Publication.Differences = append(found, compareTables(tables, allTables)...)
	in.Publication.Detached, in.Publication.Listed = listed(tables, in.ServerVersion)
	return nil
}

func readPublishedTables(ctx context.Context, db Querier, name string, version int) ([]publishedTable, error) {
	columns, filtered := `null::text[]`, `false`
	if columnLists(version) {
		columns = `case when r.prattrs is not null then
			(select array_agg(a.attname::text) from pg_attribute a where a.attrelid = c.oid and a.attnum = any(r.prattrs)) end`
		filtered = `r.prqual is not null`
	}
	rows, err := db.Query(ctx, `
		select n.nspname::text, c.relname::text, `+columns+`, `+filtered+`,
		       array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
		from pg_publication p
		join pg_publication_rel r on r.prpubid = p.oid
		join pg_class c on c.oid = r.prrelid
		join pg_namespace n on n.oid = c.relnamespace
		where p.pubname = $1
		order by 1, 2`, name)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (publishedTable, error) {
		var t publishedTable
		err := row.Scan(&t.schema, &t.name, &t.columns, &t.filtered, &t.existing)
		return t, err
	})
}

// compareTables tells what is missing and what is too much. A table without a column
// list is no difference: PostgreSQL before 15 has no lists, and Detach takes them off.
func compareTables(have []publishedTable, allTables bool) []Difference {
	var found []Difference
	missing := make(map[Table]bool)
	for _, t := range watchedTables {
		missing[t.name] = !allTables
	}
	for _, t := range have {
		table := findTable(t.name)
		if t.schema != avniSchema || table == nil {
			found = append(found, Difference{Text: fmt.Sprintf("table %s.%s does not belong in it", t.schema, t.name)})
			continue
		}
		missing[table.name] = false
		found = append(found, compareTable(table, t)...)
	}
	for _, t := range watchedTables {
		if missing[t.name] {
			found = append(found, Difference{Text: fmt.Sprintf("table %s is missing", t.name), Fatal: true})
		}
	}
	return found
}

func compareTable(want *watchedTable, have publishedTable) []Difference {
	var found []Difference
	if have.filtered {
		found = append(found, Difference{Text: fmt.Sprintf("table %s has a row filter", want.name), Fatal: true})
	}
	if have.columns == nil {
		return found
	}
	for _, column := range want.columns() {
		switch {
		case slices.Contains(have.columns, column):
		case slices.Contains(have.existing, column):
			found = append(found, Difference{Text: fmt.Sprintf("column %s of table %s is missing", column, want.name), Fatal: true})
		default:
			found = append(found, Difference{Text: columnGone(want.name, column), Fatal: true, gone: true})
		}
	}
	for _, column := range have.columns {
		if !slices.Contains(want.columns(), column) {
			found = append(found, Difference{Text: fmt.Sprintf("column %s of table %s does not belong in it", column, want.name)})
		}
	}
	return found
}

// columnGone is what an upgrade of Avni may have done.
func columnGone(table Table, columns string) string {
	return fmt.Sprintf("table %s has no column %s any more, which avni-messenger needs", table, columns)
}

// bringBack is what can be done about it.
const bringBack = "take a version of avni-messenger that knows this version of Avni, or bring the column back"

// describe joins differences, all or only the fatal ones, to a text.
func describe(differences []Difference, fatalOnly bool) string {
	var texts []string
	for _, d := range differences {
		if d.Fatal || !fatalOnly {
			texts = append(texts, d.Text)
		}
	}
	return strings.Join(texts, ", ")
}

func tableList(columnLists bool, separator string) string {
	tables := make([]string, len(watchedTables))
	for i := range watchedTables {
		tables[i] = watchedTables[i].published(columnLists)
	}
	return strings.Join(tables, separator)
}

func createPublicationSQL(names Names, serverVersion int) string {
	return "create publication " + names.publicationIdentifier() + " for table\n    " +
		tableList(columnLists(serverVersion), ",\n    ") + "\n    with (publish = 'insert, update')"
}

// mendPublicationSQL returns what gives an existing publication our shape.
func mendPublicationSQL(names Names, in Inspection) string {
	name := names.publicationIdentifier()
	for _, d := range in.Publication.Differences {
		if strings.Contains(d.Text, "ALL TABLES") {
			return "drop publication " + name + "; " + createPublicationSQL(names, in.ServerVersion) + ";"
		}
	}
	return setTablesSQL(names, columnLists(in.ServerVersion), ", ") + "; " +
		"alter publication " + name + " set (publish = 'insert, update');"
}

// createPublication creates the publication and tries, before anybody else can see
// it, whether Avni can still update each of its tables: PostgreSQL refuses updates of
// a table whose publication does not fit its replica identity.
func createPublication(ctx context.Context, conn *pgx.Conn, names Names, serverVersion int) error {
	err := withTables(ctx, conn, toPublish, tablesTimeout, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, createPublicationSQL(names, serverVersion)); err != nil {
			return err
		}
		return probeAll(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("create publication %q: %w", names.Publication, err)
	}
	return nil
}

// probeAll tries whether each table can be updated.
func probeAll(ctx context.Context, tx pgx.Tx) error {
	for i := range watchedTables {
		if err := probe(ctx, tx, &watchedTables[i]); err != nil {
			return err
		}
	}
	return nil
}

func probe(ctx context.Context, tx pgx.Tx, table *watchedTable) error {
	sql := "update " + table.qualified() + " set id = id where false"
	if _, err := tx.Exec(ctx, sql); err != nil {
		return fmt.Errorf("try `%s` while it is published (with it, Avni's own updates would fail, so nothing was changed): %w", sql, err)
	}
	return nil
}
