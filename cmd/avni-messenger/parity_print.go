package main

import (
	"fmt"
	"io"
	"strings"

	"avni-messenger/dispatch"
	"avni-messenger/rules"
)

func printParity(out io.Writer, report []rules.OrganisationParity) {
	for i, o := range report {
		if i > 0 {
			fmt.Fprintln(out)
		}
		fmt.Fprintf(out, "%s: %s\n", o.Organisation, parityVerdict(o))
		for _, reason := range o.NotReady {
			fmt.Fprintf(out, "  - %s\n", reason)
		}
		for _, rule := range o.Rules {
			printRuleParity(out, rule)
		}
		printSendings(out, o)
	}
}

// parityVerdict says in one line how an organisation stands.
func parityVerdict(o rules.OrganisationParity) string {
	text := fmt.Sprintf("%s compared, %s", thousands(o.Compared), counted(o.Unexplained, "unexplained difference", "unexplained differences"))
	if o.ToMend > 0 {
		text += fmt.Sprintf(", %s to be mended first", thousands(o.ToMend))
	}
	if o.Explained > 0 {
		text += fmt.Sprintf(", %s explained", thousands(o.Explained))
	}
	if o.Waiting > 0 {
		text += fmt.Sprintf(", %s not compared yet", thousands(o.Waiting))
	}
	if o.Own > 0 {
		text += fmt.Sprintf(", %s left out", thousands(o.Own))
	}
	switch {
	case o.Ready:
		return "ready: " + text
	}
	return "not ready: " + text
}

func printRuleParity(out io.Writer, rule rules.RuleParity) {
	fmt.Fprintf(out, "\n  rule %d %q, %s: %s the same", rule.RuleID, rule.Name, rule.EntityType, thousands(rule.Same))
	if rule.Waiting > 0 {
		fmt.Fprintf(out, ", %s not compared yet", thousands(rule.Waiting))
	}
	if rule.Own > 0 {
		fmt.Fprintf(out, ", %s left out as avni-messenger had queued them in mode full", thousands(rule.Own))
	}
	if rule.Paused {
		fmt.Fprint(out, ", paused")
	}
	fmt.Fprintln(out)
	for _, d := range rule.Differences {
		name := string(d.Cause)
		if name == "" {
			name = "UNEXPLAINED"
		}
		fmt.Fprintf(out, "    %s %s: %s\n      → %s\n", thousands(d.Count), name, d.Text, d.Advice)
		for _, e := range d.Examples {
			fmt.Fprintf(out, "      %s %d: ours %s; avni-server's %s\n", rule.EntityType, e.EntityID, oursText(e), theirsText(e))
		}
		if left := d.Count - len(d.Examples); left > 0 {
			fmt.Fprintf(out, "      and %s more (--all)\n", thousands(left))
		}
	}
}

func oursText(e rules.ParityExample) string {
	if e.Ours == nil {
		return fmt.Sprintf("none (%s)", e.Outcome)
	}
	return fmt.Sprintf("%s (%s)", requestText(e.Ours), e.Outcome)
}

func theirsText(e rules.ParityExample) string {
	switch {
	case e.RequestID == nil:
		return "none"
	case e.Theirs == nil:
		return fmt.Sprintf("none that is not voided (request %d)", *e.RequestID)
	}
	text := fmt.Sprintf("%s (request %d, %s", requestText(e.Theirs), *e.RequestID, *e.Status)
	if e.Requests > 1 {
		text += fmt.Sprintf(", one of %d", e.Requests)
	}
	return text + ")"
}

func requestText(r *rules.ParityRequest) string {
	return fmt.Sprintf("due %s to %s %d", clock(r.At), r.ReceiverType, r.ReceiverID)
}

func printSendings(out io.Writer, o rules.OrganisationParity) {
	if o.Sent == 0 {
		return
	}
	fmt.Fprintf(out, "\n  avni-server has sent %s of rules: %s would have been sent as messenger.parity_sending says\n", counted(o.Sent, "message", "messages"), thousands(o.WouldSend))
	for _, skip := range o.Unsent {
		requests := strings.Trim(fmt.Sprint(skip.Requests), "[]")
		fmt.Fprintf(out, "    %s %s: %s (requests %s)\n", thousands(skip.Count), skip.Reason, skipText(skip.Reason), requests)
	}
}

// skipText says why nothing would have been sent.
func skipText(reason string) string {
	if reason == rules.NoRequest {
		return "there would have been no such request"
	}
	return dispatch.Reason(reason).Text()
}

// thousands writes a number as 1,240.
func thousands(n int) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
