package rules

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A Tester runs rules for somebody to look at: it reads Avni's tables and writes nothing.
// For one goroutine.
type Tester struct {
	pool    *pgxpool.Pool
	loader  *Loader
	engine  *Engine
	now     func() time.Time
	printed []string // by the rule that runs
}

// NewTester returns a tester with an engine of its own. The console of the options is
// taken; the error is NewEngine's.
func NewTester(pool *pgxpool.Pool, options EngineOptions) (*Tester, error) {
	t := &Tester{pool: pool, loader: NewLoader(pool), now: time.Now}
	t.loader.everything = true // or Run.Took would have queries in it
	options.Console = func(line string) { t.printed = append(t.printed, line) }
	engine, err := NewEngine(options)
	if err != nil {
		return nil, err
	}
	t.engine = engine
	return t, nil
}

// NotFound says what a tester was asked for and is not there.
type NotFound struct{ What string }

func (n *NotFound) Error() string { return n.What }

// Rule reads one message rule, voided or not. The error is a *NotFound if there is none.
func (t *Tester) Rule(ctx context.Context, id int64) (Rule, error) {
	rows, err := t.pool.Query(ctx, `select `+ruleColumns+` from message_rule where id = $1`, id)
	if err != nil {
		return Rule{}, fmt.Errorf("read message rule %d: %w", id, err)
	}
	rule, err := pgx.CollectExactlyOneRow(rows, scanRule)
	if errors.Is(err, pgx.ErrNoRows) {
		return Rule{}, &NotFound{fmt.Sprintf("there is no message rule %d", id)}
	}
	if err != nil {
		return Rule{}, fmt.Errorf("read message rule %d: %w", id, err)
	}
	return rule, nil
}

// Trial is what the two parts of a rule answer about one entity.
type Trial struct {
	EntityID   int64
	EntityUUID string
	Withdrawn  string // why no message would be sent about the entity; "" if nothing speaks against it

	Schedule    Schedule
	ScheduleRun Run
	Parameters  []string
	MessageRun  Run
}

// Run is how the run of one part of a rule went.
type Run struct {
	Took    time.Duration // loading the entity not included
	Failure *Failure      // nil: there is an answer
	Console []string      // what the rule printed
}

// Try runs both parts of a rule on an entity, named by its id or its uuid: the first as
// if the entity had just been saved, the second as if the message were due now. The error
// is a *NotFound if the organisation has no such entity.
func (t *Tester) Try(ctx context.Context, org Organisation, rule Rule, name string) (Trial, error) {
	table := tableOf[rule.EntityType]
	if table == "" {
		return Trial{}, &NotFound{fmt.Sprintf("message rule %d is about entity type %q, which rules cannot be about", rule.ID, rule.EntityType)}
	}
	id, err := t.entityID(ctx, table, name)
	if err != nil {
		return Trial{}, err
	}
	saved, err := t.entity(ctx, org, rule.EntityType, id, lastSaver)
	if err != nil {
		return Trial{}, err
	}
	trial := Trial{EntityID: id, EntityUUID: saved.uuid, Withdrawn: saved.withdrawn(rule.EntityType)}
	trial.ScheduleRun, err = t.run(func() (err error) {
		trial.Schedule, err = t.engine.Schedule(ctx, org.ID, rule.ScheduleRule, saved.input(rule.EntityType))
		return err
	})
	if err != nil {
		return Trial{}, fmt.Errorf("run schedule rule %d: %w", rule.ID, err)
	}
	due, err := t.entity(ctx, org, rule.EntityType, id, systemUser)
	if err != nil {
		return Trial{}, err
	}
	trial.MessageRun, err = t.run(func() (err error) {
		trial.Parameters, err = t.engine.Parameters(ctx, org.ID, rule.MessageRule, due.input(rule.EntityType))
		return err
	})
	if err != nil {
		return Trial{}, fmt.Errorf("run message rule %d: %w", rule.ID, err)
	}
	return trial, nil
}

// run measures one evaluation. A *Failure is part of the answer.
func (t *Tester) run(evaluate func() error) (Run, error) {
	t.printed = nil
	start := t.now()
	err := evaluate()
	ran := Run{Took: t.now().Sub(start), Console: t.printed}
	if errors.As(err, &ran.Failure) {
		err = nil
	}
	return ran, err
}

// entityID finds an entity by its uuid, or takes the name for an id.
func (t *Tester) entityID(ctx context.Context, table, name string) (int64, error) {
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		return id, nil
	}
	var id int64
	err := t.pool.QueryRow(ctx, `select id from `+pgx.Identifier{table}.Sanitize()+` where uuid = $1`, name).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, &NotFound{fmt.Sprintf("no row of %s has the uuid %q", table, name)}
	}
	if err != nil {
		return 0, fmt.Errorf("look up uuid in %s: %w", table, err)
	}
	return id, nil
}

func (t *Tester) entity(ctx context.Context, org Organisation, kind EntityType, id int64, who actor) (*entity, error) {
	found, err := t.loader.load(ctx, org, kind, []int64{id}, who)
	if err != nil {
		return nil, err
	}
	if found[id] == nil {
		return nil, &NotFound{fmt.Sprintf("organisation %s has no %s %d", org.DBUser, kind, id)}
	}
	return found[id], nil
}
