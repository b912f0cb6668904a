package rules

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	markHeldSQL = `
		with rows as materialized (
			select source_table, entity_id from messenger.held where rule_id = $1 and state = 'held' and not review
			order by source_table, entity_id for update
		)
		update messenger.held h set review = true from rows r
		where h.rule_id = $1 and h.source_table = r.source_table and h.entity_id = r.entity_id`

	// The next entities that are to be evaluated anew, of organisations of which not too
	// much waits in the inbox.
	nextReviewSQL = `
		with open as materialized (
			select id from unnest($1::int[]) as id
			where (select count(*) from (select from messenger.inbox i where i.organisation_id = id limit $2) waiting) < $2
		)
		select * from (
			select h.rule_id, h.source_table, h.entity_id, h.organisation_id
			from messenger.held h where h.review and h.organisation_id in (select id from open) limit $3) page
		order by source_table, entity_id, rule_id`

	// They enter the inbox, or are evaluated again if that is going on right now.
	enterReviewSQL = `
		insert into messenger.inbox as i (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn)
		select distinct on (source_table, entity_id) source_table, entity_id, organisation_id, 0, false, now(), '0/0'::pg_lsn
		from unnest($1::text[], $2::bigint[], $3::int[]) as e (source_table, entity_id, organisation_id)
		order by source_table, entity_id
		on conflict (source_table, entity_id) do update
		set change_number = nextval('messenger.inbox_change_number'), attempts = 0, last_error = null, claimed_by = null, claimed_until = null`

	reviewedSQL = `
		with page as materialized (
			select h.rule_id, h.source_table, h.entity_id
			from messenger.held h join unnest($1::bigint[], $2::text[], $3::bigint[]) as e (rule_id, source_table, entity_id)
				on h.rule_id = e.rule_id and h.source_table = e.source_table and h.entity_id = e.entity_id
			order by h.source_table, h.entity_id, h.rule_id for update of h
		)
		update messenger.held h set review = false from page p
		where h.rule_id = p.rule_id and h.source_table = p.source_table and h.entity_id = p.entity_id`

	// pruneHeldSQL gives up what would be sent too late: $1 is the age at which a due
	// message is not sent any more. What was cancelled stays, so that it stays cancelled. It
	// returns how many, and how many of them were voided, of which nobody expected any.
	pruneHeldSQL = `
		with gone as (
			delete from messenger.held where (rule_id, source_table, entity_id) in (
				select rule_id, source_table, entity_id from messenger.held
				where state <> 'cancelled' and scheduled_for < now() - $1::interval limit 1000 for update skip locked)
			returning *
		), logged as (
			insert into messenger.trigger_log (source_table, entity_id, organisation_id, rule_id, outcome, reason, scheduled_for, committed_at, commit_lsn)
			select source_table, entity_id, organisation_id, rule_id, '` + string(outcomeExpired) + `',
				'was ' || state || ' until it was too late to be sent', scheduled_for, committed_at, commit_lsn from gone
		)
		select count(*), count(*) filter (where state = 'voided') from gone`
)

// markHeld has the entities evaluated anew whose requests by a rule are held: it was
// changed.
func markHeld(ctx context.Context, tx pgx.Tx, ruleID int64) error {
	if _, err := tx.Exec(ctx, markHeldSQL, ruleID); err != nil {
		return fmt.Errorf("note what is held by rule %d: %w", ruleID, err)
	}
	return nil
}

// review is held rows that are to be evaluated anew.
type review struct {
	rules         []int64
	tables        []string
	entities      []int64
	organisations []int32
}

// reviewHeld puts entities into the inbox whose requests were released, or whose rule
// was changed while they were held: a page at a time, and as much as the inbox should
// hold.
func (w *Worker) reviewHeld(ctx context.Context) error {
	for {
		n := 0
		err := pgx.BeginFunc(ctx, w.options.Pool, func(tx pgx.Tx) error {
			page, err := w.nextReview(ctx, tx)
			if n = len(page.rules); n == 0 || err != nil {
				return err
			}
			b := &pgx.Batch{}
			b.Queue(enterReviewSQL, page.tables, page.entities, page.organisations)
			b.Queue(reviewedSQL, page.rules, page.tables, page.entities)
			return tx.SendBatch(ctx, b).Close()
		})
		if err != nil {
			return fmt.Errorf("evaluate anew what was held: %w", err)
		}
		if n == 0 {
			return nil
		}
		w.Wake()
	}
}

func (w *Worker) nextReview(ctx context.Context, tx pgx.Tx) (page review, err error) {
	rows, err := tx.Query(ctx, nextReviewSQL, w.options.Catalogue.organisations(Write), followBacklog, followSize)
	if err != nil {
		return page, err
	}
	var rule, entity int64
	var table string
	var organisation int32
	_, err = pgx.ForEachRow(rows, []any{&rule, &table, &entity, &organisation}, func() error {
		page.rules, page.tables = append(page.rules, rule), append(page.tables, table)
		page.entities, page.organisations = append(page.entities, entity), append(page.organisations, organisation)
		return nil
	})
	return page, err
}

// pruneHeld gives up what was held for too long.
func (w *Worker) pruneHeld(ctx context.Context) {
	for {
		var gone, voided int64
		err := w.options.Pool.QueryRow(ctx, pruneHeldSQL, w.options.RepairWindow).Scan(&gone, &voided)
		if err != nil {
			w.options.Log.Warn("what is held was not looked through for what is too late", "component", "rules", "err", err)
			return
		}
		if gone == 0 {
			return
		}
		w.options.Metrics.outcomes.WithLabelValues(string(outcomeExpired)).Add(float64(gone))
		if gone > voided {
			w.options.Log.Warn("messages were held until it was too late to send them", "component", "rules", "messages", gone-voided)
		}
	}
}
