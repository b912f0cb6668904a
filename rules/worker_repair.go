package rules

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// repeatFailedSQL puts changes into the inbox again under whose rule they failed and
// that was changed since: it is one of $4, or its row is younger. Whatever they come to
// then is logged by a younger transaction still, so that this is done once for each
// change of a rule, by whichever process. What the rule, or what keeps rules from being
// run, made of the entity later settles the failure. The rows count as the changes that
// failed, so that the stream's newer ones take their place, also if they failed on another
// server, whose WAL was longer. What failed in shadow mode is run again only there.
const repeatFailedSQL = `
	insert into messenger.inbox as i (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn, by_hand)
	select distinct on (t.source_table, t.entity_id)
		t.source_table, t.entity_id, t.organisation_id, greatest(r.entity_type_id, 0), false, t.committed_at, least(t.commit_lsn, pg_current_wal_insert_lsn()),
		bool_or(t.by_hand) over (partition by t.source_table, t.entity_id)
	from messenger.trigger_log t
	join message_rule r on r.id = t.rule_id and r.organisation_id = t.organisation_id and not r.is_voided
	where t.outcome in ('failed', 'would_fail') and t.at > now() - $1::interval
		and t.organisation_id = any(case t.outcome when 'failed' then $2::int[] else $3::int[] end)
		and (r.id = any($4::bigint[]) or ` + changedSince + `)
		and not exists (select from messenger.trigger_log l
			where l.source_table = t.source_table and l.entity_id = t.entity_id and l.id > t.id
				and (l.rule_id = t.rule_id or l.rule_id is null))
	order by t.source_table, t.entity_id, t.id desc
	` + keepByHandSQL

// changedRules are rules that were changed and whose failures nobody has looked at yet.
type changedRules struct {
	mu   sync.Mutex
	ids  []int64
	told chan struct{}
}

func newChangedRules() *changedRules { return &changedRules{told: make(chan struct{}, 1)} }

// RulesChanged makes the worker run rules again for the changes under which they
// failed: the Catalogue has their new texts. It never blocks.
func (w *Worker) RulesChanged(ids ...int64) {
	w.changed.mu.Lock()
	w.changed.ids = append(w.changed.ids, ids...)
	w.changed.mu.Unlock()
	select {
	case w.changed.told <- struct{}{}:
	default:
	}
}

// repeatFailed puts changes back into the inbox whose rule was changed since it failed.
func (w *Worker) repeatFailed(ctx context.Context) error {
	w.changed.mu.Lock()
	ids := slices.Clone(w.changed.ids)
	w.changed.mu.Unlock()
	tag, err := w.options.Pool.Exec(ctx, repeatFailedSQL, w.options.RepairWindow,
		w.options.Catalogue.organisations(Write, Wait), w.options.Catalogue.organisations(Compare), ids)
	if err != nil {
		return fmt.Errorf("run changed rules again for what failed under them: %w", err)
	}
	w.changed.mu.Lock()
	w.changed.ids = w.changed.ids[len(ids):]
	w.changed.mu.Unlock()
	if n := tag.RowsAffected(); n > 0 {
		w.options.Log.Info("rules were changed: what failed under them is evaluated again", "component", "rules", "changes", n)
		w.Wake()
	}
	return nil
}
