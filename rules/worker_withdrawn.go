package rules

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// noteMissedSQL remembers an entity that no rule was run for because of what it hangs under.
const noteMissedSQL = `
	insert into messenger.withdrawal (source_table, entity_id, rule_id, organisation_id, due)
	values ($1, $2, 0, $3, now() + interval '30 days')
	on conflict (source_table, entity_id, rule_id) do update set due = excluded.due`

// forgetWithdrawnSQL drops what would come back too late: $1 is the age at which a due
// message is not sent any more.
const forgetWithdrawnSQL = `delete from messenger.withdrawal where due < now() - $1::interval`

// bringBackSQL puts entities into the inbox that were withdrawn and of which nothing is
// voided any more: neither they, nor what they hang under, nor the rule.
const bringBackSQL = `
	with back as (
		delete from messenger.withdrawal w
		where w.organisation_id = any($1::int[])
			and (w.rule_id = 0 or exists (select from message_rule r where r.id = w.rule_id and not r.is_voided))
			and case w.source_table
				when 'individual' then exists (select from individual s where s.id = w.entity_id and not s.is_voided)
				when 'program_enrolment' then exists (select from program_enrolment e join individual s on s.id = e.individual_id
					where e.id = w.entity_id and not e.is_voided and not s.is_voided)
				when 'encounter' then exists (select from encounter v join individual s on s.id = v.individual_id
					where v.id = w.entity_id and not v.is_voided and not s.is_voided)
				when 'program_encounter' then exists (select from program_encounter v join program_enrolment e on e.id = v.program_enrolment_id
					join individual s on s.id = e.individual_id
					where v.id = w.entity_id and not v.is_voided and not e.is_voided and not s.is_voided)
				else exists (select from users u where u.id = w.entity_id and not u.is_voided)
			end
		returning w.source_table, w.entity_id, w.organisation_id
	)
	insert into messenger.inbox (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn)
	select distinct source_table, entity_id, organisation_id, 0, false, now(), '0/0'::pg_lsn from back
	on conflict (source_table, entity_id) do nothing`

// queueMissed remembers a change that no rule was run for because something that the
// entity hangs under is voided: when it is not any more, nothing tells of the entity
// itself. The void of the entity itself is taken back by a change of its own.
func (w *Worker) queueMissed(b *pgx.Batch, s settlement) {
	t := s.change.entityType()
	if s.org.Treatment == Write && !s.entity.voided && len(w.options.Catalogue.Rules(s.org.ID, t, s.entity.typeID)) > 0 {
		b.Queue(noteMissedSQL, s.change.table, s.change.entityID, s.org.ID)
	}
}

// bringBack has the rules look again at what was withdrawn because something was voided
// that is not any more.
func (w *Worker) bringBack(ctx context.Context) error {
	if _, err := w.options.Pool.Exec(ctx, forgetWithdrawnSQL, w.options.RepairWindow); err != nil {
		return fmt.Errorf("forget what was withdrawn: %w", err)
	}
	tag, err := w.options.Pool.Exec(ctx, bringBackSQL, w.options.Catalogue.organisations(Write))
	if err != nil {
		return fmt.Errorf("bring back what was withdrawn: %w", err)
	}
	if n := tag.RowsAffected(); n > 0 {
		w.options.Log.Info("what was voided is there again: its messages are looked at", "component", "rules", "changes", n)
		w.Wake()
	}
	return nil
}
