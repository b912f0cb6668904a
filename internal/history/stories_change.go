package history

import (
	"fmt"
	"strings"
)

// changeStory is that of a rule and an entity without a request.
func (v *view) changeStory(key pairKey, log []logRow, t tidings) Story {
	last := log[len(log)-1]
	entity := t.entities[key.of]
	s := Story{
		OrganisationID: last.OrganisationID, Organisation: v.label(last.OrganisationID), RuleID: key.rule, Rule: last.Rule,
		Entity: Entity{key.of.kind, key.of.id, entity.Name},
		Title:  fmt.Sprintf("Rule %s about %s: no request", ruleName(key.rule, last.Rule), named(key.of.kind, key.of.id, entity.Name)),
		Events: v.changeEvents(log, t), Standing: v.changeStanding(last, key.of),
	}
	if key.rule == 0 {
		s.Title = fmt.Sprintf("Changes of %s for which no rule was run", named(key.of.kind, key.of.id, entity.Name))
	}
	if c, ok := t.compared[key]; ok && s.Standing.State == Shadow {
		s.Standing.Text += v.comparedText(c)
	}
	return s
}

// changeStanding is where a change stands that made no request.
func (v *view) changeStanding(last logRow, of entityKey) Standing {
	why := strings.TrimSuffix(last.Reason, ".")
	if strings.HasPrefix(last.Outcome, "would_") {
		text := fmt.Sprintf("Evaluated in shadow mode: avni-server sends. Avni-messenger %s", answer(last.Outcome))
		if last.Outcome == "would_fail" {
			text = "Evaluated in shadow mode: avni-server sends. The rule failed"
		}
		if why != "" {
			text += ": " + why
		}
		if last.ScheduledFor != nil {
			text += ", due at " + v.clock(*last.ScheduledFor)
		}
		return Standing{State: Shadow, Text: text + "."}
	}
	switch last.Outcome {
	case "failed":
		return Standing{State: Failed, Text: "No message: the rule failed: " + why + ".",
			Fix: fmt.Sprintf("Correct the rule in Avni: what failed in the last %s is evaluated again by itself. avni-messenger rule test --rule %d --entity %s:%d shows what it does.", days(v.options.Window), last.RuleID, of.kind, of.id)}
	case "paused":
		if p, paused := v.pauses[pauseKey{last.RuleID, "schedule"}]; paused {
			o := v.pausedObstacle(p)
			return Standing{State: Held, Text: o.text + " The change waits for it.", Fix: o.fix}
		}
		return Standing{State: Waiting, Text: "The rule was paused, and goes on: the change is about to be evaluated."}
	case "skipped", "no_date", "voided":
		if why == "" {
			why = "the rule wants none"
		}
		return Standing{State: Ended, Text: "No message: " + why + "."}
	case "scheduled", "moved", "restored", "renewed", "unchanged":
		return Standing{State: Ended, Text: fmt.Sprintf("Request %d, which was made for it, is not in Avni's queue any more.", last.RequestID)}
	}
	text := sentence(answer(last.Outcome))
	if why != "" {
		text = sentence(answer(last.Outcome) + ": " + why)
	}
	return Standing{State: Ended, Text: text}
}

// comparedText says how avni-server's request compares.
func (v *view) comparedText(c compared) string {
	switch c.Verdict {
	case "same":
		return " Avni-server did the same."
	case "different":
		if c.Cause != "" {
			return " Avni-server did something else: " + strings.ReplaceAll(c.Cause, "_", " ") + "."
		}
		return " Avni-server did something else, and it is not known why: avni-messenger parity tells more."
	case "own":
		return " That request was queued by avni-messenger in mode full: it says nothing of what avni-server does."
	case "waiting":
		return " It is not compared with what avni-server did yet."
	}
	return ""
}

