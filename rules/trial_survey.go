package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// Survey says on which entities a rule is tried.
type Survey struct {
	Last    int       // at most so many, those that were saved last first
	Since   time.Time // only those that were saved after this; zero: however long ago
	Revised *Rule     // the same rule with a new text, to be compared; nil: none
}

// Answer is what a rule says about one of many entities.
type Answer struct {
	EntityID int64
	NotRun   string // why the rule would not be run in life
	Current  Attempt
	Revised  *Attempt // nil if there is nothing to compare
}

// Attempt is what one text of a rule says about an entity.
type Attempt struct {
	Schedule     Schedule
	Parameters   []string // of a message that would be sent
	ScheduleTook time.Duration
	MessageTook  time.Duration // 0: the script was not run, as nothing would be sent
	Failure      *Failure      // nil: there is an answer
	Script       string        // that failed: schedule or message
}

// Sends says whether a message would be made.
func (a Attempt) Sends() bool { return a.Failure == nil && a.Schedule.Send && !a.Schedule.At.IsZero() }

// Same says whether two texts of a rule come to the same: when, what, or the same failure.
func (a Attempt) Same(b Attempt) bool {
	switch {
	case a.Failure != nil || b.Failure != nil:
		return a.Failure != nil && b.Failure != nil && a.Script == b.Script && a.Failure.Error() == b.Failure.Error()
	case !a.Sends() || !b.Sends():
		return a.Sends() == b.Sends()
	}
	return a.Schedule.At.Equal(b.Schedule.At) && slices.Equal(a.Parameters, b.Parameters)
}

// Survey tries a rule on many entities, and tells of each at once. It keeps no more than
// one batch of them. Texts that are compared see the same moment. It ends with ctx or with
// the first error of told.
func (t *Tester) Survey(ctx context.Context, org Organisation, rule Rule, s Survey, told func(Answer) error) error {
	if tableOf[rule.EntityType] == "" {
		return notFound("message rule %d is about entity type %q, which rules cannot be about", rule.ID, rule.EntityType)
	}
	ids, err := t.lastSaved(ctx, org, rule, s)
	if err != nil {
		return err
	}
	defer func() { t.stopped = time.Time{} }()
	for batch := range slices.Chunk(ids, batchSize) {
		if err := t.surveyBatch(ctx, org, rule, s.Revised, batch, told); err != nil {
			return err
		}
	}
	return nil
}

// lastSaved are the ids of what the rule is about, without what is voided.
func (t *Tester) lastSaved(ctx context.Context, org Organisation, rule Rule, s Survey) ([]int64, error) {
	condition := ``
	if of, typed := typeColumns[rule.EntityType]; typed {
		condition = ` and ` + of.column + ` = @type`
	}
	rows, _ := t.pool.Query(ctx, `select id from `+tableOf[rule.EntityType]+`
		where organisation_id = @organisation and not is_voided and last_modified_date_time > @since`+condition+`
		order by last_modified_date_time desc, id desc limit @last`,
		pgx.NamedArgs{"organisation": org.ID, "type": rule.TypeID, "since": s.Since, "last": s.Last}) // its error is that of the rows
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("look for entities of rule %d: %w", rule.ID, err)
	}
	return ids, nil
}

func (t *Tester) surveyBatch(ctx context.Context, org Organisation, rule Rule, revised *Rule, ids []int64, told func(Answer) error) error {
	saved, err := t.load(ctx, org, rule, ids, lastSaver)
	if err != nil {
		return err
	}
	due := sync.OnceValues(func() (map[int64]*entity, error) { return t.load(ctx, org, rule, ids, systemUser) })
	for _, id := range ids {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if saved[id] == nil {
			continue // it is gone since it was looked for
		}
		answer := Answer{EntityID: id, NotRun: rule.notRun(saved[id])}
		if revised != nil {
			t.stopped = time.Now()
		}
		if answer.Current, err = t.attempt(ctx, org, rule, saved[id], due); err != nil {
			return err
		}
		if revised != nil {
			other, err := t.attempt(ctx, org, *revised, saved[id], due)
			if err != nil {
				return err
			}
			answer.Revised = &other
		}
		if err := told(answer); err != nil {
			return err
		}
	}
	return nil
}

// attempt runs the message rule only where a message would be made. What that needs is read
// for the whole batch when the first does.
func (t *Tester) attempt(ctx context.Context, org Organisation, rule Rule, saved *entity, due func() (map[int64]*entity, error)) (a Attempt, err error) {
	a.Script = string(schedulePhase)
	if err = t.attemptSchedule(ctx, org, rule, saved, &a); err == nil && a.Sends() {
		a.Script = string(messagePhase)
		err = t.attemptMessage(ctx, org, rule, saved.id, due, &a)
	}
	switch {
	case errors.As(err, &a.Failure):
		return a, nil
	case err != nil:
		err = fmt.Errorf("run rule %d on %s %d: %w", rule.ID, rule.EntityType, saved.id, err)
	}
	a.Script = ""
	return a, err
}

func (t *Tester) attemptSchedule(ctx context.Context, org Organisation, rule Rule, saved *entity, a *Attempt) (err error) {
	if _, unfit := receiverOf(rule, rule.EntityType, saved); unfit != nil {
		return unfit
	}
	a.ScheduleTook, err = timed(rule, saved, func(in Input) (err error) {
		a.Schedule, err = t.engine.Schedule(ctx, org.ID, rule.ScheduleRule, in)
		return err
	})
	if failed := checkDate(a.Schedule); err == nil && failed != nil {
		return failed
	}
	return err
}

func (t *Tester) attemptMessage(ctx context.Context, org Organisation, rule Rule, id int64, due func() (map[int64]*entity, error), a *Attempt) error {
	found, err := due()
	if err != nil || found[id] == nil { // nil: it is gone since
		return err
	}
	a.MessageTook, err = timed(rule, found[id], func(in Input) (err error) {
		a.Parameters, err = t.engine.Parameters(ctx, org.ID, rule.MessageRule, in)
		return err
	})
	return err
}

// timed runs a script on an entity, and says how long that took without reading.
func timed(rule Rule, e *entity, run func(Input) error) (took time.Duration, err error) {
	in := e.input(rule.EntityType)
	in.touches = &touchLog{}
	start := time.Now()
	err = run(in)
	return time.Since(start) - in.touches.waited, err
}
