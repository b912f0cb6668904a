// Package rules decides what a change means: it knows the message rules of each
// organisation, loads the entity that changed as avni-server would hand it to
// rules-server, runs the rule's JavaScript in-process and writes the outcome to
// message_request_queue.
package rules

import (
	"fmt"
	"time"

	"avni-messenger/cdc"
)

// EntityType is Avni's name of what a rule is about (avni-server: EntityType).
type EntityType string

// The five entity types that message rules know.
const (
	Subject          EntityType = "Subject"
	ProgramEnrolment EntityType = "ProgramEnrolment"
	Encounter        EntityType = "Encounter"
	ProgramEncounter EntityType = "ProgramEncounter"
	User             EntityType = "User"
)

// entityTypeOf returns the entity type whose rows a table holds, or "" for a table
// that holds none.
func entityTypeOf(table cdc.Table) EntityType {
	switch table {
	case cdc.Individual:
		return Subject
	case cdc.ProgramEnrolment:
		return ProgramEnrolment
	case cdc.Encounter:
		return Encounter
	case cdc.ProgramEncounter:
		return ProgramEncounter
	case cdc.Users:
		return User
	}
	return ""
}

// Rule is one row of message_rule.
type Rule struct {
	ID             int64
	UUID           string
	Name           string
	OrganisationID int32
	EntityType     EntityType
	TypeID         int32  // subject type, program or encounter type; ignored for User
	ReceiverType   string // Subject or User
	TemplateID     string
	ScheduleRule   string
	MessageRule    string
	Voided         bool

	version uint32 // xmin of the row: whoever saves the rule gives it another
}

// Input is what one evaluation works on.
type Input struct {
	EntityType EntityType
	Entity     *Record
	User       *Record // params.user, may be nil
	UserGroups List    // params.myUserGroups

	habit   *habit    // is told of what rules touch; may be nil
	touches *touchLog // the same, of this evaluation
}

// Schedule is the answer of a schedule rule, read as avni-server's Java reads it.
type Schedule struct {
	Send bool      // false only if the rule said shouldSend: false
	At   time.Time // zero if the rule gave no date ("Missing Schedule dateTime" in avni-server)
}

// FailureKind is the closed set of ways in which a rule can fail.
type FailureKind string

// The ways in which a rule fails. They are metric labels.
const (
	FailedCompile FailureKind = "compile" // syntax error
	FailedThrow   FailureKind = "throw"   // the rule threw, or its promise was rejected
	FailedTimeout FailureKind = "timeout" // the rule ran longer than MESSENGER_RULE_TIMEOUT
	FailedResult  FailureKind = "result"  // an answer that avni-server's Java would refuse
	FailedLoad    FailureKind = "load"    // the rule's data could not be loaded
)

// Failure says why a rule gave no usable answer. It is the author's to mend, and
// never the reason for a retry.
type Failure struct {
	Kind    FailureKind
	Message string
	Stack   string
}

func (f *Failure) Error() string { return fmt.Sprintf("%s: %s", f.Kind, f.Message) }
