package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"avni-messenger/dispatch"
	"avni-messenger/rules"
)

// ruleLimit is how long the check of one rule may take: both its parts may run into their
// own limit, twice each.
const ruleLimit = 30 * time.Second

// ruleAnswer is how many parameters a rule returned, and for which template.
type ruleAnswer struct {
	rule       rules.Rule
	parameters int // -1: not known
}

func (o *organisationCheck) lookAtRules(ctx context.Context, s *section) {
	var all []rules.Rule
	s.check(ctx, "rules", usualLimit, func(ctx context.Context) (found []finding, err error) {
		options, err := o.cfg.engineOptions()
		if err == nil {
			o.tester, err = rules.NewTester(ctx, o.pool, options)
		}
		if err != nil {
			if wrong := (*ConfigError)(nil); errors.As(engineError(err), &wrong) {
				return []finding{failing("rules engine", strings.Join(wrong.Problems, "; "), "an engine that starts", "Correct MESSENGER_RULES_CONFIG, or take it out.")}, nil
			}
			return nil, err
		}
		if all, err = o.tester.RulesOf(ctx, o.standing.rules.ID); err != nil {
			return nil, err
		}
		if len(all) == 0 {
			found = append(found, fine("rules", "it has none that is not voided"))
		}
		return found, nil
	})
	for _, rule := range all {
		s.check(ctx, ruleName(rule), ruleLimit, func(ctx context.Context) ([]finding, error) { return o.checkRule(ctx, rule) })
	}
}

// unreadable says whether Avni's tables are not as they must be for entities to be read: then
// no rule can be run.
func unreadable(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && slices.Contains([]string{"42703", "42P01", "42501"}, refused.Code)
}

func ruleName(rule rules.Rule) string { return fmt.Sprintf("rule %d %q", rule.ID, rule.Name) }

const ruleWanted = "a rule that answers"

// checkRule compiles a rule and runs it on the newest entity that it is about.
func (o *organisationCheck) checkRule(ctx context.Context, rule rules.Rule) ([]finding, error) {
	what := ruleName(rule)
	answer := ruleAnswer{rule, -1}
	defer func() { o.answer = append(o.answer, answer) }()
	why, fix, err := o.tester.Misfit(ctx, o.standing.rules, rule)
	if err != nil {
		return nil, err
	}
	if why != "" {
		return []finding{failing(what, why, "a rule that something can match", fix)}, nil
	}
	if broken := compileFindings(what, rule); len(broken) > 0 {
		return broken, nil
	}
	if o.stuck != "" {
		return []finding{skipped(what, "it compiles, but cannot be run, as little as "+o.stuck)}, nil
	}
	id, there, err := o.tester.Newest(ctx, o.standing.rules, rule)
	if err != nil {
		return nil, err
	}
	if !there {
		return []finding{fine(what, "compiles; there is no %s yet to run it on", rule.EntityType)}, nil
	}
	trial, err := o.tryNewest(ctx, rule, id)
	var missing *rules.NotFound
	if errors.As(err, &missing) {
		return []finding{skipped(what, missing.Error())}, nil
	}
	if err != nil {
		if unreadable(err) {
			o.stuck = what
		}
		return nil, err
	}
	if trial.MessageRun.Failure == nil {
		answer.parameters = len(trial.Parameters)
	}
	return o.judge(what, rule, trial), nil
}

func (o *organisationCheck) tryNewest(ctx context.Context, rule rules.Rule, id int64) (*rules.Trial, error) {
	entity, err := o.tester.Entity(ctx, rules.EntityName{Type: rule.EntityType, ID: id}, rule.EntityType)
	if err != nil {
		return nil, err
	}
	return o.tester.Try(ctx, o.standing.rules, rule, entity)
}

func compileFindings(what string, rule rules.Rule) (found []finding) {
	schedule, message := rules.Compile(rule)
	if schedule != nil {
		text, fix := rule.ScheduleText(schedule)
		found = append(found, failing(what, "its schedule rule does not "+text, ruleWanted, fix))
	}
	if message != nil {
		text, fix := rule.MessageText(message)
		found = append(found, failing(what, "its message rule does not "+text, ruleWanted, fix))
	}
	return found
}

// judge puts into words what a rule answered. No parameter is shown.
func (o *organisationCheck) judge(what string, rule rules.Rule, trial *rules.Trial) (found []finding) {
	entity := fmt.Sprintf("%s %d, the newest", rule.EntityType, trial.Entity.ID)
	try := fmt.Sprintf(" `avni-messenger rule test --rule %d --entity %s:%d` shows all of it.", rule.ID, rule.EntityType, trial.Entity.ID)
	if f := trial.ScheduleRun.Failure; f != nil {
		text, fix := rule.ScheduleText(f)
		said := fmt.Sprintf("its schedule rule fails for %s: %s", entity, text)
		if o.standing.Mode == ModeDispatch {
			found = append(found, warning(what, said+"; in mode dispatch avni-server runs it", ruleWanted, fix+try))
		} else {
			found = append(found, failing(what, said, ruleWanted, fix+try))
		}
	}
	would := o.sends(trial)
	if f := trial.MessageRun.Failure; f != nil {
		text, fix := rule.MessageText(f)
		said := fmt.Sprintf("its message rule fails for %s: %s", entity, text)
		if would {
			return append(found, failing(what, said, ruleWanted, fix+try))
		}
		return append(found, warning(what, said+"; no message would be sent about that one", ruleWanted, fix+try))
	}
	var refused *dispatch.Refusal
	if errors.As(dispatch.CheckParameters(trial.Parameters), &refused) {
		said := fmt.Sprintf("for %s: %s (%s)", entity, refused.Reason.Text(), refused.Detail)
		mend := sentence(refused.Reason.Advice()) + try
		if would {
			return append(found, failing(what, said, "parameters that people can read", mend))
		}
		return append(found, warning(what, said+"; no message would be sent about that one", "parameters that people can read", mend))
	}
	if len(found) > 0 {
		return found
	}
	return []finding{fine(what, "for %s: %s; %s", entity, o.scheduleWords(trial), counted(len(trial.Parameters), "parameter", "parameters"))}
}

// sends says whether a message about the entity would be queued.
func (o *organisationCheck) sends(trial *rules.Trial) bool {
	return trial.ScheduleRun.Failure == nil && trial.NotRun == "" && trial.Schedule.Send && !trial.Schedule.At.IsZero()
}

func (o *organisationCheck) scheduleWords(trial *rules.Trial) string {
	switch {
	case trial.NotRun != "":
		return "would not send: " + trial.NotRun
	case !trial.Schedule.Send:
		return "would not send (shouldSend is false)"
	case trial.Schedule.At.IsZero():
		return "would not send (no scheduledDateTime)"
	}
	text := "would schedule for " + clock(trial.Schedule.At)
	if trial.Schedule.At.Before(o.now().Add(-o.cfg.window())) {
		text += ", which is too long ago to be sent"
	}
	return text
}
