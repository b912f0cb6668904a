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
	Resumed  *time.Time // when it was asked to go on, if it was before; nil: it was not
}

// Resume asks the running processes to let the paused scripts of a rule go on. It
// returns those, also what was asked before and is not heard yet; a rule that does not exist is a *NotFound.
func Resume(ctx context.Context, pool *pgxpool.Pool, ruleID int64) ([]PausedScript, error) {
	err := pool.QueryRow(ctx, `select from message_rule where id = $1::bigint`, ruleID).Scan()
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, &NotFound{fmt.Sprintf("there is no message rule %d", ruleID)}
	}
	if err != nil {
		return nil, fmt.Errorf("read message rule %d: %w", ruleID, err)
	}
	rows, err := pool.Query(ctx, `
		with paused as (select * from messenger.rule_pause where rule_id = $1 for update)
		update messenger.rule_pause p set resume_asked_at = coalesce(p.resume_asked_at, now()) from paused
		where p.rule_id = paused.rule_id and p.phase = paused.phase
		returning p.phase, p.since, p.kind, p.reason, p.failures, paused.resume_asked_at`, ruleID)
	if err != nil {
		return nil, fmt.Errorf("resume rule %d: %w", ruleID, err)
	}
	asked, err := pgx.CollectRows(rows, pgx.RowToStructByPos[PausedScript])
	if err != nil {
		return nil, fmt.Errorf("resume rule %d: %w", ruleID, err)
	}
	return asked, nil
}
