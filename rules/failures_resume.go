package rules

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// PausedScript is one of a rule's two scripts that was paused, and why.
type PausedScript struct {
	Script   string // schedule or message
	Since    time.Time
	Kind     FailureKind
	Text     string // of its last failure, without anything personal
	Failures int
}

// Resume asks the running processes to let the paused scripts of a rule go on. It
// returns those; a rule that does not exist is a *NotFound.
func Resume(ctx context.Context, pool *pgxpool.Pool, ruleID int64) ([]PausedScript, error) {
	err := pool.QueryRow(ctx, `select from message_rule where id = $1`, ruleID).Scan()
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, &NotFound{fmt.Sprintf("there is no message rule %d", ruleID)}
	}
	if err != nil {
		return nil, fmt.Errorf("read message rule %d: %w", ruleID, err)
	}
	rows, err := pool.Query(ctx, `
		update messenger.rule_pause set resume_asked_at = coalesce(resume_asked_at, now())
		where rule_id = $1 returning phase, since, kind, reason, failures`, ruleID)
	if err != nil {
		return nil, fmt.Errorf("resume rule %d: %w", ruleID, err)
	}
	asked, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PausedScript])
	if err != nil {
		return nil, fmt.Errorf("resume rule %d: %w", ruleID, err)
	}
	return asked, nil
}
