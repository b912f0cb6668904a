package rules

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
)

const insertLogSQL = `insert into messenger.trigger_log
		(source_table, entity_id, organisation_id, rule_id, outcome, reason, scheduled_for, request_id, committed_at, commit_lsn, changed_by, by_hand)
	values ($1, $2, $3, $4, $5, $6, $7,
		coalesce($8, (select id from message_request_queue where uuid = $9 and organisation_id = $3)), $10, $11::pg_lsn, $12, $13)`

const pruneLogSQL = `delete from messenger.trigger_log where id in
	(select id from messenger.trigger_log where at < now() - interval '30 days' order by at limit 10000)`

// maxReason bounds trigger_log.reason, in characters.
const maxReason = 1000

// logEntry is a row of messenger.trigger_log: what a change came to for one rule.
type logEntry struct {
	change       change
	changedBy    int64 // users.id of who saved the entity last; 0: not known
	ruleID       int64 // 0: no single rule
	outcome      outcome
	reason       string
	scheduledFor time.Time
	requestID    int64   // 0: none, or the one that requestUUID names
	requestUUID  *string // of a request that the same transaction inserts
	byHand       bool    // somebody asked for it: no limit counts it
}

func (l logEntry) queue(b *pgx.Batch) {
	b.Queue(insertLogSQL, l.change.table, l.change.entityID, l.change.organisationID, orNil(l.ruleID), l.outcome,
		orNil(storable(l.reason, maxReason)), orNil(l.scheduledFor), orNil(l.requestID), l.requestUUID,
		l.change.committedAt, l.change.commitLSN, orNil(l.changedBy), l.byHand)
}

// orNil makes null of a zero value.
func orNil[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// storable makes a text that Postgres accepts of one that a rule made: valid UTF-8, no
// NUL, at most so many characters.
func storable(text string, characters int) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "")
	if utf8.RuneCountInString(text) <= characters {
		return text
	}
	return string([]rune(text)[:characters])
}
