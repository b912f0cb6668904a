package rules

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// An organisation starts when it is first served in mode full, a rule when it is made or
// un-voided. What was saved in Avni before makes no new request, however late it becomes
// known: rows that are restored or imported carry old times. Only who starts or stops
// writing requests has such a beginning: comparing (shadow) knows none.
//
// When an entity was saved is its last_modified_date_time, and so is when a rule was: both
// are set by avni-server, by its own clock. When an organisation starts is told by the
// database's.

// clockDifference is how much the clocks of avni-server and of the database may differ,
// and how long after an organisation starts that may be noticed.
const clockDifference = 10 * time.Second

const (
	activateOrganisationsSQL = `
		insert into messenger.activation as a (organisation_id, rule_id, active_from, slot)
		select id, 0, now(), nullif($2, '') from unnest($1::int[]) as id order by id
		on conflict (organisation_id, rule_id) do update set slot = excluded.slot where a.slot is distinct from excluded.slot`

	// A rule that is voided and un-voided between two looks goes on. One that is un-voided
	// and edited before anybody looks starts with the edit: nothing tells when it was
	// un-voided.
	activateRulesSQL = `
		insert into messenger.activation as a (organisation_id, rule_id, active_from, entity_type, entity_type_id, is_voided)
		select r.organisation_id, r.id, greatest(o.active_from, r.created_date_time), r.entity_type, r.entity_type_id, r.is_voided
		from message_rule r
		join messenger.activation o on o.organisation_id = r.organisation_id and o.rule_id = 0
		left join messenger.activation k on k.organisation_id = r.organisation_id and k.rule_id = r.id
		where r.organisation_id = any($1::int[])
			and (k.rule_id is null or (k.entity_type, k.entity_type_id, k.is_voided) is distinct from (r.entity_type, r.entity_type_id, r.is_voided))
		order by r.organisation_id, r.id
		on conflict (organisation_id, rule_id) do update
		set active_from = case when a.is_voided and not excluded.is_voided
				or (a.entity_type, a.entity_type_id) is distinct from (excluded.entity_type, excluded.entity_type_id)
			then greatest(a.active_from, (select r.last_modified_date_time from message_rule r where r.id = a.rule_id)) else a.active_from end,
			entity_type = excluded.entity_type, entity_type_id = excluded.entity_type_id, is_voided = excluded.is_voided`

	// What a process of another slot serves is not ours to end. Of organisations whose slot
	// is not known those are ended that this process serves in another mode.
	deactivateSQL = `
		delete from messenger.activation
		where organisation_id in (select organisation_id from messenger.activation
			where rule_id = 0 and not organisation_id = any($1::int[]) and (slot = $2 or slot is null and organisation_id = any($3::int[])))
		returning organisation_id, rule_id`
)

// executor is what activate needs of a transaction or a pool.
type executor interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// activate has organisations and their rules start that have not yet.
func activate(ctx context.Context, db executor, slot string, organisations ...int32) error {
	b := &pgx.Batch{}
	b.Queue(activateOrganisationsSQL, organisations, slot)
	b.Queue(activateRulesSQL, organisations)
	if err := db.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("note since when organisations and rules are active: %w", err)
	}
	return nil
}

// activate notes which organisations and rules have started, also while an organisation
// is held back: its changes wait, and count. At first it ends what this process does not
// serve in mode full any more: somebody else may write its requests until it starts anew.
func (w *Worker) activate(ctx context.Context) error {
	full := w.full()
	if err := w.deactivate(ctx, full); err != nil {
		return err
	}
	if len(full) == 0 {
		return nil
	}
	return activate(ctx, w.options.Pool, w.options.Slot, full...)
}

// deactivate does so once, as soon as no other process has them in mode full: one with
// settings of its own, or one that is being replaced by this.
func (w *Worker) deactivate(ctx context.Context, full []int32) error {
	if w.deactivated {
		return nil
	}
	elsewhere, err := w.options.Elsewhere(ctx)
	if err != nil {
		return err
	}
	spared := slices.DeleteFunc(elsewhere, func(id int32) bool { return slices.Contains(full, id) })
	if err := w.deactivateBut(ctx, slices.Concat(full, spared)); err != nil {
		return err
	}
	w.deactivated = len(spared) == 0
	return nil
}

func (w *Worker) deactivateBut(ctx context.Context, full []int32) error {
	others := slices.DeleteFunc(w.options.Directory.IDs(), func(id int32) bool { return slices.Contains(full, id) })
	rows, err := w.options.Pool.Query(ctx, deactivateSQL, append([]int32{}, full...), w.options.Slot, others) // never null
	if err != nil {
		return fmt.Errorf("note which organisations are not active any more: %w", err)
	}
	var organisation int32
	var rule int64
	_, err = pgx.ForEachRow(rows, []any{&organisation, &rule}, func() error {
		if rule == 0 {
			w.options.Log.Info("organisation is not in mode full any more: when it is again, nothing that was saved before makes a message", "component", "rules",
				"organisation", labelOf(w.options.Directory, organisation))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("note which organisations are not active any more: %w", err)
	}
	return nil
}

// full returns the organisations that requests are written for, now or once they are not
// held back any more: also those that have no rules yet, since they have started when
// they make their first.
func (w *Worker) full() []int32 {
	return slices.DeleteFunc(w.options.Directory.IDs(), func(id int32) bool {
		org, known := w.options.Directory.Organisation(id)
		return !known || org.Treatment != Write && (org.Treatment != Wait || !org.Full)
	})
}

// active reports whether an entity that was saved at a time may make a new request.
func (a admission) active(savedAt time.Time) bool {
	return a.activeFrom != nil && !savedAt.Before(a.activeFrom.Add(-clockDifference))
}

// tooEarly says why it may not, and what to do.
func (a admission) tooEarly(savedAt time.Time) string {
	if a.activeFrom == nil {
		return "the rule is not there any more"
	}
	return fmt.Sprintf("saved at %s, before the rule started at %s; if messages shall be sent all the same: avni-messenger catch-up --since %s",
		savedAt.Local().Format(time.RFC3339), a.activeFrom.Local().Format(time.RFC3339), savedAt.Local().Format(time.RFC3339))
}
