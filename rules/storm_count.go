package rules

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// HeldRule is what the storm guard holds of a rule, waiting to be released or cancelled.
type HeldRule struct {
	OrganisationID int32
	Organisation   string // db_user
	RuleID         int64
	RuleName       string
	Count          int       // messages
	Transaction    string    // commit_lsn of the source transaction; "": they are of several
	CatchUp        bool      // some were looked up after the slot was lost
	CommittedAt    time.Time // when the last was saved
	Since          time.Time // when the first was held
}

const countHeldSQL = `
	select h.organisation_id, coalesce(o.db_user, ''), h.rule_id, coalesce(r.name, ''), h.n, h.transaction, h.catch_up, h.committed_at, h.since
	from (
		select organisation_id, rule_id, count(*)::int as n,
			case when min(commit_lsn::text collate "C") = max(commit_lsn::text collate "C") then min(commit_lsn::text collate "C") else '' end as transaction,
			bool_or(` + afterLossSQL + `) as catch_up,
			max(committed_at) as committed_at, min(held_at) as since
		from messenger.held h where state = 'held' group by 1, 2
	) h left join organisation o on o.id = h.organisation_id left join message_rule r on r.id = h.rule_id
	order by h.since, h.rule_id`

// countHeld keeps what Held returns, and the metric.
func (w *Worker) countHeld(ctx context.Context) error {
	rows, err := w.options.Pool.Query(ctx, countHeldSQL)
	if err != nil {
		return fmt.Errorf("count what is held: %w", err)
	}
	held, err := pgx.CollectRows(rows, pgx.RowToStructByPos[HeldRule])
	if err != nil {
		return fmt.Errorf("count what is held: %w", err)
	}
	n := 0
	for _, h := range held {
		n += h.Count
	}
	w.held.Store(&held)
	w.options.Metrics.held.Set(float64(n))
	return nil
}

// Held returns what waits to be released or cancelled, oldest first, as of some seconds
// ago.
func (w *Worker) Held() []HeldRule {
	if held := w.held.Load(); held != nil {
		return *held
	}
	return nil
}
