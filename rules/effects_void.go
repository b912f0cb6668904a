package rules

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// underSQL is an entity of type $2 and id $3 with what hangs under it: a subject's
// enrolments and visits, an enrolment's visits.
const underSQL = `under (entity_type, id) as (
		select $2::text, $3::bigint
		union all select 'ProgramEnrolment', id from program_enrolment
			where $2 = 'Subject' and individual_id = $3
		union all select 'Encounter', id from encounter
			where $2 = 'Subject' and individual_id = $3
		union all select 'ProgramEncounter', v.id from program_encounter v
			join program_enrolment e on e.id = v.program_enrolment_id
			where $2 = 'Subject' and e.individual_id = $3
		union all select 'ProgramEncounter', id from program_encounter
			where $2 = 'ProgramEnrolment' and program_enrolment_id = $3)`

// pendingUnderSQL finds the requests that wait for an entity, or for what hangs under
// it. The rule's entity type tells whose id entity_id is: the tables number their rows
// independently.
const pendingUnderSQL = `
	with ` + underSQL + `
	select q.id, q.message_rule_id, q.entity_id, q.organisation_id, q.scheduled_date_time, r.entity_type
	from message_request_queue q
	join message_rule r on r.id = q.message_rule_id and r.organisation_id = $1
	join under u on u.entity_type = r.entity_type and u.id = q.entity_id
	where q.organisation_id = $1 and not q.is_voided
	  and q.delivered_date_time is null and q.delivery_status <> '` + statusSent + `'
	order by q.id`

// voidUnderSQL voids them, and remembers what they were about, to bring them back. The
// rows are locked in order of id, as everywhere.
const voidUnderSQL = `
	with pending as materialized (` + pendingUnderSQL + ` for update of q
	), voided as (
		update message_request_queue q
		set is_voided = true, last_modified_by_id = $4, last_modified_date_time = now()
		from pending p where q.id = p.id
	), remembered as (
		insert into messenger.withdrawal (source_table, entity_id, rule_id, organisation_id, due)
		select ` + tableSQL + `, p.entity_id, p.message_rule_id, p.organisation_id, max(p.scheduled_date_time)
		from pending p group by 1, 2, 3, 4
		on conflict (source_table, entity_id, rule_id) do update set due = excluded.due
	)
	select id, message_rule_id from pending order by id`

// withdrawnUnderSQL tells which they would be.
const withdrawnUnderSQL = `select id, message_rule_id from (` + pendingUnderSQL + `) pending`

// tableSQL is the table of p.entity_type, as tableOf has it.
const tableSQL = `case p.entity_type when 'Subject' then 'individual' when 'ProgramEnrolment' then 'program_enrolment'
	when 'Encounter' then 'encounter' when 'ProgramEncounter' then 'program_encounter' else 'users' end`

// withdrawAll settles a change of an entity that no message may be sent about: it
// voids what waits for it and under it, by the entity itself or by the voided one that
// it hangs under, and leaves what was delivered. It returns what it did.
func (w *Worker) withdrawAll(ctx context.Context, tx pgx.Tx, s settlement, reason string) ([]effect, error) {
	var taken int64
	var held bool
	var effects []effect
	b := &pgx.Batch{}
	s.queueTake(b, &taken)
	s.queueOrganisationHeld(b, &held)
	w.queueMissed(b, s)
	sql, args := withdrawnUnderSQL, []any{s.org.ID, string(s.change.entityType()), s.change.entityID}
	if s.org.Treatment == Write {
		sql, args = voidUnderSQL, append(args, s.entity.actingUserID)
	}
	b.Queue(sql, args...).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			var id int64
			e := effect{outcome: outcomeVoided, reason: reason}
			err := rows.Scan(&id, &e.rule.ID)
			e.void = []int64{id}
			effects = append(effects, e)
			return err
		})
	})
	if s.org.Treatment == Write {
		s.queueVoidHeld(b, reason, &effects)
	}
	if s.org.Treatment == Compare {
		s.queueParityWithdrawn(b, reason)
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
	if len(effects) == 0 {
		effects = []effect{{outcome: outcomeSkipped, reason: reason}}
	}
	return effects, s.record(ctx, tx, effects)
}

// record writes effects that are carried out already, or need nothing, to the trigger log.
func (s settlement) record(ctx context.Context, tx pgx.Tx, effects []effect) error {
	b := &pgx.Batch{}
	for _, e := range effects {
		if e.hold.logged {
			continue
		}
		entry := s.logEntry(e)
		if s.org.Treatment == Compare {
			entry.outcome = e.outcome.compared()
		}
		entry.queue(b)
	}
	return tx.SendBatch(ctx, b).Close()
}
