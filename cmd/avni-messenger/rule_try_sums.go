package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"avni-messenger/dispatch"
	"avni-messenger/rules"
)

// How much --all keeps of what it has seen.
const (
	mostExamples = 20
	mostErrors   = 20
)

// surveySums is what --all comes to. Of a comparison it sums up the new text.
type surveySums struct {
	teller fateTeller
	rule   rules.Rule // as it was run
	of     trialOf

	tried, sends, tooOld, silent, failed, notRun int

	refused           int            // messages that delivery would refuse for a parameter
	errors            map[string]int // by script and text, at most mostErrors of them
	otherErrors       int            // those for which there was no room
	schedule, message []time.Duration
	same, different   int
	examples          []string
}

func newSurveySums(teller fateTeller, rule rules.Rule, of trialOf) *surveySums {
	return &surveySums{teller: teller, rule: rule, of: of, errors: map[string]int{}}
}

func (s *surveySums) heading(out io.Writer, standing trialStanding, rule rules.Rule) {
	fmt.Fprintf(out, "rule %d %q of %s, on what was saved last\n", rule.ID, rule.Name, standing.label())
	if rule.Voided {
		fmt.Fprintln(out, "NOTE  the rule is voided: in life it is not run")
	}
	fmt.Fprintln(out)
}

// add counts an answer and returns it for --json.
func (s *surveySums) add(a rules.Answer) surveyed {
	shown := a.Current
	line := surveyed{Entity: fmt.Sprintf("%s:%d", s.rule.EntityType, a.EntityID), NotRun: a.NotRun}
	if a.Revised != nil {
		shown, line.Compare = *a.Revised, "same"
		if a.Current.Same(*a.Revised) {
			s.same++
		} else {
			before := s.surveyedAnswer(a.Current)
			line.Compare, line.Before = "different", &before
			s.example(a)
		}
	}
	line.Answer = s.surveyedAnswer(shown)
	s.count(a.NotRun, shown)
	return line
}

func (s *surveySums) surveyedAnswer(a rules.Attempt) surveyedAnswer {
	answer := surveyedAnswer{Sends: a.Sends(), Parameters: a.Parameters, Script: a.Script}
	if a.Failure != nil {
		answer.Failure = newTrialFailure(a.Failure, s.script(a.Script))
	} else {
		answer.Script = ""
	}
	if answer.Sends {
		answer.DueAt = moment(a.Schedule.At)
	}
	return answer
}

func (s *surveySums) script(name string) string {
	if name == "message" {
		return s.rule.MessageRule
	}
	return s.rule.ScheduleRule
}

func (s *surveySums) example(a rules.Answer) {
	if s.different++; len(s.examples) < mostExamples {
		s.examples = append(s.examples, fmt.Sprintf("%s %d: %s", s.rule.EntityType, a.EntityID, s.difference(a.Current, *a.Revised)))
	}
}

func (s *surveySums) count(notRun string, a rules.Attempt) {
	s.tried++
	if a.ScheduleTook > 0 {
		s.schedule = append(s.schedule, a.ScheduleTook)
	}
	if a.MessageTook > 0 {
		s.message = append(s.message, a.MessageTook)
	}
	switch {
	case a.Failure != nil:
		s.failed++
		s.countError(fmt.Sprintf("%s rule, %s", a.Script, firstLine(a.Failure.Error())))
	case notRun != "":
		s.notRun++
	case !a.Sends():
		s.silent++
	default:
		s.sends++
		if s.teller.tooOld(a.Schedule.At) {
			s.tooOld++
		}
		if slices.ContainsFunc(a.Parameters, func(p string) bool { return dispatch.RefuseParameter(1, p) != nil }) {
			s.refused++
		}
	}
}

func (s *surveySums) countError(text string) {
	if _, known := s.errors[text]; known || len(s.errors) < mostErrors {
		s.errors[text]++
	} else {
		s.otherErrors++
	}
}

