package rules

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// settle writes what rules said about an entity, and takes its change out of the
// inbox, in one transaction.
func (w *Worker) settle(ctx context.Context, s settlement, verdicts []verdict) error {
	for _, v := range verdicts {
		s.rules = append(s.rules, v.rule)
	}
	entries := w.report(s, verdicts)
	var effects []effect
	err := pgx.BeginFunc(ctx, w.options.Pool, func(tx pgx.Tx) error {
		existing, err := s.take(ctx, tx, ruleIDs(verdicts))
		if err != nil {
			return err
		}
		if effects, err = w.admit(ctx, tx, s, effectsOf(verdicts, existing)); err != nil {
			return err
		}
		return s.write(ctx, tx, effects, entries)
	})
	if err != nil {
		w.options.Failures.written.disclaim(entries)
		return fmt.Errorf("settle %s %d: %w", s.change.table, s.change.entityID, err)
	}
	w.settled(s, effects)
	return nil
}

// settleWithout settles a change that no rule is run for: the entity is not there any
// more, is voided, or hangs under something that is.
func (w *Worker) settleWithout(ctx context.Context, s settlement) error {
	var effects []effect
	err := pgx.BeginFunc(ctx, w.options.Pool, func(tx pgx.Tx) (err error) {
		effects, err = w.withoutRules(ctx, tx, s)
		return err
	})
	if err != nil {
		return fmt.Errorf("settle %s %d: %w", s.change.table, s.change.entityID, err)
	}
	w.settled(s, effects)
	return nil
}

func (w *Worker) withoutRules(ctx context.Context, tx pgx.Tx, s settlement) ([]effect, error) {
	reason := "the row is not there, or belongs to another organisation"
	if s.entity != nil {
		if reason = s.entity.withdrawn(s.change.entityType()); reason != "" {
			return w.withdrawAll(ctx, tx, s, reason)
		}
		reason = "the void was taken back"
	}
	if _, err := s.take(ctx, tx, nil); err != nil {
		return nil, err
	}
	effects := []effect{{outcome: outcomeSkipped, reason: reason}}
	if s.entity == nil {
		effects[0].outcome = outcomeGone
		effects = append(effects, s.unheld(reason)...)
	}
	return effects, s.write(ctx, tx, effects, nil)
}

// settled counts what was committed, and tells who delivers.
func (w *Worker) settled(s settlement, effects []effect) {
	wrote := false
	for _, e := range effects {
		name := e.outcome
		if s.org.Treatment == Compare {
			name = name.compared()
		}
		w.options.Metrics.outcomes.WithLabelValues(string(name)).Inc()
		wrote = wrote || e.writes()
	}
	w.tellHeld(s, effects)
	w.options.Metrics.reaction.Observe(max(0, w.options.Now().Sub(s.change.committedAt).Seconds()))
	if wrote && s.org.Treatment == Write {
		w.options.Queued(s.org.ID)
	}
}

func ruleIDs(verdicts []verdict) []int64 {
	ids := make([]int64, 0, len(verdicts))
	for _, v := range verdicts {
		if v.failure == nil && v.paused == nil {
			ids = append(ids, v.rule.ID)
		}
	}
	return ids
}

func effectsOf(verdicts []verdict, existing map[int64][]request) []effect {
	effects := make([]effect, 0, len(verdicts))
	for _, v := range verdicts {
		switch {
		case v.paused != nil:
			effects = append(effects, effect{rule: v.rule, outcome: outcomePaused, reason: (&Paused{v.rule.ID, v.paused.since}).Error()})
		case v.failure != nil:
			effects = append(effects, effect{rule: v.rule, outcome: outcomeFailed, reason: v.failure.Error()})
		default:
			effects = append(effects, decide(v.rule, v.answer, existing[v.rule.ID]))
		}
	}
	if len(effects) == 0 {
		effects = append(effects, effect{outcome: outcomeSkipped, reason: "no rule is about it any more"})
	}
	return effects
}

// report tells of failures, and returns the rows that tell the rules' authors.
func (w *Worker) report(s settlement, verdicts []verdict) []failureEntry {
	var entries []failureEntry
	for _, v := range verdicts {
		if v.failure == nil {
			continue
		}
		if entry, due := w.options.Failures.report(s.org, v.rule, schedulePhase, s.entity, v.failure); due {
			entries = append(entries, entry)
		}
	}
	return entries
}
