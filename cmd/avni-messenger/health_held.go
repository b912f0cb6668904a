package main

import (
	"context"
	"fmt"
	"time"

	"avni-messenger/metrics"
	"avni-messenger/rules"
)

// checkHeld tells of messages that wait because their rule made too many at once.
func (a *app) checkHeld(context.Context) []metrics.Entry { return heldEntries(a.worker.Held()) }

// heldEntries has one entry for each rule, of the maxTroubles that began first.
func heldEntries(held []rules.Held) []metrics.Entry {
	byRule := map[int64]*heldSum{}
	var order []*heldSum
	for _, h := range held {
		sum := byRule[h.RuleID]
		if sum == nil {
			sum = &heldSum{Held: h}
			byRule[h.RuleID] = sum
			order = append(order, sum)
		}
		sum.messages += h.Count
		sum.transactions++
	}
	var entries []metrics.Entry
	for _, sum := range order[:min(len(order), maxTroubles)] {
		entries = append(entries, metrics.Entry{Name: fmt.Sprintf("rule %d of %s", sum.RuleID, sum.Organisation), Status: metrics.Warning, Detail: sum.text(),
			Fix: fmt.Sprintf("Look with `avni-messenger release`. If they shall go out: `avni-messenger release --rule %d`; if not: `avni-messenger cancel --rule %d`.", sum.RuleID, sum.RuleID)})
	}
	if more := len(order) - len(entries); more > 0 {
		entries = append(entries, metrics.Entry{Name: "held messages", Status: metrics.Warning, Detail: "and messages of " + counted(more, "more rule", "more rules"),
			Fix: "Look with `avni-messenger release`."})
	}
	return entries
}

// heldSum is what is held of a rule, which the first of it stands for.
type heldSum struct {
	rules.Held
	messages, transactions int
}

func (s *heldSum) text() string {
	from := "transaction " + s.Transaction
	if s.transactions > 1 {
		from = counted(s.transactions, "transaction", "transactions")
	}
	return fmt.Sprintf("%q: %s held since %s, because the rule made more than MESSENGER_STORM_LIMIT of one transaction, or 10 times that within an hour; they are of %s saved at %s", s.RuleName,
		counted(s.messages, "message is", "messages are"), s.Since.In(time.Local).Format("2006-01-02 15:04:05 MST"), from,
		s.CommittedAt.In(time.Local).Format("2006-01-02 15:04:05 MST"))
}
