package rules

import (
	"context"
	"fmt"
	"maps"
	"time"
)

// fingerprintSQL is what of a rule r decides whether its script of phase $phase fails:
// a change of it ends a pause. %s is an expression for the phase.
const fingerprintSQL = `md5(concat_ws(chr(10), r.entity_type, r.entity_type_id::text, r.receiver_type,
	case %s when 'message' then r.message_rule else r.schedule_rule end))`

var (
	// pauseSQL pauses a script unless it is another one by now.
	pauseSQL = `
		insert into messenger.rule_pause (rule_id, phase, organisation_id, kind, reason, failures, fingerprint)
		select r.id, $2::text, r.organisation_id, $3, $4, $5, ` + fmt.Sprintf(fingerprintSQL, `$2::text`) + `
		from message_rule r
		where r.id = $1 and coalesce(case $2::text when 'message' then r.message_rule else r.schedule_rule end, '') = $6
		on conflict (rule_id, phase) do nothing`

	pausesSQL = `
		select p.rule_id, p.phase, p.organisation_id, p.since, p.kind, p.reason, p.failures,
			case p.phase when 'schedule' then (select count(*) from messenger.rule_waiting w where w.rule_id = p.rule_id)
				else (select count(*) from messenger.delivery d join message_request_queue q on q.id = d.request_id
					where d.reason = '` + pausedReason + `' and d.state = 'waiting' and q.message_rule_id = p.rule_id) end
		from messenger.rule_pause p where p.resume_asked_at is null`
)

// pausedReason is messenger.delivery.reason of a message that waits for a paused rule.
const pausedReason = "rule_paused"

// Paused is the error of a message whose rule is paused: it has to wait, and is looked
// at again when the rule goes on.
type Paused struct {
	RuleID int64
	Since  time.Time
}

func (p *Paused) Error() string {
	return fmt.Sprintf("message rule %d is paused since %s because it failed too often", p.RuleID, p.Since.Local().Format("2006-01-02 15:04:05 MST"))
}

// pause is a script that is not run because it failed too often.
type pause struct {
	organisationID int32
	since          time.Time
	kind           FailureKind
	text           string // the last failure's, without anything personal
	failures       int
	waiting        int // changes, or messages
}

// paused returns the pause of one of a rule's scripts, if it has one. Pauses are as they
// were when Run last looked, a few seconds ago.
func (f *Failures) paused(ctx context.Context, ruleID int64, p phase) (pause, bool, error) {
	f.mu.Lock()
	known := f.pauses != nil
	found, on := f.pauses[scriptKey{ruleID, p}]
	f.mu.Unlock()
	if known {
		return found, on, nil
	}
	if err := f.readPauses(ctx); err != nil {
		return pause{}, false, err
	}
	return f.paused(ctx, ruleID, p)
}

// readPauses takes over what is paused, by whichever process. A script that is not any
// more, or is now, begins with a new budget.
func (f *Failures) readPauses(ctx context.Context) error {
	rows, err := f.options.Pool.Query(ctx, pausesSQL)
	if err != nil {
		return fmt.Errorf("read which rules are paused: %w", err)
	}
	defer rows.Close()
	found := map[scriptKey]pause{}
	err = eachRow(rows, func() error {
		var key scriptKey
		var one pause
		err := rows.Scan(&key.ruleID, &key.phase, &one.organisationID, &one.since, &one.kind, &one.text, &one.failures, &one.waiting)
		found[key] = one
		return err
	})
	if err != nil {
		return fmt.Errorf("read which rules are paused: %w", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for key := range f.tallies {
		if _, before := f.pauses[key]; before != has(found, key) {
			delete(f.tallies, key)
		}
	}
	f.pauses = found
	f.options.Metrics.pauses(f.concerning(found))
	return nil
}

// concerning leaves out the pauses of rules that are voided or not run here.
func (f *Failures) concerning(all map[scriptKey]pause) map[scriptKey]pause {
	found := maps.Clone(all)
	maps.DeleteFunc(found, func(key scriptKey, one pause) bool {
		_, _, concerns := f.concern(one.organisationID, key)
		return !concerns
	})
	return found
}

func has[K comparable, V any](m map[K]V, key K) bool {
	_, found := m[key]
	return found
}

// charge counts how a script ended against its budget, and pauses it if that is spent.
func (f *Failures) charge(ctx context.Context, org Organisation, rule Rule, p phase, failure *Failure) {
	sum, spent := f.count(scriptKey{rule.ID, p}, failure)
	if !spent {
		return
	}
	text := failure.plain(rule.script(p))
	tag, err := f.options.Pool.Exec(ctx, pauseSQL, rule.ID, p, failure.Kind, text, sum.failures, rule.script(p))
	if err == nil && tag.RowsAffected() > 0 {
		f.options.Log.Warn("rule paused: it failed too often", "component", "rules", "organisation", org.label(), "rule", rule.ID, "name", rule.Name,
			"phase", p, "reason", failure.Kind, "failures", sum.failures, "err", text, "fix", pausedFix(rule, p, failure.Kind))
	}
	if err == nil {
		err = f.readPauses(ctx)
	}
	if err != nil && ctx.Err() == nil { // the next failure pauses it
		f.options.Log.Warn("rule not paused although it fails too often", "component", "rules", "organisation", org.label(), "rule", rule.ID, "err", err)
	}
}

// count adds to a script's tally. One that does not fail needs none.
func (f *Failures) count(key scriptKey, failure *Failure) (sum tallySlot, spent bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.tallies[key]
	if t == nil {
		if failure == nil {
			return sum, false
		}
		t = &tally{}
		f.tallies[key] = t
	}
	now := f.options.Now()
	t.add(now, f.options.Budget, failure)
	if sum = t.sum(now, f.options.Budget); sum.failures == 0 {
		delete(f.tallies, key)
	}
	return sum, failure != nil && f.options.Budget.spent(sum)
}

// pausedFix is what to do about a rule that is paused.
func pausedFix(rule Rule, p phase, kind FailureKind) string {
	return fmt.Sprintf("%s It goes on by itself when its %s rule is saved with a change, with what waited; or by hand: avni-messenger rule resume --rule %d",
		fix(rule, p, kind), p, rule.ID)
}
