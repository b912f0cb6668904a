package history

import "time"

// Overview is how the whole does at one moment.
type Overview struct {
	At            time.Time         `json:"at"`
	Stream        Stream            `json:"stream"`
	Instances     []Instance        `json:"instances"` // processes that run now
	Organisations []OrganisationNow `json:"organisations"`
	Rules         []PausedRule      `json:"paused_rules"`
	Storms        []StormHeld       `json:"storm_held"`          // the largest, largest first
	MoreStorms    int               `json:"more_storm_held"`     // that are left out
	MoreMessages  int               `json:"more_storm_messages"` // in those
}

// Stream is how far changes have been read.
type Stream struct {
	Slot       string    `json:"slot"`
	SlotExists bool      `json:"slot_exists"`
	Active     bool      `json:"active"` // somebody reads it
	WALStatus  string    `json:"wal_status,omitzero"`
	Position   string    `json:"position"`     // everything before it is in the inbox
	Lag        int64     `json:"lag_bytes"`    // of WAL behind the end
	Retained   int64     `json:"wal_retained"` // bytes that Postgres keeps for the slot
	LastChange time.Time `json:"last_change,omitzero"`
	CatchingUp string    `json:"catching_up,omitzero"` // what was not read, and is being looked up
}

// Instance is a process that runs.
type Instance struct {
	Name    string    `json:"name"` // host:pid
	Slot    string    `json:"slot"`
	Started time.Time `json:"started"`
	Seen    time.Time `json:"seen"`
	Sends   bool      `json:"sends"` // MESSENGER_DISPATCH is on there
}

// OrganisationNow is how an organisation does. All counts are of what is there now.
type OrganisationNow struct {
	ID       int32    `json:"id"`
	Name     string   `json:"name"` // db_user
	Served   bool     `json:"served"`
	Standing Served   `json:"standing"`
	Hold     string   `json:"hold,omitzero"` // why writing and sending was stopped at run time
	HoldFix  string   `json:"hold_fix,omitzero"`
	Inbox    Counted  `json:"inbox"`    // changes that wait for their rules
	Queue    []Status `json:"queue"`    // requests that are not sent, not voided and not too old, by Avni's status
	Due      Counted  `json:"due"`      // those of them that should have been sent by now
	Tried    []Tried  `json:"tried"`    // those of them that were tried, or would have been but for what keeps them back
	Failures []Reason `json:"failures"` // of the last days: requests that were not sent
	Receipts []Status `json:"receipts"` // messages that Glific has accepted in the last 24 hours, by what became of them
	Lost     []Reason `json:"lost"`     // those of them that did not arrive
}

// Counted is how many there are, and since when the oldest.
type Counted struct {
	Count  int       `json:"count"`
	Oldest time.Time `json:"oldest,omitzero"`
}

// Status is how many are in a status.
type Status struct {
	Status string `json:"status"`
	Count  int    `json:"count"`
}

// Reason is how many failed for a reason.
type Reason struct {
	Reason string `json:"reason"`
	Text   string `json:"text"`
	Fix    string `json:"fix"`
	Count  int    `json:"count"`
}

// Tried is how many that are due were not sent for a reason when they were last tried.
type Tried struct {
	Reason
	Detail string    `json:"detail,omitzero"` // of the last of them, where the reason is not one of theirs alone
	Last   time.Time `json:"last"`
}

// PausedRule is a script of a rule that is not run because it failed too often.
type PausedRule struct {
	RuleID       int64     `json:"rule"`
	Rule         string    `json:"rule_name"`
	Script       string    `json:"script"` // schedule or message
	Organisation string    `json:"organisation"`
	Since        time.Time `json:"since"`
	Why          string    `json:"why"`
	Waiting      int       `json:"waiting"` // changes, or messages

	organisationID int32
}

// StormHeld is what one rule made too much of in one source transaction.
type StormHeld struct {
	RuleID       int64     `json:"rule"`
	Rule         string    `json:"rule_name"`
	Organisation string    `json:"organisation"`
	Transaction  string    `json:"transaction"` // its commit LSN
	CommittedAt  time.Time `json:"committed_at"`
	Count        int       `json:"count"`
}
