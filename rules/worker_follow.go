package rules

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// When a rule is changed, its pending requests follow: those of a voided rule, or of
// entities that it is not about any more, are withdrawn, the others are evaluated anew.

const (
	// followSize is how many requests are looked at in one transaction.
	followSize = 500
	// followBacklog is how many changes of an organisation may wait while more are added.
	followBacklog = 1000
)

var (
	// noteChangedSQL notes rules that are not as their pending requests are. A rule that
	// is seen for the first time is taken as it is.
	noteChangedSQL = `
		insert into messenger.rule_followed as f (rule_id, entity_type, is_voided, fingerprint)
		select r.id, r.entity_type, r.is_voided, ` + scheduleFingerprint + `
		from message_rule r left join messenger.rule_followed k on k.rule_id = r.id
		where r.organisation_id = any($1::int[]) and (k.rule_id is null or k.is_voided <> r.is_voided or k.fingerprint <> ` + scheduleFingerprint + `)
		on conflict (rule_id) do update
		set is_voided = excluded.is_voided, fingerprint = excluded.fingerprint, changed_at = clock_timestamp(), cursor = 0`

	scheduleFingerprint = fmt.Sprintf(fingerprintSQL, "'schedule'")
)

const (
	nextChangedSQL = `
		select f.rule_id, r.organisation_id, f.entity_type, f.cursor
		from messenger.rule_followed f join message_rule r on r.id = f.rule_id
		where f.changed_at <= clock_timestamp() - $2::interval and r.organisation_id = any($1::int[])
			and not exists (select from messenger.hold h where h.organisation_id = r.organisation_id and h.released_at is null)
			and (select count(*) from (select from messenger.inbox i where i.organisation_id = r.organisation_id limit $3) waiting) < $3
		order by f.changed_at limit 1 for update of f skip locked`

	// followSQL looks at the next pending requests of rule $2, made while it was about
	// entity type $4, whose table is $5. Those that it does not want any more are voided;
	// the entities of those that are worth sending still are evaluated anew, also if that
	// is going on right now: by the rule as it was, perhaps.
	followSQL = `
		with page as materialized (
			select q.id, q.entity_id, q.scheduled_date_time as due, r.is_voided as rule_voided,
				r.is_voided or r.entity_type <> $4 or r.entity_type_id is distinct from case $4
					when 'Subject' then (select subject_type_id from individual where id = q.entity_id)
					when 'ProgramEnrolment' then (select program_id from program_enrolment where id = q.entity_id)
					when 'Encounter' then (select encounter_type_id from encounter where id = q.entity_id)
					when 'ProgramEncounter' then (select encounter_type_id from program_encounter where id = q.entity_id)
					else r.entity_type_id end as unwanted
			from message_request_queue q join message_rule r on r.id = q.message_rule_id
			where q.message_rule_id = $2 and q.organisation_id = $1 and q.id > $3 and not q.is_voided
				and q.delivered_date_time is null and q.delivery_status <> '` + statusSent + `'
			order by q.id limit $6
		), voided as (
			update message_request_queue q
			set is_voided = true, last_modified_by_id = coalesce(nullif($8::bigint, 0), q.last_modified_by_id), last_modified_date_time = now()
			from page p where p.unwanted and q.id = p.id and q.delivered_date_time is null and q.delivery_status <> '` + statusSent + `'
			returning q.id, p.entity_id, p.due, p.rule_voided
		), remembered as (
			insert into messenger.withdrawal (source_table, entity_id, rule_id, organisation_id, due)
			select $5, entity_id, $2, $1, max(due) from voided where rule_voided group by entity_id
			on conflict (source_table, entity_id, rule_id) do update set due = excluded.due
		), logged as (
			insert into messenger.trigger_log (source_table, entity_id, organisation_id, rule_id, outcome, reason, request_id, committed_at, commit_lsn)
			select $5, entity_id, $1, $2, '` + string(outcomeVoided) + `',
				case when rule_voided then 'the rule is voided' else 'the rule is not about it any more' end, id, now(), '0/0' from voided
		), entered as (
			insert into messenger.inbox as i (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn)
			select distinct $5, entity_id, $1::int, 0, false, now(), '0/0'::pg_lsn from page
			where not unwanted and due > now() - $7::interval order by entity_id
			on conflict (source_table, entity_id) do update
			set change_number = nextval('messenger.inbox_change_number'), attempts = 0, last_error = null, claimed_by = null, claimed_until = null
			returning 1
		)
		select (select count(*) from page), (select coalesce(max(id), 0) from page), (select count(*) from voided), (select count(*) from entered)`

	followedSQL = `
		update messenger.rule_followed f
		set cursor = $2, changed_at = case when $3 then null else f.changed_at end,
			entity_type = case when $3 then r.entity_type else f.entity_type end
		from message_rule r where r.id = f.rule_id and f.rule_id = $1`
)

