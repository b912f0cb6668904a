package history

import "time"

// Explanation is what is known about what somebody asked for.
type Explanation struct {
	Question string   `json:"question"`
	Read     string   `json:"read"`            // how the question was understood
	Phones   []string `json:"phones,omitzero"` // the number that was asked for, +91…; several if its country is not said
	People   []Person `json:"people"`          // whom it is about
	Stories  []Story  `json:"stories"`         // the newest first
	Notes    []string `json:"notes"`           // what was searched, and what to know if something is missed
	Known    bool     `json:"found"`           // there is something of that name
}

// Person is a subject or a user.
type Person struct {
	Type         string `json:"type"` // Subject or User
	ID           int64  `json:"id"`
	UUID         string `json:"uuid"`
	Name         string `json:"name"`
	Organisation string `json:"organisation"` // db_user
	Voided       bool   `json:"voided"`
	Phone        string `json:"phone"` // the number that messages to them go to, +91…; "": they have none that is valid
	Note         string `json:"note,omitzero"`

	organisationID int32
}

// Story is what became of one request or, if there is none, of the changes of one entity
// for one rule.
type Story struct {
	Title          string    `json:"title"`
	RequestID      int64     `json:"request,omitzero"` // message_request_queue.id
	OrganisationID int32     `json:"organisation_id"`
	Organisation   string    `json:"organisation"` // db_user
	RuleID         int64     `json:"rule,omitzero"`
	Rule           string    `json:"rule_name,omitzero"`
	Entity         Entity    `json:"entity"`            // whose change led to it; empty for a message by hand
	To             Entity    `json:"to"`                // the receiver; of a group, Name is Glific's id of it
	Phone          string    `json:"phone,omitzero"`    // that it was sent to, or was to be sent to: +91…
	TemplateID     string    `json:"template,omitzero"` // Glific's
	Parameters     []string  `json:"parameters,omitzero"`
	DueAt          time.Time `json:"due_at,omitzero"`
	Earlier        int       `json:"earlier,omitzero"` // events that are left out, before the first
	Events         []Event   `json:"events"`           // in order
	Standing       Standing  `json:"standing"`

	latest time.Time
}

// Entity names a row: Subject, ProgramEnrolment, Encounter, ProgramEncounter, User or Group.
type Entity struct {
	Type string `json:"type,omitzero"`
	ID   int64  `json:"id,omitzero"`
	Name string `json:"name,omitzero"`
}

// Event is one thing that happened.
type Event struct {
	At     time.Time `json:"at"`
	What   string    `json:"what"`
	Detail string    `json:"detail,omitzero"`
}

// State is where something stands, in one word, for marks and colours.
type State string

// The states.
const (
	Scheduled State = "scheduled" // not due yet
	Waiting   State = "waiting"   // is due, and goes on by itself
	Held      State = "held"      // waits until somebody does something
	Sent      State = "sent"      // Glific has accepted it
	Arrived   State = "arrived"   // on the phone
	Failed    State = "failed"    // not sent, or did not arrive
	Ended     State = "ended"     // not wanted, or withdrawn
	Shadow    State = "shadow"    // nothing is written or sent here
)

// Standing is where something stands now.
type Standing struct {
	State State  `json:"state"`
	Text  string `json:"text"`         // sentences
	Fix   string `json:"fix,omitzero"` // what to do; "": nothing
}
