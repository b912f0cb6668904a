package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// avniTable is a table of Avni's and what is used of it.
type avniTable struct {
	name    string
	columns []avniColumn
}

type avniColumn struct{ name, kind string }

// avniTables are all that is read and written of Avni's tables, with kinds of columnTypes.
var avniTables = parseTables(`
account: id int, region text
address_level: id int, uuid text, title text, version int, organisation_id int, parent_id int, type_id int
address_level_type: id int, level number
approval_status: id int, uuid text, status text, is_voided bool, created_date_time time, last_modified_date_time time
concept: id int, uuid text, name text, data_type text, organisation_id int, low_absolute number, high_absolute number, low_normal number, unit text, key_values jsonb, is_voided bool
concept_answer: id int, uuid text, concept_id int, answer_concept_id int, answer_order number, abnormal bool, uniq bool, organisation_id int, is_voided bool
encounter: id int, uuid text, name text, organisation_id int, individual_id int, encounter_type_id int, observations jsonb, cancel_observations jsonb, earliest_visit_date_time time, max_visit_date_time time, encounter_date_time time, cancel_date_time time, is_voided bool, created_by_id int, last_modified_by_id int, created_date_time time, last_modified_date_time time
encounter_type: id int, uuid text, name text, organisation_id int, active bool, is_immutable bool, encounter_eligibility_check_rule text, is_voided bool
entity_approval_status: id int, uuid text, organisation_id int, individual_id int, entity_type text, entity_id int, approval_status_id int, approval_status_comment text, auto_approved bool, status_date_time time, is_voided bool
external_system_config: id int, organisation_id int, system_name text, config jsonb, is_voided bool
flow_request_queue: id int, organisation_id int
gender: id int, uuid text, name text, organisation_id int
group_role: id int, uuid text, role text, group_subject_type_id int, member_subject_type_id int, is_primary bool, maximum_number_of_members number, minimum_number_of_members number, is_voided bool
group_subject: id int, uuid text, organisation_id int, group_subject_id int, member_subject_id int, group_role_id int, membership_start_date time, membership_end_date time, is_voided bool
groups: id int, uuid text, name text
individual: id int, uuid text, organisation_id int, subject_type_id int, first_name text, middle_name text, last_name text, profile_picture text, date_of_birth date, registration_date date, gender_id int, address_id int, observations jsonb, is_voided bool, created_by_id int, last_modified_by_id int, created_date_time time, last_modified_date_time time
manual_message: id int, message_template_id text, parameters texts, next_trigger_details json, is_voided bool
message_receiver: id int, uuid text, organisation_id int, receiver_type text, receiver_id int, external_id text, is_voided bool, version int, created_by_id int, last_modified_by_id int, created_date_time time, last_modified_date_time time
message_request_queue: id int, uuid text, organisation_id int, message_rule_id int, manual_message_id int, message_receiver_id int, entity_id int, scheduled_date_time time, delivered_date_time time, delivery_status text, is_voided bool, version int, created_by_id int, last_modified_by_id int, created_date_time time, last_modified_date_time time
message_rule: id int, uuid text, name text, organisation_id int, entity_type text, entity_type_id int, receiver_type text, message_template_id text, schedule_rule text, message_rule text, is_voided bool, created_date_time time, last_modified_date_time time
operational_encounter_type: id int, name text, organisation_id int, encounter_type_id int, is_voided bool
operational_program: id int, name text, organisation_id int, program_id int, is_voided bool
organisation: id int, uuid text, name text, db_user text, parent_organisation_id int, account_id int, is_voided bool
organisation_config: id int, organisation_id int, settings jsonb
program: id int, organisation_id int, is_voided bool
program_encounter: id int, uuid text, name text, organisation_id int, individual_id int, program_enrolment_id int, encounter_type_id int, observations jsonb, cancel_observations jsonb, earliest_visit_date_time time, max_visit_date_time time, encounter_date_time time, cancel_date_time time, is_voided bool, created_by_id int, last_modified_by_id int, created_date_time time, last_modified_date_time time
program_enrolment: id int, uuid text, organisation_id int, individual_id int, program_id int, observations jsonb, program_exit_observations jsonb, enrolment_date_time time, program_exit_date_time time, is_voided bool, created_by_id int, last_modified_by_id int, created_date_time time, last_modified_date_time time
rule_failure_log: id int, uuid text, form_id text, rule_type text, entity_type text, entity_id text, error_message text, stacktrace text, source text, is_voided bool, version int, organisation_id int, created_by_id int, last_modified_by_id int, created_date_time time, last_modified_date_time time
subject_type: id int, uuid text, name text, type text, organisation_id int, active bool, is_group bool, is_household bool, allow_empty_location bool, allow_middle_name bool, last_name_optional bool, allow_profile_picture bool, unique_name bool, should_sync_by_location bool, attendance_enabled bool, directly_assignable bool, is_voided bool
user_group: id int, uuid text, organisation_id int, user_id int, group_id int, is_voided bool
users: id int, uuid text, name text, username text, organisation_id int, phone_number text, settings jsonb, sync_settings jsonb, is_voided bool, created_by_id int, last_modified_by_id int, created_date_time time, last_modified_date_time time
`)

