package rules

import (
	"time"

	"github.com/jackc/pgx/v5"
)

// Parity is what shadow mode is for: every evaluation of a rule is compared with what
// avni-server has written for the same rule and entity. It is kept in messenger.parity:
//
//   - The settlement that takes a change out of the inbox records what would be queued
//     (queueParity): a row with its time and receiver, or none. A later evaluation of the
//     entity replaces that, and is compared anew.
//   - The comparer (parity_run.go) reads what avni-server has. It writes in the transaction
//     of the save, so that its row is there when the change is seen; where the two differ,
//     they are looked at again after a while, and then a cause is looked for.
//   - A request of avni-server's that no evaluation accounts for is recorded as
//     parityNotEvaluated, and compared with nothing.
//
// What counts is what reaches people, so that a voided request of avni-server's is none
// unless it was sent, and one that was sent counts first of several. Of several that wait,
// the oldest counts, as it does where we write; that there are several is a difference of
// its own, as avni-server would send each. What was sent before a change was saved is left
// alone by both: the comparison that was made before the sending stands.
//
// A request that we have made ourselves, in mode full, says nothing of avni-server until it
// has moved it, which it does only if its rule names another time (parityOwn).

// parityNotEvaluated is the outcome of what avni-server has queued and we have not evaluated.
const parityNotEvaluated = "not_evaluated"

// parityVerdict is messenger.parity.verdict.
type parityVerdict string

const (
	parityWaiting   parityVerdict = "waiting"   // not compared yet, or to be looked at again
	paritySame      parityVerdict = "same"      // both have the same, or both none
	parityDifferent parityVerdict = "different" // for the cause that is recorded, or for none that is known
	parityOwn       parityVerdict = "own"       // what is there is ours, of mode full: compared with nothing
)

const (
	// messagingOnSQL begins what holds where avni-server's own messaging is on.
	messagingOnSQL = `exists (select from public.organisation_config c
		where lower(c.settings ->> 'enableMessaging') = 'true' and c.organisation_id = `

	// unlessSentSQL leaves alone what was sent before the change was committed, if it was
	// compared.
	unlessSentSQL = `where p.our_outcome = '` + parityNotEvaluated + `' and p.verdict = 'waiting' or not exists (select from public.message_request_queue q
		where q.organisation_id = p.organisation_id and q.message_rule_id = p.rule_id and q.entity_id = p.entity_id
			and q.delivered_date_time < excluded.committed_at)`

	parityReplaceSQL = `on conflict (rule_id, source_table, entity_id) do update
		set organisation_id = excluded.organisation_id, evaluated_at = excluded.evaluated_at, committed_at = excluded.committed_at,
			commit_lsn = excluded.commit_lsn, our_outcome = excluded.our_outcome, our_reason = excluded.our_reason, messaging = excluded.messaging,
			verdict = 'waiting', cause = null, look_at = excluded.look_at, `

	parityOursSQL = `our_scheduled_for = excluded.our_scheduled_for,
			our_receiver_type = excluded.our_receiver_type, our_receiver_id = excluded.our_receiver_id
		` + unlessSentSQL

	// recordParitySQL records an evaluation.
	recordParitySQL = `insert into messenger.parity as p (rule_id, source_table, entity_id, organisation_id, committed_at, commit_lsn,
			our_outcome, our_reason, look_at, messaging, our_scheduled_for, our_receiver_type, our_receiver_id)
		values ($1, $2, $3, $4::integer, $5, $6::text::pg_lsn, $7, $8, $9, ` + messagingOnSQL + `$4::integer), $10, $11, $12)
		` + parityReplaceSQL + parityOursSQL

	// recordNoAnswerSQL records one that gave no answer: what would be queued stays.
	recordNoAnswerSQL = `insert into messenger.parity as p (rule_id, source_table, entity_id, organisation_id, committed_at, commit_lsn,
			our_outcome, our_reason, look_at, messaging)
		values ($1, $2, $3, $4::integer, $5, $6::text::pg_lsn, $7, $8, $9, ` + messagingOnSQL + `$4::integer))
		` + parityReplaceSQL + `our_scheduled_for = p.our_scheduled_for
		` + unlessSentSQL

	// recordWithdrawnSQL records that nothing would be queued any more for an entity and
	// what hangs under it. Rows are taken in the order in which evaluations take them.
	recordWithdrawnSQL = `with ` + underSQL + `, touched as (
			select q.message_rule_id as rule_id, ` + tableSQL + ` as source_table, p.id as entity_id
			from under p join public.message_rule r on r.organisation_id = $1::integer and r.entity_type = p.entity_type
			join public.message_request_queue q on q.message_rule_id = r.id and q.entity_id = p.id and q.organisation_id = $1::integer
			where not q.is_voided and q.delivered_date_time is null and q.delivery_status <> '` + statusSent + `'
			union
			select y.rule_id, y.source_table, y.entity_id
			from under p join messenger.parity y on y.source_table = ` + tableSQL + ` and y.entity_id = p.id
			where y.our_scheduled_for is not null
		)
		insert into messenger.parity as p (rule_id, source_table, entity_id, organisation_id, committed_at, commit_lsn,
			our_outcome, our_reason, look_at, messaging)
		select rule_id, source_table, entity_id, $1::integer, $4, $5::text::pg_lsn, $6, $7, now(), ` + messagingOnSQL + `$1::integer)
		from touched order by rule_id, source_table, entity_id
		` + parityReplaceSQL + parityOursSQL
)

// queueParity records what an effect would leave in the queue for its rule and entity.
func (s settlement) queueParity(b *pgx.Batch, e effect) {
	if e.rule.ID == 0 {
		return
	}
	args := []any{e.rule.ID, s.change.table, s.change.entityID, s.org.ID, s.change.committedAt, s.change.commitLSN,
		e.outcome.compared(), orNil(storable(e.reason, maxReason)), "now"}
	switch e.outcome {
	case outcomePaused:
		args[len(args)-1] = "infinity" // until the rule goes on
		b.Queue(recordNoAnswerSQL, args...)
	case outcomeFailed:
		b.Queue(recordNoAnswerSQL, args...)
	default:
		at := e.at
		if e.outcome == outcomeCancelled {
			at = time.Time{}
		}
		var to receiver
		if !at.IsZero() {
			to, _ = receiverOf(e.rule, s.change.entityType(), s.entity)
		}
		b.Queue(recordParitySQL, append(args, orNil(at), orNil(to.kind), orNil(to.id))...)
	}
}

// queueParityWithdrawn records that an entity and what hangs under it would have nothing queued.
func (s settlement) queueParityWithdrawn(b *pgx.Batch, reason string) {
	b.Queue(recordWithdrawnSQL, s.org.ID, string(s.change.entityType()), s.change.entityID, s.change.committedAt, s.change.commitLSN,
		outcomeVoided.compared(), reason)
}
