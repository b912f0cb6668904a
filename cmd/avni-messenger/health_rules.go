package main

import (
	"context"
	"fmt"
	"time"

	"avni-messenger/metrics"
	"avni-messenger/rules"
)

// maxTroubles is how many rules that fail are told one by one.
const maxTroubles = 20

const allTroublesFix = "Mend the ones above first. All of them: select rule_id, count(*), max(at) from messenger.trigger_log " +
	"where outcome in ('failed', 'would_fail') and at > now() - interval '7 days' group by rule_id;"

func (a *app) checkRules(context.Context) []metrics.Entry {
	entry := metrics.Entry{Name: "rules", Status: metrics.OK, Detail: fmt.Sprintf("engine ready, time zone %s, limit %s a rule", a.cfg.Timezone, a.cfg.RuleTimeout)}
	troubles := a.failures.Current()
	if len(troubles) > 0 {
		entry.Status = metrics.Warning
		entry.Detail += fmt.Sprintf("; %s, see below", countTroubles(troubles))
	}
	if !a.cfg.Rules {
		entry = metrics.Entry{Name: "rules", Status: metrics.Warning, Detail: "MESSENGER_RULES is off: changes wait in the inbox", Fix: "Set MESSENGER_RULES=on and restart."}
	}
	return append([]metrics.Entry{entry}, troubleEntries(troubles, a.cfg.RuleTimeout)...)
}

// troubleEntries tell of rules that fail. limit is the longest that one may run.
func troubleEntries(troubles []rules.Trouble, limit time.Duration) []metrics.Entry {
	var entries []metrics.Entry
	for _, t := range troubles[:min(len(troubles), maxTroubles)] {
		entries = append(entries, metrics.Entry{Name: fmt.Sprintf("rule %d of %s", t.RuleID, t.Organisation), Status: metrics.Warning,
			Detail: describeTrouble(t, limit), Fix: t.Fix})
	}
	if more := len(troubles) - len(entries); more > 0 {
		entries = append(entries, metrics.Entry{Name: "rules", Status: metrics.Warning, Detail: "and " + counted(more, "more rule that fails", "more rules that fail"), Fix: allTroublesFix})
	}
	return entries
}

// countTroubles says how many rules fail, and how many of them are paused.
func countTroubles(troubles []rules.Trouble) string {
	text, paused := counted(len(troubles), "rule fails", "rules fail"), 0
	for _, t := range troubles {
		if t.Paused {
			paused++
		}
	}
	if paused > 0 {
		text += fmt.Sprintf(" (%d paused)", paused)
	}
	return text
}

func describeTrouble(t rules.Trouble, limit time.Duration) string {
	since := clock(t.Since)
	if t.Paused {
		return describePaused(t, since)
	}
	text := fmt.Sprintf("%q: its %s rule has failed %s since %s and has not answered since: %s: %s",
		t.RuleName, t.Script, counted(t.Times, "time", "times"), since, t.Kind, t.Text)
	if t.Kind != rules.FailedTimeout {
		return text
	}
	each := "change"
	if t.Script == "message" {
		each = "message"
	}
	return text + fmt.Sprintf("; each %s costs %g s, while the organisation's other rules wait", each, limit.Seconds())
}

func describePaused(t rules.Trouble, since string) string {
	waiting := counted(t.Waiting, "change waits", "changes wait")
	if t.Script == "message" {
		waiting = counted(t.Waiting, "message waits", "messages wait")
	}
	return fmt.Sprintf("%q: its %s rule is paused since %s, because it failed %s within minutes: %s: %s; %s for it",
		t.RuleName, t.Script, since, counted(t.Times, "time", "times"), t.Kind, t.Text, waiting)
}

// counted is a number with its noun.
func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + more
}
