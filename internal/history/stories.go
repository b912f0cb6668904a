package history

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"avni-messenger/dispatch"
)

// mostEvents is how many events of one story are told: the newest.
const mostEvents = 30

// tell makes stories of what was found, the newest first.
func (v *view) tell(requests []request, t tidings) []Story {
	log, without := assign(requests, t.log)
	var stories []Story
	for _, r := range requests {
		stories = append(stories, v.requestStory(r, log[r.ID], t))
	}
	for key, rows := range without {
		stories = append(stories, v.changeStory(key, rows, t))
	}
	for _, w := range t.held {
		stories = append(stories, v.heldStory(w, t))
	}
	for _, w := range t.inbox {
		stories = append(stories, v.inboxStory(w, t))
	}
	for i := range stories {
		finish(&stories[i])
	}
	slices.SortFunc(stories, func(x, y Story) int {
		return cmp.Or(y.latest.Compare(x.latest), cmp.Compare(y.RequestID, x.RequestID), cmp.Compare(x.RuleID, y.RuleID))
	})
	return stories
}

// assign gives each row of the log to the request that it is about: the one that it
// names or else, of those of its rule and entity, the newest that was there. What is about
// none is told of by rule and entity.
func assign(requests []request, log []logRow) (of map[int64][]logRow, without map[pairKey][]logRow) {
	of, without = map[int64][]logRow{}, map[pairKey][]logRow{}
	byID, byPair := map[int64]bool{}, map[pairKey][]request{}
	for _, r := range requests { // the newest first
		byID[r.ID] = true
		pair := pairKey{r.RuleID, entityKey{r.EntityType, r.EntityID}}
		byPair[pair] = append(byPair[pair], r)
	}
	for _, l := range log {
		pair := pairKey{l.RuleID, l.key()}
		twins := byPair[pair]
		switch {
		case byID[l.RequestID]:
			of[l.RequestID] = append(of[l.RequestID], l)
		case l.RuleID != 0 && len(twins) > 0:
			i := slices.IndexFunc(twins, func(r request) bool { return !r.CreatedAt.After(l.At.Add(time.Second)) })
			if i < 0 {
				i = len(twins) - 1
			}
			of[twins[i].ID] = append(of[twins[i].ID], l)
		default:
			without[pair] = append(without[pair], l)
		}
	}
	return of, without
}

// finish puts the events in order and leaves out what is too old.
func finish(s *Story) {
	slices.SortStableFunc(s.Events, func(x, y Event) int { return x.At.Compare(y.At) })
	if n := len(s.Events); n > 0 {
		s.latest = s.Events[n-1].At
	}
	if more := len(s.Events) - mostEvents; more > 0 {
		s.Earlier, s.Events = more, s.Events[more:]
	}
}

func (v *view) requestStory(r request, log []logRow, t tidings) Story {
	about := t.entities[entityKey{r.EntityType, r.EntityID}]
	s := Story{
		RequestID: r.ID, OrganisationID: r.OrganisationID, Organisation: v.label(r.OrganisationID), RuleID: r.RuleID, Rule: r.Rule,
		To: r.to(), Phone: international(r.Phone), TemplateID: r.TemplateID, Parameters: r.Parameters, DueAt: r.ScheduledAt,
		Standing: v.standing(r),
	}
	to := named(s.To.Type, s.To.ID, s.To.Name)
	if r.RuleID == 0 {
		s.Title = fmt.Sprintf("Request %d: message by hand to %s", r.ID, to)
	} else {
		s.Entity = Entity{r.EntityType, r.EntityID, about.Name}
		s.Title = fmt.Sprintf("Request %d: rule %s about %s, to %s", r.ID, ruleName(r.RuleID, r.Rule), named(r.EntityType, r.EntityID, about.Name), to)
		if s.Entity.Type == s.To.Type && s.Entity.ID == s.To.ID {
			s.Title = fmt.Sprintf("Request %d: rule %s for %s", r.ID, ruleName(r.RuleID, r.Rule), to)
		}
	}
	s.Events = v.changeEvents(log, t)
	if !slices.ContainsFunc(log, func(l logRow) bool { return l.Outcome == "scheduled" && l.RequestID == r.ID }) {
		s.Events = append(s.Events, Event{r.CreatedAt, "a request was made, due at " + v.clock(r.ScheduledAt), by(r.CreatedBy, "in Avni")})
	}
	s.Events = append(s.Events, v.deliveryEvents(r, t)...)
	s.Standing = v.withLog(s.Standing, r, log)
	s.Standing.Text += membersText(t.counts[r.ID])
	return s
}

