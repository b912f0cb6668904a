package history

import (
	"time"

	"avni-messenger/dispatch"
)

// logRow is a row of messenger.trigger_log: what a change came to for one rule.
type logRow struct {
	ID             int64
	At             time.Time
	Table          string
	EntityID       int64
	OrganisationID int32
	RuleID         int64 // 0: for no single rule
	Rule           string
	Outcome        string
	Reason         string
	ScheduledFor   *time.Time
	RequestID      int64
	CommittedAt    time.Time
	LSN            string
	ChangedBy      int64
}

func (l logRow) key() entityKey { return entityKey{typeOf[l.Table], l.EntityID} }

// mostLogged bounds how many rows of the log are read at a time: the newest.
const mostLogged = 1000

const logSQL = `
select l.id, l.at, l.source_table, l.entity_id, l.organisation_id, coalesce(l.rule_id, 0), coalesce(u.name, ''), l.outcome, coalesce(l.reason, ''),
       l.scheduled_for, coalesce(l.request_id, 0), l.committed_at, l.commit_lsn::text, coalesce(l.changed_by, 0)
  from messenger.trigger_log l left join public.message_rule u on u.id = l.rule_id
 where l.id = any($1)
 order by l.id`

const (
	logByEntitySQL = `select l.id from messenger.trigger_log l join unnest($1::text[], $2::bigint[]) e (source_table, id)
		on l.source_table = e.source_table and l.entity_id = e.id order by l.id desc limit $3`
	logByRequestSQL = `select id from messenger.trigger_log where request_id = any($1) order by id desc limit $2`
	logByRuleSQL    = `select id from messenger.trigger_log where rule_id = $1 order by id desc limit $2`
)

// waitingRow is a row of the inbox: a change that has not led to anything yet.
type waitingRow struct {
	Table          string
	EntityID       int64
	OrganisationID int32
	CommittedAt    time.Time
	LSN            string
	ReceivedAt     time.Time
	Attempts       int
	LastError      string
	Claimed        bool
}

func (w waitingRow) key() entityKey { return entityKey{typeOf[w.Table], w.EntityID} }

const inboxSQL = `
select i.source_table, i.entity_id, i.organisation_id, i.committed_at, i.commit_lsn::text, i.received_at, i.attempts,
       coalesce(i.last_error, ''), coalesce(i.claimed_until > clock_timestamp() and i.claimed_by is not null, false)
  from messenger.inbox i join unnest($1::text[], $2::bigint[]) e (source_table, id) on i.source_table = e.source_table and i.entity_id = e.id
 order by i.change_number`

// heldRow is what the storm guard holds back, or has held back.
type heldRow struct {
	Table          string
	EntityID       int64
	OrganisationID int32
	RuleID         int64
	Rule           string
	CommittedAt    time.Time
	LSN            string
	HeldAt         time.Time
	State          string // held, released or cancelled
	ScheduledFor   *time.Time
}

func (h heldRow) key() entityKey { return entityKey{typeOf[h.Table], h.EntityID} }

// heldSQL finds what the storm guard holds back. Each pair of a rule and an entity is
// looked up by the primary key.
const heldSQL = `
select h.source_table, h.entity_id, h.organisation_id, h.rule_id, u.name, h.committed_at, h.commit_lsn::text, h.held_at, h.state, h.scheduled_for
  from unnest($1::text[], $2::bigint[]) e (source_table, id)
  join public.message_rule u on u.organisation_id = any($3)
  join messenger.held h on h.rule_id = u.id and h.source_table = e.source_table and h.entity_id = e.id
 order by h.held_at`

// compared is what shadow mode has found of one rule and entity.
type compared struct {
	Table        string
	EntityID     int64
	RuleID       int64
	RequestID    int64
	Verdict      string
	Cause        string
	ComparedAt   *time.Time
	TheirStatus  string
	TheirDueAt   *time.Time
	OurOutcome   string
	OurScheduled *time.Time
}

const paritySQL = `
select p.source_table, p.entity_id, p.rule_id, coalesce(p.request_id, 0), coalesce(p.verdict, ''), coalesce(p.cause, ''), p.compared_at,
       coalesce(p.their_status, ''), p.their_scheduled_for, coalesce(p.our_outcome, ''), p.our_scheduled_for
  from unnest($1::text[], $2::bigint[]) e (source_table, id)
  join public.message_rule u on u.organisation_id = any($3)
  join messenger.parity p on p.rule_id = u.id and p.source_table = e.source_table and p.entity_id = e.id`

// attemptRow is one attempt to deliver.
type attemptRow struct {
	RequestID int64
	At        time.Time
	Outcome   string
	Reason    string
	Detail    string
	MessageID string
}

const attemptsSQL = `
select request_id, at, outcome, coalesce(reason, ''), coalesce(detail, ''), coalesce(glific_message_id, '')
  from messenger.attempt where request_id = any($1) order by id`

// receiptRow is what became of one accepted message.
type receiptRow struct {
	RequestID int64
	MessageID string
	Status    string
	StatusAt  *time.Time
	Reason    string
	Detail    string
}

const receiptsSQL = `
select request_id, message_id, status, status_at, coalesce(reason, ''), coalesce(detail, '')
  from messenger.receipt where request_id = any($1) order by accepted_at`

// memberRow is the message to one member of a group.
type memberRow struct {
	RequestID int64 // of the message to the group
	ID        int64 // of the member's delivery
	Phone     string
}

// memberCount is how many members of a group their message stands so for.
type memberCount struct {
	RequestID int64
	State     string // "": never tried
	Reason    dispatch.Reason
	Left      bool
	Count     int
}

const memberCountsSQL = `
select m.request_id, coalesce(d.state, ''), coalesce(d.reason, ''), m.left_at is not null, count(*)
  from messenger.group_member m left join messenger.delivery d on d.request_id = m.id
 where m.request_id = any($1) group by 1, 2, 3, 4 order by 1, 5 desc, 2, 3`

const membersSQL = `
select m.request_id, m.id, m.phone from messenger.group_member m
 where m.request_id = any($1) and m.phone = any($2)`
