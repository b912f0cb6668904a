package rules

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"
)

// parallelWrites is how many changes of one organisation are written at the same time.
// Its rules run one after another.
const parallelWrites = 4

// turn deals with one batch of an organisation's changes. It reports whether there may
// be more.
func (w *Worker) turn(ctx context.Context, organisationID int32) (more bool) {
	org, known := w.options.Directory.Organisation(organisationID)
	if !known || org.Treatment == Wait {
		return false
	}
	n, err := 0, error(nil)
	if org.Treatment == Ignore {
		n, err = w.ignore(ctx, organisationID)
	} else {
		n, err = w.batch(ctx, org)
	}
	if err != nil && ctx.Err() == nil && !errors.Is(err, errTreatment) {
		w.options.Log.Warn("changes wait in the inbox", "component", "rules", "organisation", org.label(), "err", err)
	}
	return err == nil && n >= batchSize
}

// batch claims and deals with up to batchSize changes, and returns how many it claimed.
func (w *Worker) batch(ctx context.Context, org Organisation) (int, error) {
	claimed, err := w.claim(ctx, org.ID)
	if err != nil || len(claimed) == 0 {
		return 0, err
	}
	b := &batch{Worker: w, org: org, renewed: w.options.Now()}
	b.writers.SetLimit(parallelWrites)
	defer b.writers.Wait()
	if err := b.freshen(ctx, claimed[0].version); err != nil {
		return 0, err
	}
	for _, group := range grouped(claimed) {
		if err := b.deal(ctx, group); err != nil {
			return 0, err
		}
	}
	return len(claimed), b.stillAllowed(ctx)
}

// grouped splits claimed changes by entity type, to be loaded together. One that
// failed before is loaded alone, so that it cannot make others fail with it.
func grouped(claimed []change) [][]change {
	var groups [][]change
	byType := map[EntityType]int{}
	for _, c := range claimed {
		i, ok := byType[c.entityType()]
		switch {
		case c.attempts > 0:
			groups = append(groups, []change{c})
		case ok:
			groups[i] = append(groups[i], c)
		default:
			byType[c.entityType()] = len(groups)
			groups = append(groups, []change{c})
		}
	}
	return groups
}

// batch is the claimed changes of one organisation.
type batch struct {
	*Worker
	org     Organisation
	renewed time.Time // when the claims were last made or renewed
	writers errgroup.Group
}

// errTreatment ends a batch whose organisation is treated differently now.
var errTreatment = errors.New("the organisation's treatment changed: its changes are looked at again")

// deal loads the entities of one type, runs their rules and writes the outcomes. The
// error is about the whole batch: what is about one change is dealt with here.
func (b *batch) deal(ctx context.Context, changes []change) error {
	ids := make([]int64, len(changes))
	for i, c := range changes {
		ids[i] = c.entityID
	}
	found, err := b.options.Loader.load(ctx, b.org, changes[0].entityType(), ids, lastSaver)
	if err != nil {
		for _, c := range changes {
			b.putOff(ctx, c, err)
		}
		return nil
	}
	for _, c := range changes {
		if err := b.stillAllowed(ctx); err != nil {
			return err
		}
		b.one(ctx, c, found[c.entityID])
	}
	return nil
}

// stillAllowed checks that the organisation is treated as it was when the batch was
// claimed, and gives the claims back otherwise.
func (b *batch) stillAllowed(ctx context.Context) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if b.allowed() {
		return nil
	}
	b.writers.Wait()
	err := b.giveBack(ctx)
	b.Wake()
	return errors.Join(errTreatment, err)
}

// giveBack releases the claims, so that nobody has to wait for them to lapse.
func (b *batch) giveBack(ctx context.Context) error {
	_, err := b.options.Pool.Exec(ctx, releaseOfSQL, b.id, b.org.ID)
	return err
}

func (b *batch) allowed() bool {
	org, known := b.options.Directory.Organisation(b.org.ID)
	return known && org.Treatment == b.org.Treatment
}

// one deals with one change: rules here and now, writing in the background. Rules take
// time, so that what they said is only written if the treatment is the same still.
func (b *batch) one(ctx context.Context, c change, e *entity) {
	s := settlement{org: b.org, change: c, entity: e, held: map[int64]heldRow{}}
	write := func() error { return b.settleWithout(ctx, s) }
	if e != nil && e.withdrawn(c.entityType()) == "" && !c.staleVoid() {
		verdicts, err := b.evaluate(ctx, c, e)
		if err != nil {
			b.putOff(ctx, c, err)
			return
		}
		write = func() error { return b.settleUnlessOutdated(ctx, s, verdicts) }
	}
	b.writers.Go(func() error {
		if !b.allowed() {
			return nil // stillAllowed gives the change back
		}
		if err := write(); err != nil && !errors.Is(err, errOvertaken) && !errors.Is(err, errHeld) {
			b.putOff(ctx, c, err)
		}
		return nil
	})
}

// staleVoid reports that the change was a user's void. If the user is there again, no
// rule may run: only the creation of a user is a trigger.
func (c change) staleVoid() bool { return c.entityType() == User && c.voided }

// verdict is what a rule's schedule script came to.
type verdict struct {
	rule    Rule
	answer  Schedule
	failure *Failure
	paused  *pause // the script was not run
}

// evaluate runs the schedule scripts of all rules about an entity. An error is not a
// rule's fault.
func (b *batch) evaluate(ctx context.Context, c change, e *entity) ([]verdict, error) {
	t := c.entityType()
	var verdicts []verdict
	for _, rule := range b.options.Catalogue.Rules(b.org.ID, t, e.typeID) {
		b.renew(ctx)
		v, err := b.run(ctx, rule, t, e)
		if err != nil {
			return nil, err
		}
		verdicts = append(verdicts, v)
	}
	return verdicts, nil
}

func (b *batch) run(ctx context.Context, rule Rule, t EntityType, e *entity) (verdict, error) {
	v := verdict{rule: rule}
	if found, on, err := b.options.Failures.paused(ctx, rule.ID, schedulePhase); err != nil {
		return v, err
	} else if on {
		v.paused = &found
		return v, nil
	}
	if _, v.failure = receiverOf(rule, t, e); v.failure == nil {
		start := b.options.Now()
		answer, err := b.options.Engine.Schedule(ctx, b.org.ID, rule.ScheduleRule, e.input(t))
		if err != nil && !errors.As(err, &v.failure) {
			return v, err
		}
		if v.answer = answer; v.failure == nil {
			v.failure = checkDate(answer)
		}
		b.options.Metrics.evaluated(schedulePhase, b.options.Now().Sub(start), v.failure)
	}
	b.options.Failures.ran(b.org, rule, schedulePhase, v.failure)
	b.options.Failures.charge(ctx, b.org, rule, schedulePhase, v.failure)
	return v, nil
}

// renew keeps the claims of a batch alive whose rules take long. If it cannot, others
// may take the changes over, which costs time only.
func (b *batch) renew(ctx context.Context) {
	if b.options.Now().Sub(b.renewed) < b.options.ClaimFor/3 {
		return
	}
	b.renewed = b.options.Now()
	if _, err := b.options.Pool.Exec(ctx, renewSQL, b.org.ID, b.id, b.options.ClaimFor); err != nil {
		b.options.Log.Debug("claims not renewed", "component", "rules", "organisation", b.org.label(), "err", err)
	}
}
