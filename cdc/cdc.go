// Package cdc reads Avni's Postgres by logical replication. Every committed change
// that some rule could match enters messenger.inbox in the transaction that moves
// the stream position, and is acknowledged to Postgres after it.
package cdc

// Table is one of Avni's tables that the publication carries.
type Table string

// The tables that are watched for their rows.
const (
	Individual       Table = "individual"
	ProgramEnrolment Table = "program_enrolment"
	Encounter        Table = "encounter"
	ProgramEncounter Table = "program_encounter"
	Users            Table = "users"
)

// The tables that are watched because something is cached from them, or because
// their rows are work for the dispatcher.
const (
	MessageRule          Table = "message_rule"
	OrganisationConfig   Table = "organisation_config"
	ExternalSystemConfig Table = "external_system_config"
	Concept              Table = "concept"
	ConceptAnswer        Table = "concept_answer"
	MessageRequestQueue  Table = "message_request_queue"
	FlowRequestQueue     Table = "flow_request_queue"
)

// Op is what happened to a row.
type Op byte

// The operations that the publication carries.
const (
	Insert Op = 'I'
	Update Op = 'U'
)

// Change is one committed row change, as far as the publication's columns tell.
type Change struct {
	Table          Table
	Op             Op
	ID             int64
	OrganisationID int32 // 0 where the column is null
	TypeID         int32 // subject_type_id, program_id or encounter_type_id; 0 for other tables
	Voided         bool
}
