package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"avni-messenger/metrics"
)

const (
	sameSlotFix = "Give all processes of one slot the same environment (only MESSENGER_RULES and MESSENGER_DISPATCH may differ, to share the work); " +
		"for other organisations or another time zone use another MESSENGER_SLOT and MESSENGER_PUBLICATION."
	otherSlotFix = "All slots share one inbox and one queue: let each organisation be served by the processes of one slot only, or by all with the same environment."
)

func (u unequal) fix() string {
	if u.sameSlot {
		return sameSlotFix
	}
	return otherSlotFix
}

func joinSentences(sentences []string) string { return strings.Join(sentences, "; ") }

// tell writes one line for each process whose difference is new or another, or is gone.
func (i *instances) tell(before, after *meeting) {
	was := make(map[string]string)
	if before != nil {
		for _, u := range before.unequal {
			was[u.holder] = u.differences
		}
	}
	for _, u := range after.unequal {
		if was[u.holder] != u.differences {
			i.log.Warn("another process has other settings", "process", u.name(), "slot", u.slot, "reason", u.differences, "fix", u.fix())
		}
		delete(was, u.holder)
	}
	for holder := range was {
		i.log.Info("another process has the same settings now, or is gone", "process", instance{holder: holder}.name())
	}
}

// Entries returns the lines of /health about the processes.
func (i *instances) Entries() []metrics.Entry {
	seen := i.now.Load()
	if seen == nil {
		return nil // not looked yet
	}
	if seen.trouble != nil && time.Since(seen.at) > i.table.forget {
		return []metrics.Entry{{Name: "instances", Status: metrics.Warning, Fix: seen.trouble.Fix,
			Detail: "it is not known whether other processes have the same settings: " + seen.trouble.Detail}}
	}
	var entries []metrics.Entry
	for _, u := range seen.unequal {
		detail := u.differences
		if !u.sameSlot {
			detail += fmt.Sprintf(" (it uses slot %s)", u.slot)
		}
		entries = append(entries, metrics.Entry{Name: "instances", Status: metrics.Warning, Detail: detail, Fix: u.fix()})
	}
	if len(entries) > 0 {
		return entries
	}
	detail := "only this process uses slot " + i.table.slot
	if seen.same > 1 {
		detail = fmt.Sprintf("%d processes use slot %s, settings agree", seen.same, i.table.slot)
	}
	return []metrics.Entry{{Name: "instances", Status: metrics.OK, Detail: detail}}
}

func (a *app) checkInstances(context.Context) []metrics.Entry {
	if a.waiting.Load() != nil {
		return nil
	}
	return a.instances.Entries()
}
