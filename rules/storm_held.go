package rules

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// A new request that would be one too many is held: a row of messenger.held stands for
// it until somebody releases or cancels it. It follows the entity meanwhile, as a
// request would.

// heldState is messenger.held.state.
type heldState string

const (
	stateHeld      heldState = "held"
	stateReleased  heldState = "released"  // the request is made when the entity is next evaluated
	stateCancelled heldState = "cancelled" // by hand: no request is made, whatever the rule says
	stateVoided    heldState = "voided"    // held, of what is voided or hangs under it: nothing is released
)

// heldRow is a row of messenger.held of the entity of a settlement.
type heldRow struct {
	state heldState
	at    time.Time // the rule's answer, as it was last
}

// hold is what an effect does to the row of messenger.held of its rule and entity.
type hold struct {
	keep     bool   // the row is written, with the effect's time
	drop     bool   // the row is deleted
	released bool   // it was released: the request that is made counts for no limit
	storm    *storm // why it is held, if it is new
	logged   bool   // carried out and logged already
}

const (
	heldSQL = `select rule_id, state, scheduled_for from messenger.held where source_table = $1 and entity_id = $2 order by rule_id for update`

	// A row that is there stays one of the transaction that it was held in first. It was
	// evaluated, so that nothing is voided any more.
	keepHeldSQL = `
		insert into messenger.held as h (rule_id, source_table, entity_id, organisation_id, commit_lsn, committed_at, scheduled_for, changed_by)
		values ($1, $2, $3, $4, $5::text::pg_lsn, $6, $7, $8)
		on conflict (rule_id, source_table, entity_id) do update set scheduled_for = excluded.scheduled_for, changed_by = excluded.changed_by,
			state = case h.state when 'voided' then 'held' else h.state end`

	dropHeldSQL = `delete from messenger.held where rule_id = $1 and source_table = $2 and entity_id = $3`

	// voidHeldUnderSQL marks what is held for an entity and what hangs under it, so that a
	// void is no way past the limit, and remembers the entities, to bring them back with it.
	voidHeldUnderSQL = `with ` + underSQL + `, wanted as materialized (
		select h.rule_id, h.source_table, h.entity_id
		from messenger.held h join (select ` + tableSQL + ` as source_table, id from under p) u on h.source_table = u.source_table and h.entity_id = u.id
		where h.organisation_id = $1 and h.state in ('held', 'released')
		order by h.source_table, h.entity_id, h.rule_id for update of h
	), marked as (
		update messenger.held h set state = 'voided', review = false from wanted w
		where h.rule_id = w.rule_id and h.source_table = w.source_table and h.entity_id = w.entity_id
		returning h.*
	), remembered as (
		insert into messenger.withdrawal (source_table, entity_id, rule_id, organisation_id, due)
		select source_table, entity_id, rule_id, organisation_id, scheduled_for from marked
		on conflict (source_table, entity_id, rule_id) do update set due = excluded.due
	), logged as (
		insert into messenger.trigger_log (source_table, entity_id, organisation_id, rule_id, outcome, reason, committed_at, commit_lsn)
		select source_table, entity_id, organisation_id, rule_id, '` + string(outcomeVoided) + `', 'was held; ' || $4, $5, $6::text::pg_lsn from marked
	)
	select rule_id from marked order by 1`
)

// queueHeld reads what is held for the entity. Rows are locked in order of entity and
// rule, as everywhere, and after the entity's row of the inbox.
func (s settlement) queueHeld(b *pgx.Batch) {
	b.Queue(heldSQL, s.change.table, s.change.entityID).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			var rule int64
			var h heldRow
			err := rows.Scan(&rule, &h.state, &h.at)
			s.held[rule] = h
			return err
		})
	})
}

func (s settlement) queueHold(b *pgx.Batch, e effect) {
	switch {
	case e.hold.keep:
		b.Queue(keepHeldSQL, e.rule.ID, s.change.table, s.change.entityID, s.org.ID, s.change.commitLSN, s.change.committedAt, e.at, s.entity.savedBy)
	case e.hold.drop:
		b.Queue(dropHeldSQL, e.rule.ID, s.change.table, s.change.entityID)
	}
}

// queueVoidHeld marks what is held for a voided entity and what hangs under it.
func (s settlement) queueVoidHeld(b *pgx.Batch, reason string, effects *[]effect) {
	b.Queue(voidHeldUnderSQL, s.org.ID, string(s.change.entityType()), s.change.entityID, reason, s.change.committedAt, s.change.commitLSN).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			e := effect{outcome: outcomeVoided, reason: reason, hold: hold{logged: true}}
			err := rows.Scan(&e.rule.ID)
			*effects = append(*effects, e)
			return err
		})
	})
}

// unheld drops what is held for the entity by rules that say nothing about it any more,
// other than those of some effects.
func (s settlement) unheld(reason string, effects ...effect) []effect {
	var dropped []effect
	for id, h := range s.held {
		if h.state != stateCancelled && !slices.ContainsFunc(effects, func(e effect) bool { return e.rule.ID == id }) {
			dropped = append(dropped, effect{rule: Rule{ID: id}, outcome: outcomeVoided, reason: "was held; " + reason, hold: hold{drop: true}})
		}
	}
	return dropped
}

// admit keeps back the new requests that effects would make and that may not be made,
// or not yet: what is held stays so, what was saved before the rule started makes none,
// and too many at once are held.
func (w *Worker) admit(ctx context.Context, tx pgx.Tx, s settlement, effects []effect) ([]effect, error) {
	if s.org.Treatment != Write {
		return effects, nil
	}
	orphans := s.unheld("the rule is voided, or not about it any more", effects...)
	var fresh []*effect
	for i := range effects {
		e := &effects[i]
		if h, there := s.held[e.rule.ID]; there {
			e.follow(h)
		} else if e.insert && !s.change.byHand {
			fresh = append(fresh, e)
		}
	}
	if err := w.guard(ctx, tx, s, fresh); err != nil {
		return nil, fmt.Errorf("look whether new requests may be made: %w", err)
	}
	return append(effects, orphans...), nil
}

// follow is what the effect comes to where a row of messenger.held is in place of a
// request.
func (e *effect) follow(h heldRow) {
	wanted := e.insert
	switch {
	case e.outcome == outcomePaused || e.outcome == outcomeFailed: // it says nothing
	case !wanted && e.outcome != outcomeSkipped && (e.outcome != outcomeNoDate || len(e.void) > 0):
		e.hold.drop = true // somebody has made a request nevertheless
	case h.state == stateCancelled:
		e.insert, e.outcome, e.reason = false, outcomeCancelled, "it was held, and cancelled by hand"
		e.hold.keep = wanted
	case !wanted:
		e.hold.drop, e.reason = true, "was held; "+e.reason
		if e.outcome == outcomeSkipped {
			e.outcome = outcomeVoided
		}
	case h.state == stateReleased:
		e.hold = hold{drop: true, released: true}
		e.reason = "was held, and released by hand"
	default:
		e.insert, e.outcome, e.hold.keep = false, outcomeHeld, true
		e.reason = "is held already: avni-messenger release --rule, or cancel --rule"
	}
}
