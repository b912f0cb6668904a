package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"avni-messenger/rules"
)

// surveyed is what one entity's line of --all says.
type surveyed struct {
	Entity  string          `json:"entity"`
	NotRun  string          `json:"notRun,omitempty"`
	Answer  surveyedAnswer  `json:"answer"`
	Before  *surveyedAnswer `json:"before,omitempty"` // of the text that is saved, if it is another
	Compare string          `json:"compare,omitempty"`
}

type surveyedAnswer struct {
	Sends      bool          `json:"sends"`
	DueAt      *time.Time    `json:"dueAt,omitempty"` // UTC
	Parameters []string      `json:"parameters,omitempty"`
	Failure    *trialFailure `json:"failure,omitempty"`
	Script     string        `json:"script,omitempty"` // that failed
}

// survey tries a rule on many entities, of which it tells one by one.
func (b *ruleBench) survey(ctx context.Context, of trialOf, s trialStanding, saved rules.Rule, texts ruleTexts, out io.Writer) error {
	wanted := rules.Survey{Last: of.last}
	if of.since > 0 {
		wanted.Since = time.Now().Add(-of.since)
	}
	current := saved
	if texts.any() {
		revised := texts.replaceIn(saved)
		wanted.Revised, current = &revised, revised
	}
	sums := newSurveySums(b.fateTeller(saved), current, of)
	if !of.json {
		sums.heading(out, s, saved)
	}
	err := b.tester.Survey(ctx, s.rules, saved, wanted, func(a rules.Answer) error {
		line := sums.add(a)
		if of.json {
			return printJSONLine(out, line)
		}
		_, err := fmt.Fprintln(out, sums.text(a))
		return err
	})
	stopped := ctx.Err() != nil
	if err != nil && !stopped {
		return forOperator(err, b.cfg)
	}
	if of.json {
		err = printJSONLine(out, map[string]any{"sums": sums.report(stopped)})
	} else {
		sums.print(out, stopped)
		err = nil
	}
	switch {
	case err != nil:
		return err
	case stopped:
		return errors.New("stopped before the end; the sums are of what was done until then")
	case sums.failed > 0:
		return errRuleFailed
	}
	return nil
}

// text is one entity's line on a terminal.
func (s *surveySums) text(a rules.Answer) string {
	shown := a.Current
	if a.Revised != nil {
		shown = *a.Revised
	}
	text := fmt.Sprintf("%s %d  %s", s.rule.EntityType, a.EntityID, s.answer(shown))
	if shown.Sends() {
		text += "  " + quotedAll(shown.Parameters)
	}
	if a.NotRun != "" {
		text += "  (in life it would not be run: " + a.NotRun + ")"
	}
	if a.Revised != nil && !a.Current.Same(*a.Revised) {
		text += "  DIFFERENT: " + s.difference(a.Current, *a.Revised)
	}
	return text
}

// answer is whether and when a rule would send, in a few words.
func (s *surveySums) answer(a rules.Attempt) string {
	switch {
	case a.Failure != nil:
		return fmt.Sprintf("FAILED, %s rule, %s", a.Script, firstLine(a.Failure.Error()))
	case !a.Schedule.Send:
		return "not sent"
	case a.Schedule.At.IsZero():
		return "not sent, no date"
	case s.teller.tooOld(a.Schedule.At):
		return s.teller.local(a.Schedule.At) + " (too long ago)"
	}
	return s.teller.local(a.Schedule.At)
}

// difference is what is not the same in two answers.
func (s *surveySums) difference(before, after rules.Attempt) string {
	if !before.Sends() || !after.Sends() || !before.Schedule.At.Equal(after.Schedule.At) {
		return s.answer(before) + " → " + s.answer(after)
	}
	if len(before.Parameters) != len(after.Parameters) {
		return quotedAll(before.Parameters) + " → " + quotedAll(after.Parameters)
	}
	var changed []string
	for i, text := range before.Parameters {
		if text != after.Parameters[i] {
			changed = append(changed, fmt.Sprintf("parameter %d %s → %s", i+1, quoted(text), quoted(after.Parameters[i])))
		}
	}
	return strings.Join(changed, ", ")
}

func quotedAll(parameters []string) string {
	texts := make([]string, len(parameters))
	for i, p := range parameters {
		texts[i] = quoted(p)
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}
