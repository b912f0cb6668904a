package rules

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"
)

// failedLately is how long a failure counts that nothing came after.
const failedLately = 7 * 24 * time.Hour

// answered holds of rows of the trigger log that a rule's answer led to. A row that
// tells of a void has a rule too, but the rule did not run.
const answered = `rule_id is not null and outcome not in ('failed', 'would_fail', 'paused')
	and (outcome not in ('voided', 'would_void') or reason = '` + saidNotToSend + `')`

// changedSince holds if a rule was changed after a row of the trigger log was written:
// its row was made by a younger transaction.
const changedSince = `age(r.xmin) between 0 and age(t.xmin)`

// failingSQL finds what failed within a while, after the last answer of its rule and
// after the rule was last changed.
const failingSQL = `
	with answers as (
		select rule_id, max(id) as id from messenger.trigger_log where at > now() - $1::interval and ` + answered + ` group by rule_id
	), runs as (
		select r.id as rule_id, r.organisation_id, count(*) as times, min(t.at) as since, max(t.at) as last, max(t.id) as last_id
		from messenger.trigger_log t
		join message_rule r on r.id = t.rule_id and r.organisation_id = t.organisation_id
		left join answers a on a.rule_id = t.rule_id
		where t.outcome in ('failed', 'would_fail') and t.at > now() - $1::interval and t.id > coalesce(a.id, 0)
			and not (` + changedSince + `)
		group by r.id, r.organisation_id
	)
	select runs.rule_id, runs.organisation_id, runs.times, runs.since, runs.last, t.reason
	from runs join messenger.trigger_log t on t.id = runs.last_id`

// restore takes over what the trigger log knows of schedule rules: what this process
// saw before it was started anew, and what others see.
func (f *Failures) restore(ctx context.Context) error {
	asked := f.options.Now()
	rows, err := f.options.Pool.Query(ctx, failingSQL, failedLately)
	if err != nil {
		return fmt.Errorf("read which rules fail: %w", err)
	}
	defer rows.Close()
	found := map[scriptKey]failing{}
	err = eachRow(rows, func() error {
		var id int64
		var organisationID int32
		var one failing
		var reason string
		if err := rows.Scan(&id, &organisationID, &one.times, &one.since, &one.last, &reason); err != nil {
			return err
		}
		rule, active := f.options.Catalogue.active(organisationID, id)
		if !active {
			return nil
		}
		one.rule, one.failure = rule, readFailure(reason)
		found[scriptKey{id, schedulePhase}] = one
		return nil
	})
	if err != nil {
		return fmt.Errorf("read which rules fail: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	maps.DeleteFunc(f.failing, func(key scriptKey, one failing) bool {
		return key.phase == schedulePhase && one.last.Before(asked) || f.options.Now().Sub(one.last) > failedLately
	})
	maps.Copy(found, f.failing) // what happened since is newer
	f.failing = found
	return nil
}

// readFailure is the inverse of Failure.Error.
func readFailure(text string) *Failure {
	kind, message, _ := strings.Cut(text, ": ")
	return &Failure{Kind: FailureKind(kind), Message: message}
}