// columnTypes are PostgreSQL's types, without a length, that do for a kind: versions of Avni
// differ in them.
var columnTypes = map[string][]string{
	"int":    {"integer", "bigint", "smallint"},
	"text":   {"text", "character varying"},
	"texts":  {"text[]", "character varying[]"},
	"bool":   {"boolean"},
	"time":   {"timestamp with time zone"},
	"date":   {"date"},
	"number": {"double precision", "real", "integer", "bigint", "smallint"},
	"jsonb":  {"jsonb"},
	"json":   {"json", "jsonb"},
}

func parseTables(text string) (tables []avniTable) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), ": ")
		table := avniTable{name: name}
		for column := range strings.SplitSeq(rest, ", ") {
			name, kind, _ := strings.Cut(column, " ")
			table.columns = append(table.columns, avniColumn{name, kind})
		}
		tables = append(tables, table)
	}
	return tables
}

func tableNames(tables []avniTable) []string {
	names := make([]string, len(tables))
	for i, t := range tables {
		names[i] = t.name
	}
	return names
}

const (
	avniVersion     = "what this version of avni-messenger uses of Avni's tables"
	avniVersionMend = "Let avni-server migrate its database, or take a version of avni-messenger that knows this version of Avni."
)

func (c *checker) lookAtTables(ctx context.Context, s *section) {
	s.each(ctx, []namedCheck{{"tables and columns", c.checkColumns}, {"rows that are inserted", c.checkInserts}})
}

// columnState is a column as the database has it.
type columnState struct {
	Table, Name, Type string
	Demands           bool // a row cannot be inserted without a value for it
}

func (c *checker) readColumns(ctx context.Context, tables []string) (map[string]map[string]columnState, error) {
	rows, err := c.pool.Query(ctx, `
		select c.relname::text, a.attname::text, format_type(a.atttypid, null),
		       a.attnotnull and not a.atthasdef and a.attidentity = ''
		from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
		where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relname = any($1)
		order by c.relname, a.attnum`, tables)
	if err != nil {
		return nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[columnState])
	if err != nil {
		return nil, err
	}
	columns := make(map[string]map[string]columnState)
	for _, column := range found {
		if columns[column.Table] == nil {
			columns[column.Table] = make(map[string]columnState)
		}
		columns[column.Table][column.Name] = column
	}
	return columns, nil
}

func (c *checker) checkColumns(ctx context.Context) ([]finding, error) {
	have, err := c.readColumns(ctx, tableNames(avniTables))
	if err != nil {
		return nil, err
	}
	var found []finding
	columns := 0
	for _, table := range avniTables {
		columns += len(table.columns)
		if have[table.name] == nil {
			found = append(found, failing("table "+table.name, "it does not exist", avniVersion, avniVersionMend))
			continue
		}
		if faults := table.faults(have[table.name]); len(faults) > 0 {
			found = append(found, failing("table "+table.name, strings.Join(faults, "; "), avniVersion, avniVersionMend))
		}
	}
	if len(found) == 0 {
		found = append(found, fine("tables and columns", "all %d columns of %d tables that are used are there", columns, len(avniTables)))
	}
	return found, nil
}

func (t avniTable) faults(have map[string]columnState) (faults []string) {
	for _, column := range t.columns {
		state, there := have[column.name]
		switch {
		case !there:
			faults = append(faults, fmt.Sprintf("it has no column %s", column.name))
		case !slices.Contains(columnTypes[column.kind], state.Type):
			faults = append(faults, fmt.Sprintf("column %s is of type %s, not %s", column.name, state.Type, columnTypes[column.kind][0]))
		}
	}
	return faults
}

// neverGiven are columns that are used of tables which rows are inserted into, but not in
// an insert.
var neverGiven = map[string][]string{"message_request_queue": {"manual_message_id", "delivered_date_time"}, "message_receiver": {"external_id"}}

// checkInserts looks for columns of a later Avni without which no row can be inserted.
func (c *checker) checkInserts(ctx context.Context) ([]finding, error) {
	tables := writtenTables[ModeFull]["insert"]
	have, err := c.readColumns(ctx, tables)
	if err != nil {
		return nil, err
	}
	var found []finding
	for _, table := range avniTables {
		if !slices.Contains(tables, table.name) {
			continue
		}
		for _, state := range have[table.name] {
			given := slices.ContainsFunc(table.columns, func(column avniColumn) bool { return column.name == state.Name })
			if state.Demands && (!given || slices.Contains(neverGiven[table.name], state.Name)) {
				found = append(found, failing("table "+table.name, fmt.Sprintf("column %s must have a value, and this version of avni-messenger gives none", state.Name), avniVersion, avniVersionMend))
			}
		}
	}
	if len(found) == 0 {
		found = append(found, fine("rows that are inserted", "%s take ours", strings.Join(tables, ", ")))
	}
	return found, nil
}