// surveyReport is the last line of --json.
type surveyReport struct {
	Tried             int            `json:"tried"`
	Stopped           bool           `json:"stopped"` // before the end
	Sends             int            `json:"sends"`
	TooOld            int            `json:"tooOld"`            // of those that would be sent: due too long ago
	RefusedParameters int            `json:"refusedParameters"` // of those that would be sent
	NotSent           int            `json:"notSent"`
	NotRun            int            `json:"notRun"`
	Failed            int            `json:"failed"`
	Errors            map[string]int `json:"errors,omitempty"`
	OtherErrors       int            `json:"otherErrors,omitempty"`
	ScheduleMS        *spread        `json:"scheduleMilliseconds,omitempty"`
	MessageMS         *spread        `json:"messageMilliseconds,omitempty"`
	Same              *int           `json:"same,omitempty"`
	Different         *int           `json:"different,omitempty"`
}

// spread is how times are spread, in milliseconds.
type spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func spreadOf(times []time.Duration) *spread {
	if len(times) == 0 {
		return nil
	}
	slices.Sort(times)
	return &spread{milliseconds(times[0]), milliseconds(times[len(times)/2]), milliseconds(times[len(times)-1])}
}

func (s *surveySums) report(stopped bool) surveyReport {
	r := surveyReport{Tried: s.tried, Stopped: stopped, Sends: s.sends, TooOld: s.tooOld, RefusedParameters: s.refused, NotSent: s.silent,
		NotRun: s.notRun, Failed: s.failed, Errors: s.errors, OtherErrors: s.otherErrors,
		ScheduleMS: spreadOf(s.schedule), MessageMS: spreadOf(s.message)}
	if s.compares() {
		r.Same, r.Different = &s.same, &s.different
	}
	return r
}

func (s *surveySums) compares() bool { return s.of.scheduleFile != "" || s.of.messageFile != "" }

func (s *surveySums) print(out io.Writer, stopped bool) {
	r := s.report(stopped)
	fmt.Fprintf(out, "\ntried on %s%s\n", counted(s.tried, "entity", "entities"), map[bool]string{true: ", then stopped"}[stopped])
	fmt.Fprintf(out, "  would send      %d", r.Sends)
	if r.TooOld > 0 {
		fmt.Fprintf(out, "; %d of them would expire unsent: due more than %d days ago", r.TooOld, s.teller.days)
	}
	if r.RefusedParameters > 0 {
		fmt.Fprintf(out, "; %d of them would be refused for a parameter", r.RefusedParameters)
	}
	fmt.Fprintf(out, "\n  would not send  %d\n", r.NotSent)
	if r.NotRun > 0 {
		fmt.Fprintf(out, "  would not run   %d\n", r.NotRun)
	}
	fmt.Fprintf(out, "  failed          %d\n", r.Failed)
	for _, text := range slices.SortedFunc(maps.Keys(s.errors), func(a, b string) int { return cmp.Or(cmp.Compare(s.errors[b], s.errors[a]), cmp.Compare(a, b)) }) {
		fmt.Fprintf(out, "    %d × %s\n", s.errors[text], text)
	}
	if s.otherErrors > 0 {
		fmt.Fprintf(out, "    %d × other errors\n", s.otherErrors)
	}
	printSpread(out, "schedule rule", r.ScheduleMS)
	printSpread(out, "message rule", r.MessageMS)
	if s.compares() {
		s.printComparison(out)
	}
}

func printSpread(out io.Writer, name string, s *spread) {
	if s != nil {
		fmt.Fprintf(out, "  %-14s  %.2f ms (median), %.2f to %.2f ms\n", name, s.Median, s.Min, s.Max)
	}
}

func (s *surveySums) printComparison(out io.Writer) {
	fmt.Fprintf(out, "\ncompared with the rule that is saved: same %d, different %d\n", s.same, s.different)
	for _, example := range s.examples {
		fmt.Fprintf(out, "  %s\n", example)
	}
	if more := s.different - len(s.examples); more > 0 {
		fmt.Fprintf(out, "  … and %d more\n", more)
	}
}

func printJSONLine(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	return encoder.Encode(value)
}