// followChanged brings the pending requests of changed rules in line, a page at a time.
func (w *Worker) followChanged(ctx context.Context) error {
	written := w.options.Catalogue.organisations(Write)
	if _, err := w.options.Pool.Exec(ctx, noteChangedSQL, written); err != nil {
		return fmt.Errorf("look for changed rules: %w", err)
	}
	for {
		var f follower
		err := pgx.BeginFunc(ctx, w.options.Pool, func(tx pgx.Tx) (err error) {
			f, err = w.followNext(ctx, tx, written)
			return err
		})
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return nil
		case err != nil:
			return fmt.Errorf("bring pending requests in line with changed rules: %w", err)
		}
		w.followed(f)
	}
}

// follower is a rule whose pending requests follow it, and what became of a page of them.
type follower struct {
	ruleID         int64
	organisationID int32
	entityType     EntityType
	cursor         int64

	looked, voided, entered int
}

func (w *Worker) followNext(ctx context.Context, tx pgx.Tx, organisations []int32) (f follower, err error) {
	err = tx.QueryRow(ctx, nextChangedSQL, organisations, w.options.FollowAfter, followBacklog).
		Scan(&f.ruleID, &f.organisationID, &f.entityType, &f.cursor)
	if err != nil {
		return f, err
	}
	first := f.cursor == 0
	org, _ := w.options.Directory.Organisation(f.organisationID)
	err = tx.QueryRow(ctx, followSQL, f.organisationID, f.ruleID, f.cursor, f.entityType, tableOf[f.entityType], followSize,
		w.options.RepairWindow, org.AvniSystemUserID).Scan(&f.looked, &f.cursor, &f.voided, &f.entered)
	if err != nil {
		return f, fmt.Errorf("rule %d: %w", f.ruleID, err)
	}
	if first { // the inbox comes first and what is held last, wherever both are locked
		if err := markHeld(ctx, tx, f.ruleID); err != nil {
			return f, err
		}
	}
	_, err = tx.Exec(ctx, followedSQL, f.ruleID, f.cursor, f.looked < followSize)
	return f, err
}

// followed counts what was committed, and has it dealt with.
func (w *Worker) followed(f follower) {
	w.options.Metrics.outcomes.WithLabelValues(string(outcomeVoided)).Add(float64(f.voided))
	if f.voided+f.entered == 0 {
		return
	}
	w.options.Log.Info("rule was changed: its pending requests follow", "component", "rules", "organisation", labelOf(w.options.Directory, f.organisationID),
		"rule", f.ruleID, "withdrawn", f.voided, "changes", f.entered)
	if f.voided > 0 {
		w.options.Queued(f.organisationID)
	}
	if f.entered > 0 {
		w.Wake()
	}
}

// defaultFollowAfter leaves other processes the time to hear of a changed rule before
// its pending requests are evaluated by it, and to commit what they were about to write
// of it as it was.
const defaultFollowAfter = 2 * time.Second
