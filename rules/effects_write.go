package rules

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// errOvertaken means that the claimed change is not in the inbox any more: a newer one
// of the same entity took its place, or another worker dealt with it.
var errOvertaken = errors.New("change was overtaken")

const (
	takeSQL = `delete from messenger.inbox where source_table = $1 and entity_id = $2 and change_number = $3`

	// Keeps whoever else writes by this protocol from adding a second request for the
	// rule and the entity. Both are int4 ids.
	lockSQL = `select pg_advisory_xact_lock($1::integer, $2::integer)`

	requestsSQL = `select id, message_rule_id, scheduled_date_time, delivered_date_time is not null or delivery_status = '` + statusSent + `',
			delivery_status, is_voided,
			exists (select from messenger.delivery d where d.request_id = message_request_queue.id and d.reason = 'cancelled')
		from message_request_queue
		where organisation_id = $1 and entity_id = $2 and message_rule_id = any($3) order by id`

	insertReceiverSQL = `insert into message_receiver (uuid, receiver_type, receiver_id, organisation_id, is_voided, version,
			created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select $1, $2::text, $3::integer, $4::integer, false, 0, $5, $5, now(), now()
		where not exists (select from message_receiver where receiver_type = $2 and receiver_id = $3 and organisation_id = $4)
		on conflict (receiver_id, receiver_type, organisation_id) do nothing`

	insertRequestSQL = `insert into message_request_queue (uuid, organisation_id, message_rule_id, message_receiver_id, entity_id,
			scheduled_date_time, delivery_status, is_voided, version,
			created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		values ($1, $2, $3,
			(select id from message_receiver where receiver_type = $4 and receiver_id = $5 and organisation_id = $2),
			$6, $7, '` + statusNotSent + `', false, 0, $8, $8, now(), now())`

	updateRequestSQL = `update message_request_queue
		set scheduled_date_time = $2, is_voided = false, delivery_status = '` + statusNotSent + `',
			last_modified_by_id = $3, last_modified_date_time = now()
		where id = $1`

	voidRequestsSQL = `update message_request_queue
		set is_voided = true, last_modified_by_id = $2, last_modified_date_time = now()
		where id = any($1)`
)

// settlement is the one transaction that takes a change out of the inbox and writes
// what it leads to: both happen or neither does.
type settlement struct {
	org    Organisation
	change change
	entity *entity
	rules  []Rule            // whose answers are written
	held   map[int64]heldRow // of the entity, by rule; filled by take
}

// take removes the change from the inbox, first of all, and reads the requests that
// are there for these rules. Where requests are written, they and the right to add to
// them are locked.
func (s settlement) take(ctx context.Context, tx pgx.Tx, rules []int64) (map[int64][]request, error) {
	var taken int64
	var held bool
	existing := map[int64][]request{}
	b := &pgx.Batch{}
	s.queueTake(b, &taken)
	s.queueOrganisationHeld(b, &held)
	read := requestsSQL
	if s.org.Treatment == Write {
		for _, rule := range rules {
			b.Queue(lockSQL, rule, s.change.entityID)
		}
		read += ` for update`
	}
	b.Queue(read, s.org.ID, s.change.entityID, rules).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			var r request
			err := rows.Scan(&r.id, &r.ruleID, &r.scheduledAt, &r.delivered, &r.status, &r.voided, &r.cancelled)
			existing[r.ruleID] = append(existing[r.ruleID], r)
			return err
		})
	})
	if s.org.Treatment == Write {
		s.queueHeld(b)
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return nil, err
	}
	switch {
	case taken == 0:
		return nil, errOvertaken
	case held:
		return nil, errHeld
	}
	return existing, nil
}

func (s settlement) queueTake(b *pgx.Batch, taken *int64) {
	b.Queue(takeSQL, s.change.table, s.change.entityID, s.change.number).Exec(func(tag pgconn.CommandTag) error {
		*taken = tag.RowsAffected()
		return nil
	})
}

// write carries out effects and records each in the trigger log. Receivers come first
// and in one order everywhere, so that settlements do not wait for each other in turn.
func (s settlement) write(ctx context.Context, tx pgx.Tx, effects []effect, failures []failureEntry) error {
	b := &pgx.Batch{}
	if s.org.Treatment == Write {
		s.queueReceivers(b, effects)
	}
	for _, e := range effects {
		entry := s.logEntry(e)
		if e.outcome == outcomePaused {
			s.queueWaiting(b, e.rule)
		}
		if s.org.Treatment == Write {
			entry.requestUUID = s.queueEffect(b, e)
		} else {
			entry.outcome = e.outcome.compared()
			s.queueParity(b, e)
		}
		entry.queue(b)
	}
	for _, f := range failures {
		f.queue(b)
	}
	versions := s.queueVersions(b) // last, so that as little as possible comes after it
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return err
	}
	if slices.ContainsFunc(s.rules, func(r Rule) bool { return versions[r.ID] != r.version }) {
		return errOutdated
	}
	return nil
}

func (s settlement) queueReceivers(b *pgx.Batch, effects []effect) {
	var receivers []receiver
	for _, e := range effects {
		if e.insert {
			r, _ := receiverOf(e.rule, s.change.entityType(), s.entity)
			receivers = append(receivers, r)
		}
	}
	slices.SortFunc(receivers, func(x, y receiver) int {
		return cmp.Or(cmp.Compare(x.kind, y.kind), cmp.Compare(x.id, y.id))
	})
	for _, r := range slices.Compact(receivers) {
		b.Queue(insertReceiverSQL, uuid.NewString(), r.kind, r.id, s.org.ID, s.entity.actingUserID)
	}
}

// queueEffect returns the uuid of the request that it inserts, or nil.
func (s settlement) queueEffect(b *pgx.Batch, e effect) *string {
	s.queueHold(b, e)
	switch {
	case e.insert:
		id := newRequestUUID()
		to, _ := receiverOf(e.rule, s.change.entityType(), s.entity)
		b.Queue(insertRequestSQL, id, s.org.ID, e.rule.ID, to.kind, to.id, s.change.entityID, e.at, s.entity.actingUserID)
		return &id
	case e.update != 0:
		b.Queue(updateRequestSQL, e.update, e.at, s.entity.actingUserID)
	case len(e.void) > 0:
		b.Queue(voidRequestsSQL, e.void, s.entity.actingUserID)
	}
	return nil
}

func (s settlement) logEntry(e effect) logEntry {
	entry := logEntry{change: s.change, ruleID: e.rule.ID, outcome: e.outcome, reason: e.reason,
		scheduledFor: e.at, requestID: e.requestID(), byHand: s.change.byHand || e.hold.released}
	if s.entity != nil {
		entry.changedBy = s.entity.savedBy
	}
	return entry
}
