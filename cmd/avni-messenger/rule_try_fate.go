package main

import (
	"fmt"
	"strings"
	"time"

	"avni-messenger/dispatch"
	"avni-messenger/rules"
)

// fateTeller says in words what would become of a rule's answer.
type fateTeller struct {
	rule     rules.Rule
	settings dispatch.Settings
	days     int
	now      time.Time
	local    func(time.Time) string
}

func (b *ruleBench) fateTeller(rule rules.Rule) fateTeller {
	return fateTeller{rule: rule, settings: b.cfg.deliverySettings(), days: b.cfg.SinceDays, now: time.Now(), local: b.local}
}

func (t fateTeller) text(trial *rules.Trial) string {
	f := trial.Fate
	switch {
	case trial.NotRun != "":
		return "nothing would be sent: " + trial.NotRun + t.withdrawals(f)
	case trial.ScheduleRun.Failure != nil && f.Request != 0:
		return fmt.Sprintf("the rule failed: request %d would stay as it is, for %s%s", f.Request, t.local(f.Was), tried(f))
	case trial.ScheduleRun.Failure != nil:
		return "the rule failed: no message"
	}
	switch f.Outcome {
	case "would_schedule":
		return "would make a request for " + t.due(f.At)
	case "would_move":
		return fmt.Sprintf("would move request %d from %s to %s%s", f.Request, t.local(f.Was), t.due(f.At), tried(f))
	case "would_restore":
		return fmt.Sprintf("would bring request %d, which was withdrawn, back for %s", f.Request, t.due(f.At))
	case "would_renew":
		return fmt.Sprintf("would let request %d, which %s, be tried again for %s", f.Request, f.Reason, t.due(f.At))
	case "would_leave":
		return fmt.Sprintf("request %d is there for it already, for %s%s", f.Request, t.due(f.At), tried(f))
	case "would_leave_delivered":
		return fmt.Sprintf("sent already (request %d): it is not sent again, whatever the rule says", f.Request)
	case "would_leave_cancelled":
		return fmt.Sprintf("cancelled by hand: it stays so until `avni-messenger requeue %d`", f.Request)
	case "would_skip_no_date":
		return "no message: the rule gave no date" + t.withdrawals(f)
	}
	return "no message: the rule does not want one" + t.withdrawals(f)
}

// withdrawals name what waits and would not any more.
func (t fateTeller) withdrawals(f rules.Fate) string {
	if len(f.Withdrawn) == 0 {
		return ""
	}
	ids := make([]string, len(f.Withdrawn))
	for i, id := range f.Withdrawn {
		ids[i] = fmt.Sprint(id)
	}
	return "; would withdraw request " + strings.Join(ids, ", ")
}

// tried says what delivery has made of a request so far.
func tried(f rules.Fate) string {
	switch {
	case f.State == "":
		return ""
	case f.StateWhy == "":
		return " (it is " + f.State + ")"
	}
	return fmt.Sprintf(" (it is %s: %s)", f.State, dispatch.Reason(f.StateWhy).Text())
}

// due is a moment and what keeps a message from being sent just then.
func (t fateTeller) due(at time.Time) string {
	text := t.local(at)
	if t.tooOld(at) {
		return text + fmt.Sprintf(", but it would expire unsent: that is more than %d days ago (AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS)", t.days)
	}
	sent := at
	if at.Before(t.now) {
		sent, text = t.now, text+", which is now: it would be sent at once"
	}
	if end, quiet := t.settings.QuietHours.End(sent); quiet {
		text += ", but not before " + t.local(end) + " (MESSENGER_QUIET_HOURS)"
	}
	return text
}

func (t fateTeller) tooOld(at time.Time) bool { return at.Before(t.now.Add(-t.settings.Window)) }
