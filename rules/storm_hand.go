package rules

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// HeldSelection says which of the messages that are held a command is about.
type HeldSelection struct {
	RuleID      int64  // message_rule.id
	Transaction string // commit_lsn of the source transaction, as ListHeld tells it; "": all
	Cancelled   bool   // of Release: those that were cancelled, too
}

// handPage is how many rows a command changes in one transaction.
const handPage = 1000

// changeHeldSQL changes the state of the next rows after ($7, $8), one after another, and
// returns how many there were and the last. $5 is true of a release, which takes those,
// too, that are released but that nobody is going to evaluate: the change was dropped
// while the organisation was not in mode full.
const changeHeldSQL = `
	with page as materialized (
		select rule_id, source_table, entity_id from messenger.held
		where rule_id = $1 and ($2 = '' or commit_lsn = nullif($2, '')::pg_lsn) and (source_table, entity_id) > ($7::text, $8::bigint)
			and (state = any($3::text[]) or $5 and state = 'released' and not review)
		order by source_table, entity_id limit $6 for update
	), changed as (
		update messenger.held h set state = $4, review = $5
		from page p where h.rule_id = p.rule_id and h.source_table = p.source_table and h.entity_id = p.entity_id
	)
	select count(*) over (), source_table, entity_id from page order by source_table desc, entity_id desc limit 1`

// Release has the messages made that are held: their entities are evaluated anew, on the
// data of that moment, by the running process within some seconds, and no limit counts
// them. What is voided is not released. It returns how many. It can be broken off and run
// again.
func Release(ctx context.Context, pool *pgxpool.Pool, which HeldSelection) (int64, error) {
	from := []string{string(stateHeld)}
	if which.Cancelled {
		from = append(from, string(stateCancelled))
	}
	n, err := which.change(ctx, pool, from, stateReleased)
	if err != nil {
		return n, fmt.Errorf("release what is held by rule %d: %w", which.RuleID, err)
	}
	return n, nil
}

// CancelHeld drops the messages that are held, for good: whatever their rule says of
// their entities later, they are not made unless they are released. It returns how many.
// It can be broken off and run again.
func CancelHeld(ctx context.Context, pool *pgxpool.Pool, which HeldSelection) (int64, error) {
	n, err := which.change(ctx, pool, []string{string(stateHeld), string(stateReleased), string(stateVoided)}, stateCancelled)
	if err != nil {
		return n, fmt.Errorf("cancel what is held by rule %d: %w", which.RuleID, err)
	}
	return n, nil
}

func (which HeldSelection) change(ctx context.Context, pool *pgxpool.Pool, from []string, to heldState) (n int64, err error) {
	var page, entity int64
	var table string
	for trouble := 0; ; {
		err := pool.QueryRow(ctx, changeHeldSQL, which.RuleID, which.Transaction, from, to, to == stateReleased, handPage, table, entity).
			Scan(&page, &table, &entity)
		var refused *pgconn.PgError
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return n, nil
		case errors.As(err, &refused) && refused.Code == "40P01" && trouble < 3: // with whoever settles a void
			trouble++
			continue
		case err != nil:
			return n, err
		}
		n += page
	}
}
