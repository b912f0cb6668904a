package rules

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
)

// batchSize is how many changes an organisation's turn claims.
const batchSize = 50

const (
	// Steps from one organisation to the next in the index, however many changes each has.
	organisationsSQL = `
		with recursive o (id) as (
			(select organisation_id from messenger.inbox order by organisation_id limit 1)
			union all
			select (select organisation_id from messenger.inbox where organisation_id > o.id order by organisation_id limit 1)
			from o where o.id is not null)
		select id from o where exists (select from messenger.inbox i
			where i.organisation_id = o.id and (i.claimed_until is null or i.claimed_until < now()))`

	claimableSQL = `select source_table, entity_id from messenger.inbox
		where organisation_id = $1 and (claimed_until is null or claimed_until < now())
		order by change_number limit $2 for update skip locked`

	claimSQL = `
		with c as materialized (` + claimableSQL + `)
		update messenger.inbox i set claimed_by = $3, claimed_until = now() + $4::interval
		from c where i.source_table = c.source_table and i.entity_id = c.entity_id
		returning i.source_table, i.entity_id, i.organisation_id, i.is_voided, i.committed_at, i.commit_lsn::text,
			i.change_number, i.attempts, i.by_hand`

	renewSQL   = `update messenger.inbox set claimed_until = now() + $3::interval where organisation_id = $1 and claimed_by = $2`
	releaseSQL = `update messenger.inbox set claimed_by = null, claimed_until = null where claimed_by = $1`

	releaseOfSQL = `update messenger.inbox set claimed_by = null, claimed_until = null where claimed_by = $1 and organisation_id = $2`

	putOffSQL = `update messenger.inbox
		set attempts = attempts + 1, last_error = $4, claimed_by = null,
			claimed_until = now() + least(interval '1 second' * (1 << least(attempts, 10)), interval '5 minutes')
		where source_table = $1 and entity_id = $2 and change_number = $3`

	ignoreSQL = `
		with c as materialized (` + claimableSQL + `), gone as (
			delete from messenger.inbox i using c where i.source_table = c.source_table and i.entity_id = c.entity_id returning i.*)
		insert into messenger.trigger_log (source_table, entity_id, organisation_id, outcome, reason, committed_at, commit_lsn)
		select source_table, entity_id, organisation_id, $3, $4, committed_at, commit_lsn from gone`
)

// change is a claimed row of the inbox.
type change struct {
	table          cdc.Table
	entityID       int64
	organisationID int32
	voided         bool
	committedAt    time.Time
	commitLSN      string
	number         int64
	attempts       int
	byHand         bool  // somebody asked for it to be evaluated as if it were saved now
	version        int64 // of rules and settings that it needs at least
}

func (c change) entityType() EntityType { return entityTypeOf(c.table) }

// organisationsWithChanges returns those whose changes are to be dealt with now. The
// changes of others stay where they are.
func (w *Worker) organisationsWithChanges(ctx context.Context) ([]int32, error) {
	rows, err := w.options.Pool.Query(ctx, organisationsSQL)
	if err != nil {
		return nil, fmt.Errorf("list organisations in the inbox: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		return nil, fmt.Errorf("list organisations in the inbox: %w", err)
	}
	return slices.DeleteFunc(found, func(id int32) bool {
		org, known := w.options.Directory.Organisation(id)
		return !known || org.Treatment == Wait
	}), nil
}

// claim takes the oldest changes of an organisation that nobody else deals with.
func (w *Worker) claim(ctx context.Context, organisationID int32) ([]change, error) {
	batch := &pgx.Batch{}
	batch.Queue(claimSQL, organisationID, batchSize, w.id, w.options.ClaimFor)
	batch.Queue(versionSQL) // after it, since a claim may find changes that are younger than its snapshot
	results := w.options.Pool.SendBatch(ctx, batch)
	claimed, err := readClaims(results)
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, fmt.Errorf("claim changes: %w", err)
	}
	slices.SortFunc(claimed, func(x, y change) int { return cmp.Compare(x.number, y.number) })
	return claimed, nil
}

func readClaims(results pgx.BatchResults) ([]change, error) {
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	claimed, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (change, error) {
		var c change
		err := row.Scan(&c.table, &c.entityID, &c.organisationID, &c.voided, &c.committedAt, &c.commitLSN, &c.number, &c.attempts, &c.byHand)
		return c, err
	})
	if err != nil {
		return nil, err
	}
	var version int64
	err = results.QueryRow().Scan(&version)
	for i := range claimed {
		claimed[i].version = version
	}
	return claimed, err
}

// putOff leaves a change in the inbox for later: the database or the engine failed,
// not the rule.
func (w *Worker) putOff(ctx context.Context, c change, cause error) {
	if ctx.Err() != nil {
		return // stopping: the claim is released as it is
	}
	w.options.Metrics.retries.Inc()
	w.options.Log.Warn("change put off", "component", "rules", "organisation", labelOf(w.options.Directory, c.organisationID), "table", c.table,
		"entity", c.entityID, "attempt", c.attempts+1, "err", cause)
	if _, err := w.options.Pool.Exec(ctx, putOffSQL, c.table, c.entityID, c.number, storable(cause.Error(), maxReason)); err != nil {
		w.options.Log.Debug("claim left to lapse", "component", "rules", "organisation", labelOf(w.options.Directory, c.organisationID), "err", err)
	}
}