// membersText sums up what became of the messages to the members of a group.
func membersText(counts []memberCount) string {
	var parts []string
	for _, c := range counts {
		text := fmt.Sprintf("%d ", c.Count)
		switch {
		case c.State == "accepted":
			text += "accepted by Glific"
		case c.State == "refused" || c.State == "expired" || c.State == "withdrawn":
			text += "not sent: " + c.Reason.Text()
		case c.Left:
			text += "left the group"
		default:
			text += "still to come"
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return ""
	}
	return " Of its members: " + strings.Join(parts, "; ") + "."
}

// withLog adds what the log knows better than the rows.
func (v *view) withLog(s Standing, r request, log []logRow) Standing {
	if len(log) == 0 {
		return s
	}
	last := log[len(log)-1]
	if r.Voided && r.Reason != dispatch.Cancelled && !r.sent() && last.Outcome == "voided" && last.Reason != "" {
		s.Text = fmt.Sprintf("Withdrawn at %s: %s. It is not sent.", v.clock(last.At), last.Reason)
	}
	if last.Outcome == "failed" && !r.sent() {
		s.Text += fmt.Sprintf(" The rule failed at the last change, so that the request stays as it was: %s.", strings.TrimSuffix(last.Reason, "."))
	}
	return s
}

// by says who did something, and where.
func by(username, where string) string {
	if username == "" {
		return where
	}
	return strings.TrimSpace("by " + username + " " + where)
}

// changeEvents tell of changes and of what the rule answered to each.
func (v *view) changeEvents(log []logRow, t tidings) []Event {
	var events []Event
	seen := map[string]bool{}
	for _, l := range log {
		if change := fmt.Sprint(l.Table, l.EntityID, l.LSN, l.CommittedAt); !seen[change] {
			seen[change] = true
			events = append(events, v.changeEvent(l, t))
		}
		events = append(events, v.answerEvent(l))
	}
	return events
}

// noLSN is the place of what no change of the stream has led to.
const noLSN = "0/0"

func (v *view) changeEvent(l logRow, t tidings) Event {
	what := l.key().String()
	if l.LSN == noLSN {
		return Event{l.CommittedAt, what + " was looked at again", "its rule was changed, something was un-voided, or somebody asked for a catch-up"}
	}
	detail := []string{}
	if name := t.users[l.ChangedBy]; name != "" {
		detail = append(detail, "by "+name)
	}
	return Event{l.CommittedAt, what + " was saved", strings.Join(append(detail, "LSN "+l.LSN), ", ")}
}

func (v *view) answerEvent(l logRow) Event {
	e := Event{At: l.At, What: answer(l.Outcome), Detail: l.Reason}
	if l.RuleID != 0 {
		e.What = "rule " + number(l.RuleID) + ": " + e.What
	}
	if l.ScheduledFor != nil {
		e.What += ", due at " + v.clock(*l.ScheduledFor)
	}
	return e
}

// deliveryEvents tell of attempts and receipts, also those of members of a group.
func (v *view) deliveryEvents(r request, t tidings) []Event {
	events := attemptEvents(t.attempts[r.ID], "")
	events = append(events, receiptEvents(t.receipts[r.ID], "")...)
	for _, m := range t.members {
		if m.RequestID == r.ID {
			who := "to the member " + masked(m.Phone) + ": "
			events = append(events, attemptEvents(t.attempts[m.ID], who)...)
			events = append(events, receiptEvents(t.receipts[m.ID], who)...)
		}
	}
	if r.sent() && r.State != "accepted" && r.DeliveredAt != nil {
		events = append(events, Event{*r.DeliveredAt, "marked as sent in Avni", "not by avni-messenger"})
	}
	if r.State == "sending" && r.UpdatedAt != nil {
		events = append(events, Event{*r.UpdatedAt, "handed to Glific, which has not answered yet", ""})
	}
	return events
}

func attemptEvents(attempts []attemptRow, who string) []Event {
	var events []Event
	for _, a := range attempts {
		detail := a.Detail
		if a.MessageID != "" {
			detail = strings.TrimSpace("message " + a.MessageID + " " + detail)
		}
		events = append(events, Event{a.At, who + attemptText(a.Outcome, dispatch.Reason(a.Reason)), detail})
	}
	return events
}

func receiptEvents(all []receiptRow, who string) []Event {
	var events []Event
	for _, r := range all {
		if r.StatusAt == nil || r.Status == "pending" {
			continue
		}
		what := receipts[r.Status]
		if why := dispatch.ReceiptReason(r.Reason).Text(); why != "" {
			what += ": " + why
		}
		events = append(events, Event{*r.StatusAt, who + what, strings.TrimSpace("message " + r.MessageID + " " + r.Detail)})
	}
	return events
}
