package history

import (
	"context"
	"slices"
	"strings"
	"time"
)

// surroundings are what keeps messages from going out, or from being made, whatever they
// are about.
type surroundings struct {
	holds     map[int32]hold
	pauses    map[pauseKey]PausedRule
	instances []Instance
	active    map[activationKey]time.Time
}

// hold is why an organisation was stopped at run time.
type hold struct {
	OrganisationID int32
	Kind           string
	Since          time.Time
	Detail         string
}

type pauseKey struct {
	rule   int64
	script string // schedule or message
}

type activationKey struct {
	organisation int32
	rule         int64 // 0: the organisation itself
}

func (h hold) text() string { return HoldText(h.Kind, h.Detail) }

// HoldText says for what an organisation was held at run time: messenger.hold.kind and detail.
func HoldText(kind, detail string) string {
	what := map[string]string{
		"foreign_request": "somebody else, most likely avni-server, writes requests of rules too",
		"foreign_sent":    "somebody else, most likely avni-server, sends messages too",
	}[kind]
	if what == "" {
		what = strings.ReplaceAll(kind, "_", " ")
	}
	if detail != "" {
		what += " (" + detail + ")"
	}
	return what
}

// instanceAlive is how long a process counts as running after it was seen.
const instanceAlive = 30 * time.Second

const pausesSQL = `
select p.rule_id, coalesce(r.name, ''), p.phase, p.organisation_id, p.since, p.kind || ': ' || p.reason,
       case p.phase when 'schedule' then (select count(*) from messenger.rule_waiting w where w.rule_id = p.rule_id)
            else (select count(*) from messenger.delivery d join public.message_request_queue q on q.id = d.request_id
                   where d.reason = 'rule_paused' and d.state = 'waiting' and q.message_rule_id = p.rule_id) end
  from messenger.rule_pause p left join public.message_rule r on r.id = p.rule_id
 where p.resume_asked_at is null
 order by p.since, p.rule_id`

const instancesSQL = `
select holder, slot, started_at, seen_at, coalesce((settings ->> 'dispatch')::bool, true) from messenger.instance
 where seen_at > clock_timestamp() - make_interval(secs => $1) order by started_at, holder`

func (v *view) readSurroundings(ctx context.Context) error {
	v.surroundings = surroundings{holds: map[int32]hold{}, pauses: map[pauseKey]PausedRule{}, active: map[activationKey]time.Time{}}
	if err := v.readPauses(ctx); err != nil {
		return err
	}
	if err := v.readInstances(ctx); err != nil {
		return err
	}
	holds, err := collect[hold](ctx, v, "holds",
		`select organisation_id, kind, since, detail from messenger.hold where released_at is null order by since`)
	if err != nil {
		return err
	}
	for _, h := range holds {
		v.holds[h.OrganisationID] = h
	}
	rows, err := collect[struct {
		OrganisationID int32
		RuleID         int64
		From           time.Time
	}](ctx, v, "activations", `select organisation_id, rule_id, active_from from messenger.activation`)
	for _, row := range rows {
		v.active[activationKey{row.OrganisationID, row.RuleID}] = row.From
	}
	return err
}

func (v *view) readPauses(ctx context.Context) error {
	rows, err := collect[struct {
		RuleID         int64
		Rule, Script   string
		OrganisationID int32
		Since          time.Time
		Why            string
		Waiting        int
	}](ctx, v, "paused rules", pausesSQL)
	for _, row := range rows {
		v.pauses[pauseKey{row.RuleID, row.Script}] = PausedRule{RuleID: row.RuleID, Rule: row.Rule, Script: row.Script,
			Organisation: v.label(row.OrganisationID), Since: row.Since, Why: row.Why, Waiting: row.Waiting, organisationID: row.OrganisationID}
	}
	return err
}

func (v *view) readInstances(ctx context.Context) error {
	rows, err := collect[struct {
		Holder, Slot  string
		Started, Seen time.Time
		Sends         bool
	}](ctx, v, "processes", instancesSQL, instanceAlive.Seconds())
	for _, row := range rows {
		v.instances = append(v.instances, Instance{Name: row.Holder[:max(0, strings.LastIndex(row.Holder, ":"))], Slot: row.Slot,
			Started: row.Started, Seen: row.Seen, Sends: row.Sends})
	}
	return err
}

// obstacle is what keeps a message from being sent until somebody acts.
type obstacle struct{ text, fix string }

const nobodyRunsFix = "Start it: avni-messenger run."

// holdFix says what to do about the hold of an organisation: whoever serves it knows more.
func (v *view) holdFix(id int32) string {
	if served, ok := v.options.Served(id); ok && served.Held != "" {
		return served.Fix
	}
	return "Make sure that nobody else sends for it, then: avni-messenger release " + v.label(id)
}

// organisationObstacle is what keeps everything of an organisation from being written and sent.
func (v *view) organisationObstacle(id int32) (obstacle, bool) {
	if h, held := v.holds[id]; held {
		return obstacle{"Organisation " + v.label(id) + " is held since " + v.clock(h.Since) + ": " + h.text() + ".", v.holdFix(id)}, true
	}
	served, ok := v.options.Served(id)
	if ok && served.Held != "" {
		return obstacle{"Organisation " + v.label(id) + " is held back: " + served.Held + ".", served.Fix}, true
	}
	return obstacle{}, false
}

// sendingObstacle is what keeps a request from being sent.
func (v *view) sendingObstacle(r request) (obstacle, bool) {
	if o, held := v.organisationObstacle(r.OrganisationID); held {
		return o, true
	}
	if v.sendingOff() {
		return obstacle{"The kill switch MESSENGER_DISPATCH is off: nothing is sent, and requests wait in the queue.",
			"Set MESSENGER_DISPATCH=on and restart avni-messenger."}, true
	}
	if p, paused := v.pauses[pauseKey{r.RuleID, "message"}]; paused && r.RuleID != 0 {
		return v.pausedObstacle(p), true
	}
	if r.Forever && r.Reason != "" {
		return obstacle{"Held: " + r.Reason.Text() + ".", sentence(advice(r.Reason.Advice()))}, true
	}
	return obstacle{}, false
}

func (v *view) pausedObstacle(p PausedRule) obstacle {
	return obstacle{"The " + p.Script + " rule of rule " + ruleName(p.RuleID, p.Rule) + " is paused since " + v.clock(p.Since) + ", because it failed too often: " + p.Why + ".",
		"Correct the rule in Avni, and what waits goes on; or avni-messenger rule resume --rule " + number(p.RuleID)}
}

// sendingOff is true if no process of this slot that runs sends or, where none runs, if the
// one that asks would not.
func (v *view) sendingOff() bool {
	for _, instance := range v.instances {
		if v.ours(instance) && instance.Sends {
			return false
		}
	}
	return slices.ContainsFunc(v.instances, v.ours) || v.options.SendingOff
}

// ours is true of a process that does the work that is asked about: those of other slots
// serve other organisations.
func (v *view) ours(i Instance) bool { return i.Slot == v.options.Names.Slot }

// nobodyRuns says that no process does the work, "" if one does.
func (v *view) nobodyRuns() string {
	switch {
	case slices.ContainsFunc(v.instances, v.ours):
		return ""
	case len(v.instances) > 0:
		return "no avni-messenger with slot " + v.options.Names.Slot + " runs on this database"
	}
	return "no avni-messenger runs on this database"
}