// heldStory is that of a request that the storm guard holds back, or has held back.
func (v *view) heldStory(w heldRow, t tidings) Story {
	entity := t.entities[w.key()]
	s := Story{
		OrganisationID: w.OrganisationID, Organisation: v.label(w.OrganisationID), RuleID: w.RuleID, Rule: w.Rule, Entity: Entity{w.key().kind, w.EntityID, entity.Name},
		Title:  fmt.Sprintf("Rule %s about %s: held by the storm guard", ruleName(w.RuleID, w.Rule), named(w.key().kind, w.EntityID, entity.Name)),
		Events: []Event{{w.CommittedAt, w.key().String() + " was saved", "LSN " + w.LSN}, {w.HeldAt, "held: the rule made too many requests at once", ""}},
	}
	due := ""
	if w.ScheduledFor != nil {
		due = " It would be due at " + v.clock(*w.ScheduledFor) + "."
	}
	switch w.State {
	case "held":
		s.Standing = Standing{State: Held, Text: fmt.Sprintf("Held since %s: rule %s made more requests at once than MESSENGER_STORM_LIMIT allows.%s", v.clock(w.HeldAt), ruleName(w.RuleID, w.Rule), due),
			Fix: fmt.Sprintf("See avni-messenger release, then avni-messenger release --rule %d --transaction %s to send, or avni-messenger cancel with the same to drop them.", w.RuleID, w.LSN)}
	case "cancelled":
		s.Standing = Standing{State: Ended, Text: "Was held by the storm guard, and cancelled by hand."}
	default:
		s.Standing = Standing{State: Ended, Text: "Was held by the storm guard, and " + w.State + "."}
	}
	return s
}

// inboxStory is that of a change whose rules have not been run yet.
func (v *view) inboxStory(w waitingRow, t tidings) Story {
	entity := t.entities[w.key()]
	s := Story{
		OrganisationID: w.OrganisationID, Organisation: v.label(w.OrganisationID), Entity: Entity{w.key().kind, w.EntityID, entity.Name},
		Title:    fmt.Sprintf("A change of %s whose rules have not been run yet", named(w.key().kind, w.EntityID, entity.Name)),
		Standing: v.inboxStanding(w),
	}
	if w.LSN == noLSN {
		s.Events = append(s.Events, Event{w.CommittedAt, w.key().String() + " is to be looked at again", "its rule was changed, something was un-voided, or somebody asked for a catch-up"})
	} else {
		s.Events = append(s.Events, Event{w.CommittedAt, w.key().String() + " was saved", "LSN " + w.LSN})
	}
	s.Events = append(s.Events, Event{w.ReceivedAt, "it entered the inbox", ""})
	return s
}

func (v *view) inboxStanding(w waitingRow) Standing {
	text := fmt.Sprintf("The change still waits in the inbox since %s.", v.clock(w.ReceivedAt))
	if o, held := v.organisationObstacle(w.OrganisationID); held {
		return Standing{State: Held, Text: text + " " + o.text, Fix: o.fix}
	}
	_, served := v.options.Served(w.OrganisationID)
	switch {
	case !served:
		return Standing{State: Held, Text: text + " Organisation " + v.label(w.OrganisationID) + " is not served by avni-messenger as it is configured here.", Fix: "Name it in MESSENGER_ORGANISATIONS, or give it a Glific configuration in Avni."}
	case v.options.RulesOff:
		return Standing{State: Held, Text: text + " The kill switch MESSENGER_RULES is off: no rule is run.", Fix: "Set MESSENGER_RULES=on and restart avni-messenger."}
	case v.nobodyRuns() != "":
		return Standing{State: Held, Text: text + " " + sentence(v.nobodyRuns()), Fix: nobodyRunsFix}
	case w.Claimed:
		return Standing{State: Waiting, Text: text + " Its rules are being run at this moment."}
	case w.Attempts > 0:
		return Standing{State: Waiting, Text: fmt.Sprintf("%s It was put off %d times and is tried again by itself, because: %s.", text, w.Attempts, strings.TrimSuffix(w.LastError, ".")),
			Fix: "If it lasts, the database or the rules engine is in trouble: see the log."}
	}
	return Standing{State: Waiting, Text: text + " Its rules are run when its turn comes."}
}
