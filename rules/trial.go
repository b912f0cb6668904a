package rules

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// A Tester runs rules for somebody to look at: it reads Avni's tables and writes nothing.
// For one goroutine.
type Tester struct {
	pool    *pgxpool.Pool
	loader  *Loader
	engine  *Engine
	isSetUp bool      // schema messenger is there
	stopped time.Time // the clock of rules, if it stands still
	printed []string  // by the rule that runs
}

// NewTester returns a tester with an engine of its own. The console of the options is
// taken. The error is NewEngine's, or trouble with the database.
func NewTester(ctx context.Context, pool *pgxpool.Pool, options EngineOptions) (*Tester, error) {
	t := &Tester{pool: pool, loader: NewLoader(pool)}
	options.Console = func(line string) { t.printed = append(t.printed, line) }
	options = options.withDefaults()
	now := options.Now
	options.Now = func() time.Time {
		if !t.stopped.IsZero() {
			return t.stopped
		}
		return now()
	}
	var err error
	if t.engine, err = NewEngine(options); err != nil {
		return nil, err
	}
	// A schema that the role may not use is as good as none.
	err = pool.QueryRow(ctx, `select case when to_regnamespace('messenger') is null or not has_schema_privilege('messenger', 'usage') then false
		else to_regclass('messenger.delivery') is not null and to_regclass('messenger.rule_pause') is not null end`).Scan(&t.isSetUp)
	if err != nil {
		return nil, fmt.Errorf("look for schema messenger: %w", err)
	}
	return t, nil
}

// Trial is what the two scripts of a rule answer about one entity.
type Trial struct {
	Entity Entity
	NotRun string         // why the rule would not be run in life; "" if nothing speaks against it
	Paused []PausedScript // scripts of the rule that would not be run for now

	ReceiverType string // Subject or User
	ReceiverID   int64  // individual.id or users.id

	ScheduleRun Run
	Schedule    Schedule
	Said        Said
	Fate        Fate // of the message, if the entity were saved now

	MessageRun Run
	Parameters []string
}

// Failed says whether any script failed.
func (t *Trial) Failed() bool { return t.ScheduleRun.Failure != nil || t.MessageRun.Failure != nil }

// Run is how the run of one script went.
type Run struct {
	Done    bool          // there is a script
	Took    time.Duration // without Loading
	Loading time.Duration // of the entity, and of what the script touched
	Failure *Failure      // nil: there is an answer
	Console []string      // what the script printed
	Loaded  []Loaded
}

// Try runs both scripts of a rule on an entity: the first as if the entity had just been
// saved, the second as if the message were due now. A rule without id is one that Avni does
// not have yet; of such a one only the scripts that are there are run. The error is a
// *NotFound if the rule is not about such entities.
func (t *Tester) Try(ctx context.Context, org Organisation, rule Rule, e Entity) (*Trial, error) {
	if tableOf[rule.EntityType] == "" {
		return nil, notFound("message rule %d is about entity type %q, which rules cannot be about", rule.ID, rule.EntityType)
	}
	if err := t.fits(ctx, org, rule, e); err != nil {
		return nil, err
	}
	trial := &Trial{Entity: e}
	var err error
	if trial.Paused, err = t.pauses(ctx, rule); err != nil {
		return nil, err
	}
	if err := t.trySchedule(ctx, org, rule, trial); err != nil {
		return nil, err
	}
	if err := t.tryMessage(ctx, org, rule, trial); err != nil {
		return nil, err
	}
	return trial, nil
}

func (t *Tester) trySchedule(ctx context.Context, org Organisation, rule Rule, trial *Trial) error {
	start := time.Now()
	saved, err := t.load(ctx, org, rule, []int64{trial.Entity.ID}, lastSaver)
	if err != nil {
		return err
	}
	e := saved[trial.Entity.ID]
	if e == nil {
		return notFound("organisation %s has no %s %d any more", org.label(), rule.EntityType, trial.Entity.ID)
	}
	loading := time.Since(start)
	to, unfit := receiverOf(rule, rule.EntityType, e)
	trial.ReceiverType, trial.ReceiverID = to.kind, to.id
	trial.NotRun = rule.notRun(e)
	if rule.ID == 0 && rule.ScheduleRule == "" {
		return nil
	}
	trial.ScheduleRun, err = t.run(ctx, org, rule, rule.ScheduleRule, e, func(answer string) (err error) {
		trial.Schedule, err = readSchedule(answer)
		if failed := checkDate(trial.Schedule); err == nil && failed != nil {
			err = failed
		}
		trial.Said = readSaid(answer)
		return err
	})
	if err != nil {
		return fmt.Errorf("run schedule rule %d: %w", rule.ID, err)
	}
	if trial.ScheduleRun.Failure == nil {
		trial.ScheduleRun.Failure = unfit
	}
	trial.ScheduleRun.Loading += loading
	trial.Fate, err = t.fate(ctx, org, rule, trial)
	return err
}

func (t *Tester) tryMessage(ctx context.Context, org Organisation, rule Rule, trial *Trial) error {
	if rule.ID == 0 && rule.MessageRule == "" {
		return nil
	}
	start := time.Now()
	due, err := t.load(ctx, org, rule, []int64{trial.Entity.ID}, systemUser)
	if err != nil {
		return err
	}
	e := due[trial.Entity.ID]
	if e == nil {
		return notFound("organisation %s has no %s %d any more", org.label(), rule.EntityType, trial.Entity.ID)
	}
	loading := time.Since(start)
	trial.MessageRun, err = t.run(ctx, org, rule, rule.MessageRule, e, func(answer string) (err error) {
		trial.Parameters, err = readParameters(answer)
		return err
	})
	if err != nil {
		return fmt.Errorf("run message rule %d: %w", rule.ID, err)
	}
	trial.MessageRun.Loading += loading
	return nil
}

// load reads entities as the worker does for schedule rules, or as the renderer does.
func (t *Tester) load(ctx context.Context, org Organisation, rule Rule, ids []int64, who actor) (map[int64]*entity, error) {
	if who == systemUser {
		return t.loader.loadFor(ctx, org, rule.EntityType, ids, who, rule.ID)
	}
	return t.loader.load(ctx, org, rule.EntityType, ids, who)
}

// run measures one evaluation. A *Failure is part of the answer.
func (t *Tester) run(ctx context.Context, org Organisation, rule Rule, script string, e *entity, read func(answer string) error) (Run, error) {
	t.printed = nil
	touches := &touchLog{}
	input := e.input(rule.EntityType)
	input.touches = touches
	start := time.Now()
	answer, err := t.engine.answer(ctx, org.ID, script, input)
	took := time.Since(start)
	if err == nil {
		err = read(answer)
	}
	ran := Run{Done: true, Took: took - touches.waited, Loading: touches.waited, Console: t.printed, Loaded: e.loaded(rule.EntityType, touches)}
	if errors.As(err, &ran.Failure) {
		err = nil
	}
	return ran, err
}

// notRun says why the rule would not be run for an entity, or is empty.
func (r Rule) notRun(e *entity) string {
	switch {
	case r.Voided:
		return fmt.Sprintf("message rule %d is voided", r.ID)
	case r.EntityType == User && r.ID != 0 && r.ReceiverType != "User":
		return fmt.Sprintf("message rule %d is about users, and its receiver type is %q: it must be User", r.ID, r.ReceiverType)
	}
	return e.withdrawn(r.EntityType)
}
