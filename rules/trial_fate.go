package rules

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Fate is what would become of an entity's message if it were saved now.
type Fate struct {
	Outcome   string    // the word of messenger.trigger_log where nothing is written, such as would_move
	Reason    string    // why, where the outcome does not say
	At        time.Time // when the message would be due; zero if there would be none
	Request   int64     // message_request_queue.id of the request that is there; 0: none
	Was       time.Time // when that request is due as it stands
	State     string    // messenger.delivery.state of that request, "" if it was not tried yet
	StateWhy  string    // and reason
	Withdrawn []int64   // requests that would be withdrawn
}

// standing is a request and what delivery has done about it.
type standing struct {
	request
	state, reason string
}

const (
	standingRequestSQL = `select q.id, q.message_rule_id, q.scheduled_date_time, q.delivered_date_time is not null or q.delivery_status = '` + statusSent + `',
		q.delivery_status, q.is_voided, `
	standingDeliverySQL = `coalesce(d.reason, '') = 'cancelled', coalesce(d.state, ''), coalesce(d.reason, '')
		from message_request_queue q left join messenger.delivery d on d.request_id = q.id`
	standingAloneSQL = `false, '', '' from message_request_queue q` // before setup
	standingWhereSQL = ` where q.organisation_id = $1 and q.entity_id = $2 and q.message_rule_id = $3 order by q.id`
)

func (t *Tester) requests(ctx context.Context, org Organisation, rule Rule, entityID int64) ([]standing, error) {
	if rule.ID == 0 {
		return nil, nil
	}
	sql := standingRequestSQL + standingAloneSQL + standingWhereSQL
	if t.isSetUp {
		sql = standingRequestSQL + standingDeliverySQL + standingWhereSQL
	}
	rows, _ := t.pool.Query(ctx, sql, org.ID, entityID, rule.ID) // its error is that of the rows
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (s standing, err error) {
		err = row.Scan(&s.id, &s.ruleID, &s.scheduledAt, &s.delivered, &s.status, &s.voided, &s.cancelled, &s.state, &s.reason)
		return s, err
	})
	if err != nil {
		return nil, fmt.Errorf("read the requests of rule %d and entity %d: %w", rule.ID, entityID, err)
	}
	return found, nil
}

// fate decides as the worker does, without writing it down.
func (t *Tester) fate(ctx context.Context, org Organisation, rule Rule, trial *Trial) (Fate, error) {
	found, err := t.requests(ctx, org, rule, trial.Entity.ID)
	if err != nil {
		return Fate{}, err
	}
	existing := make([]request, len(found))
	for i, s := range found {
		existing[i] = s.request
	}
	var e effect
	switch {
	case trial.NotRun != "":
		e = withdraw(effect{rule: rule}, Schedule{}, existing)
		e.reason = trial.NotRun
	case trial.ScheduleRun.Failure != nil:
		e = effect{rule: rule, outcome: outcomeFailed}
	default:
		e = decide(rule, trial.Schedule, existing)
	}
	return newFate(e, found), nil
}

func newFate(e effect, found []standing) Fate {
	f := Fate{Outcome: string(e.outcome.compared()), Reason: e.reason, At: e.at, Withdrawn: e.void}
	i := slices.IndexFunc(found, func(s standing) bool { return s.id == e.update })
	switch e.outcome {
	case outcomeDelivered:
		i = slices.IndexFunc(found, func(s standing) bool { return s.delivered })
	case outcomeUnchanged, outcomeFailed:
		i = slices.IndexFunc(found, func(s standing) bool { return s.pending() })
	case outcomeCancelled:
		i = slices.IndexFunc(found, func(s standing) bool { return s.cancelled })
	}
	if i >= 0 {
		f.Request, f.Was, f.State, f.StateWhy = found[i].id, found[i].scheduledAt, found[i].state, found[i].reason
	}
	return f
}

// pauses are those of the rule's scripts that failed too often.
func (t *Tester) pauses(ctx context.Context, rule Rule) ([]PausedScript, error) {
	if rule.ID == 0 || !t.isSetUp {
		return nil, nil
	}
	rows, _ := t.pool.Query(ctx, `select phase, since, kind, reason, failures from messenger.rule_pause where rule_id = $1 order by phase desc`, rule.ID) // the same
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p PausedScript, err error) {
		err = row.Scan(&p.Script, &p.Since, &p.Kind, &p.Text, &p.Failures)
		return p, err
	})
	if err != nil {
		return nil, fmt.Errorf("look for a pause of rule %d: %w", rule.ID, err)
	}
	return found, nil
}
