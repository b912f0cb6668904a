package rules

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

const waitSQL = `
	insert into messenger.rule_waiting as w (rule_id, source_table, entity_id, organisation_id, compared, committed_at, commit_lsn, by_hand)
	values ($1, $2, $3, $4, $5, $6, $7::text::pg_lsn, $8)
	on conflict (rule_id, source_table, entity_id) do update
	set organisation_id = excluded.organisation_id, compared = excluded.compared, committed_at = excluded.committed_at, commit_lsn = excluded.commit_lsn,
		by_hand = w.by_hand or excluded.by_hand`

// keepByHandSQL leaves a newer change in the inbox i as it is, other than that it is to be
// evaluated by hand.
const keepByHandSQL = `on conflict (source_table, entity_id) do update
	set by_hand = true, change_number = nextval('messenger.inbox_change_number'), claimed_by = null, claimed_until = null
	where excluded.by_hand and not i.by_hand`

var (
	// resumeSQL ends the pauses of scripts that were changed, or that somebody asked for.
	resumeSQL = `
		delete from messenger.rule_pause p using message_rule r
		where r.id = p.rule_id and (p.resume_asked_at is not null or p.fingerprint <> ` + fmt.Sprintf(fingerprintSQL, "p.phase") + `)
		returning p.rule_id, p.phase, p.organisation_id, r.name, p.resume_asked_at is not null`

	// unpausedSQL holds of what waits for a rule that is not paused.
	unpausedSQL = `not exists (select from messenger.rule_pause p where p.rule_id = %s and p.phase = '%s')`

	// goOnSQL puts what waited for rules that go on back into the inbox, unless a newer
	// change is there. What waited in shadow mode is run only there.
	goOnSQL = `
		with freed as (
			delete from messenger.rule_waiting w
			where w.organisation_id = any(case when w.compared then $2::int[] else $1::int[] end)
				and ` + fmt.Sprintf(unpausedSQL, "w.rule_id", schedulePhase) + `
			returning w.*
		)
		insert into messenger.inbox as i (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn, by_hand)
		select distinct on (f.source_table, f.entity_id) f.source_table, f.entity_id, f.organisation_id,
			greatest(r.entity_type_id, 0), false, f.committed_at, f.commit_lsn, bool_or(f.by_hand) over (partition by f.source_table, f.entity_id)
		from freed f join message_rule r on r.id = f.rule_id
		order by f.source_table, f.entity_id, f.commit_lsn desc
		` + keepByHandSQL

	// sendOnSQL frees the messages that waited for message scripts that go on.
	sendOnSQL = `
		update messenger.delivery d set next_attempt_at = now(), updated_at = now()
		from message_request_queue q
		where q.id = d.request_id and d.reason = '` + pausedReason + `' and d.state = 'waiting' and d.next_attempt_at = 'infinity'
			and ` + fmt.Sprintf(unpausedSQL, "q.message_rule_id", messagePhase) + `
		returning d.organisation_id`
)

// forgetComparedSQL drops what waited in shadow mode and would be written by now.
const forgetComparedSQL = `delete from messenger.rule_waiting where compared and organisation_id = any($1::int[])`

// queueWaiting notes that a change waits for a paused rule. The newest of an entity counts.
func (s settlement) queueWaiting(b *pgx.Batch, rule Rule) {
	b.Queue(waitSQL, rule.ID, s.change.table, s.change.entityID, s.org.ID, s.org.Treatment == Compare, s.change.committedAt, s.change.commitLSN, s.change.byHand)
}

// resumed is a script whose pause is over.
type resumed struct {
	scriptKey
	organisationID int32
	name           string
	byHand         bool
}

// resume lets scripts go on that were changed, or that somebody asked to, and what
// waited for them: also what came to wait after their pause was over, because whoever
// evaluated it had not heard yet. Of those resumed by hand, what failed is run again too.
func (w *Worker) resume(ctx context.Context) error {
	var over []resumed
	var messages []int32
	var changes int64
	err := pgx.BeginFunc(ctx, w.options.Pool, func(tx pgx.Tx) error {
		var err error
		if over, err = w.endPauses(ctx, tx); err != nil {
			return err
		}
		if changes, err = w.freeChanges(ctx, tx, over); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, sendOnSQL)
		if err != nil {
			return err
		}
		messages, err = pgx.CollectRows(rows, pgx.RowTo[int32])
		return err
	})
	if err != nil {
		return fmt.Errorf("let paused rules go on: %w", err)
	}
	for _, r := range over {
		w.options.Log.Info("rule goes on, with what waited for it", "component", "rules", "organisation", labelOf(w.options.Directory, r.organisationID),
			"rule", r.ruleID, "name", r.name, "phase", r.phase)
	}
	for _, organisation := range distinct(messages) {
		w.options.Queued(organisation)
	}
	if changes > 0 {
		w.Wake()
	}
	return w.options.Failures.readPauses(ctx)
}

func (w *Worker) endPauses(ctx context.Context, tx pgx.Tx) ([]resumed, error) {
	rows, err := tx.Query(ctx, resumeSQL)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r resumed, err error) {
		err = row.Scan(&r.ruleID, &r.phase, &r.organisationID, &r.name, &r.byHand)
		return r, err
	})
}

// freeChanges puts changes back into the inbox. It returns how many.
func (w *Worker) freeChanges(ctx context.Context, tx pgx.Tx, over []resumed) (int64, error) {
	written, compared := w.options.Catalogue.organisations(Write, Wait), w.options.Catalogue.organisations(Compare)
	if _, err := tx.Exec(ctx, forgetComparedSQL, written); err != nil {
		return 0, err
	}
	tag, err := tx.Exec(ctx, goOnSQL, written, compared)
	if err != nil {
		return 0, err
	}
	var byHand []int64
	for _, r := range over {
		if r.byHand && r.phase == schedulePhase {
			byHand = append(byHand, r.ruleID)
		}
	}
	if len(byHand) == 0 {
		return tag.RowsAffected(), nil
	}
	failed, err := tx.Exec(ctx, repeatFailedSQL, w.options.RepairWindow, written, compared, byHand)
	return tag.RowsAffected() + failed.RowsAffected(), err
}

func distinct(ids []int32) []int32 {
	found := map[int32]bool{}
	return slices.DeleteFunc(ids, func(id int32) bool {
		before := found[id]
		found[id] = true
		return before
	})
}
