package cdc

import (
	"strings"

	"github.com/jackc/pgx/v5"
)

// avniSchema is the schema that holds all of Avni's tables.
const avniSchema = "public"

// The columns that the stream reads. Each one that is published can neither be
// dropped nor retyped while the publication lists it, so there are no others.
const (
	columnID           = "id"
	columnOrganisation = "organisation_id"
	columnVoided       = "is_voided"
)

// watchedTable is a table of the publication and what is read from its rows.
type watchedTable struct {
	name       Table
	index      int    // place in watchedTables
	typeColumn string // "" if the table has none
	voided     bool   // whether is_voided is read
	reference  bool   // its changes go to Options.Reference, not to the inbox
	rules      bool   // a change of it can alter what Options.Keep answers
	kept       bool   // whoever evaluates keeps what it holds in memory
}

var watchedTables = numbered([]watchedTable{
	{name: Individual, typeColumn: "subject_type_id", voided: true},
	{name: ProgramEnrolment, typeColumn: "program_id", voided: true},
	{name: Encounter, typeColumn: "encounter_type_id", voided: true},
	{name: ProgramEncounter, typeColumn: "encounter_type_id", voided: true},
	{name: Users, voided: true},
	{name: MessageRule, reference: true, rules: true, kept: true},
	{name: OrganisationConfig, reference: true, rules: true, kept: true},
	{name: ExternalSystemConfig, reference: true, rules: true, kept: true},
	{name: Concept, reference: true, kept: true},
	{name: ConceptAnswer, reference: true, kept: true},
	{name: MessageRequestQueue, reference: true},
	{name: FlowRequestQueue, reference: true},
})

func numbered(tables []watchedTable) []watchedTable {
	for i := range tables {
		tables[i].index = i
	}
	return tables
}

// findTable returns the watched table of that name, or nil.
func findTable(name string) *watchedTable {
	for i := range watchedTables {
		if string(watchedTables[i].name) == name {
			return &watchedTables[i]
		}
	}
	return nil
}

// tableNames are the names of all of them.
func tableNames() []string {
	names := make([]string, len(watchedTables))
	for i, t := range watchedTables {
		names[i] = string(t.name)
	}
	return names
}

// columns returns the published columns, the primary key first.
func (t *watchedTable) columns() []string {
	columns := []string{columnID, columnOrganisation}
	if t.typeColumn != "" {
		columns = append(columns, t.typeColumn)
	}
	if t.voided {
		columns = append(columns, columnVoided)
	}
	return columns
}

// qualified returns the table's name as SQL.
func (t *watchedTable) qualified() string {
	return pgx.Identifier{avniSchema, string(t.name)}.Sanitize()
}

// published returns the table as an element of CREATE PUBLICATION … FOR TABLE.
func (t *watchedTable) published(columnLists bool) string {
	if !columnLists {
		return t.qualified()
	}
	quoted := make([]string, 0, 4)
	for _, column := range t.columns() {
		quoted = append(quoted, pgx.Identifier{column}.Sanitize())
	}
	return t.qualified() + " (" + strings.Join(quoted, ", ") + ")"
}
