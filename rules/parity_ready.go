package rules

import (
	"fmt"
	"time"
)

// ParityWindow is how far a report looks back, and the metric, unless it is said.
const ParityWindow = 7 * 24 * time.Hour

const (
	// parityLeast is how many comparisons an organisation needs.
	parityLeast = 20
	// parityFresh is for how long an evaluation may wait to be compared: for a change that
	// overtakes it, and somewhat more.
	parityFresh = overtakenFor + 5*time.Minute
)

// obstacles says what stands against serving the organisation: empty if nothing does.
func (o *OrganisationParity) obstacles() []string {
	found := []string{}
	say := func(format string, args ...any) { found = append(found, fmt.Sprintf(format, args...)) }
	if o.Unexplained > 0 {
		say("%s no known cause", counted(o.Unexplained, "difference has", "differences have"))
	}
	if o.ToMend > 0 {
		say("%s to be mended first", counted(o.ToMend, "difference is", "differences are"))
	}
	switch wait := fmt.Sprintf("wait for at least %d (or look further back with --since)", parityLeast); {
	case o.alone: // waiting would not help
		say("enableMessaging is not true, so that avni-server queues nothing to compare with: set it to true in the organisation's settings")
	case o.Compared == 0:
		say("nothing is compared yet: %s", wait)
	case o.Compared < parityLeast:
		say("only %d compared yet: %s", o.Compared, wait)
	case o.Waiting > o.Compared:
		say("%d are not compared yet, more than are compared: wait for them", o.Waiting)
	}
	overdue := 0
	for _, rule := range o.Rules {
		switch {
		case rule.Paused:
			say("rule %d %q is paused because it failed too often: correct it in Avni, or avni-messenger rule resume --rule %d", rule.RuleID, rule.Name, rule.RuleID)
		case rule.Overdue > 0:
			overdue += rule.Overdue
		case rule.Waiting > 0 && rule.compared() == 0:
			say("rule %d %q is not compared yet: wait for it", rule.RuleID, rule.Name)
		case rule.Own > 0 && rule.compared() == 0:
			say("rule %d %q is not compared yet, as what it was seen for was queued in mode full: wait for saves of other entities", rule.RuleID, rule.Name)
		}
	}
	if overdue > 0 {
		say("%s for longer than %.0f minutes to be compared: see whether avni-messenger runs, and keeps up", counted(overdue, "evaluation waits", "evaluations wait"), parityFresh.Minutes())
	}
	return found
}

// compared is how many of the rule's were compared.
func (r RuleParity) compared() int {
	n := r.Same
	for _, d := range r.Differences {
		n += d.Count
	}
	return n
}

func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}
