package main

import (
	"context"
	"fmt"
	"slices"

	"avni-messenger/metrics"
	"avni-messenger/rules"
)

// checkHeld tells of messages that wait because their rule made too many at once.
func (a *app) checkHeld(context.Context) []metrics.Entry { return heldEntries(a.worker.Held()) }

// heldEntries has one entry for each rule, of the maxTroubles that made the most.
func heldEntries(held []rules.HeldRule) []metrics.Entry {
	var entries []metrics.Entry
	held = slices.SortedStableFunc(slices.Values(held), func(x, y rules.HeldRule) int { return y.Count - x.Count })
	for _, h := range held[:min(len(held), maxTroubles)] {
		entries = append(entries, metrics.Entry{Name: fmt.Sprintf("rule %d of %s", h.RuleID, h.Organisation), Status: metrics.Warning, Detail: heldText(h),
			Fix: heldFix(h) + fmt.Sprintf("Look with `avni-messenger release`. If they shall go out: `avni-messenger release --rule %d`; if not: `avni-messenger cancel --rule %d`.", h.RuleID, h.RuleID)})
	}
	if more := held[len(entries):]; len(more) > 0 {
		messages := 0
		for _, h := range more {
			messages += h.Count
		}
		entries = append(entries, metrics.Entry{Name: "held messages", Status: metrics.Warning,
			Detail: fmt.Sprintf("and %s of %s", counted(messages, "message", "messages"), counted(len(more), "more rule", "more rules")),
			Fix:    "Look with `avni-messenger release`."})
	}
	return entries
}

func heldText(h rules.HeldRule) string {
	from := "transaction " + h.Transaction
	if h.Transaction == "" {
		from = "several transactions"
	}
	if h.CatchUp {
		from += ", all or some of them found by a catch-up after the replication slot was lost, which counts as one transaction,"
	}
	return fmt.Sprintf("%q: %s held since %s, because the rule made more than MESSENGER_STORM_LIMIT of one transaction, or 10 times that within an hour; they are of %s saved at %s", h.RuleName,
		counted(h.Count, "message is", "messages are"), clock(h.Since), from, clock(h.CommittedAt))
}

func heldFix(h rules.HeldRule) string {
	if h.CatchUp {
		return catchUpAdvice + " "
	}
	return ""
}

// catchUpAdvice is what to do about what a catch-up has found.
const catchUpAdvice = "It need not have been an import: what was saved while nobody read is found all at once. If they were saved as on other days, release them."
