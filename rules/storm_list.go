package rules

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Held is what the storm guard holds, or was told to cancel, of a rule and a source
// transaction.
type Held struct {
	OrganisationID int32     `json:"organisation_id"`
	Organisation   string    `json:"organisation"` // db_user
	RuleID         int64     `json:"rule_id"`
	RuleName       string    `json:"rule"`
	Transaction    string    `json:"transaction"` // commit_lsn
	State          string    `json:"state"`       // held, released (and not evaluated yet) or cancelled
	Count          int       `json:"count"`
	CommittedAt    time.Time `json:"committed_at"`
	Since          time.Time `json:"held_since"`
	FirstDue       time.Time `json:"first_scheduled_for"`
	LastDue        time.Time `json:"last_scheduled_for"`
	ChangedBy      []int64   `json:"changed_by"` // users.id of those who saved, at most five
	Users          []string  `json:"users"`      // their usernames
}

const listHeldSQL = `
	select g.organisation_id, coalesce(o.db_user, ''), g.rule_id, coalesce(r.name, ''), g.commit_lsn::text, g.state, g.n, g.committed_at, g.since, g.first_due, g.last_due,
		coalesce(g.users[1:5], '{}'), array(select u.username from users u where u.id = any(g.users[1:5]) order by u.id)
	from (
		select organisation_id, rule_id, commit_lsn, state, count(*) as n, max(committed_at) as committed_at, min(held_at) as since,
			min(scheduled_for) as first_due, max(scheduled_for) as last_due, array_agg(distinct changed_by) filter (where changed_by is not null) as users
		from messenger.held where $1 = '' or state = $1 group by 1, 2, 3, 4
	) g left join organisation o on o.id = g.organisation_id left join message_rule r on r.id = g.rule_id
	order by g.since, g.rule_id, g.commit_lsn, g.state`

// querier is what reads.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// ListHeld returns what is held, released or cancelled, oldest first. What is released
// disappears when it is evaluated.
func ListHeld(ctx context.Context, db querier) ([]Held, error) { return listHeld(ctx, db, "") }

func listHeld(ctx context.Context, db querier, state heldState) ([]Held, error) {
	rows, err := db.Query(ctx, listHeldSQL, state)
	if err != nil {
		return nil, fmt.Errorf("list what is held: %w", err)
	}
	held, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Held])
	if err != nil {
		return nil, fmt.Errorf("list what is held: %w", err)
	}
	return held, nil
}

// countHeld keeps what Held returns, and the metric.
func (w *Worker) countHeld(ctx context.Context) error {
	held, err := listHeld(ctx, w.options.Pool, stateHeld)
	if err != nil {
		return err
	}
	n := 0
	for _, h := range held {
		n += h.Count
	}
	w.held.Store(&held)
	w.options.Metrics.held.Set(float64(n))
	return nil
}

// Held returns what waits to be released or cancelled, as of some seconds ago.
func (w *Worker) Held() []Held {
	if held := w.held.Load(); held != nil {
		return *held
	}
	return nil
}
