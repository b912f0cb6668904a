package rules

import (
	"cmp"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Trouble is a rule that failed and has not answered since, or is paused.
type Trouble struct {
	Organisation string // as logs call it
	RuleID       int64
	RuleName     string
	Script       string // which of its two scripts: schedule or message
	Kind         FailureKind
	Text         string // the last failure's, without anything personal
	Fix          string
	Since        time.Time // the first failure, or when it was paused
	Times        int       // failures since then, or before it was paused
	Paused       bool      // it is not run, because it failed too often
	Waiting      int       // changes, or messages, that wait for a paused script
}

// FailuresOptions are what Failures need. The first three are required.
type FailuresOptions struct {
	Pool      *pgxpool.Pool
	Catalogue *Catalogue
	Directory Directory

	Budget  Budget           // how often a script may fail before it is paused
	Log     *slog.Logger     // nil: no log
	Metrics *Metrics         // nil: counted nowhere
	Now     func() time.Time // nil: time.Now
}

// Failures tells of rules that fail: the log and Avni's rule_failure_log once an hour
// for each error, and whoever asks which rules have not answered since. It knows which scripts
// are paused, and pauses those that fail too often. The worker and the renderer of a
// process share one. Safe for concurrent use.
type Failures struct {
	options FailuresOptions
	logged  *reported // by what the log says
	written *reported // by what rule_failure_log says

	mu      sync.Mutex
	failing map[scriptKey]failing
	tallies map[scriptKey]*tally // of scripts that failed lately
	pauses  map[scriptKey]pause  // nil until they were read
}

// scriptKey is one of a rule's two scripts.
type scriptKey struct {
	ruleID int64
	phase  phase
}

// failing is a script that failed the last time that it ran.
type failing struct {
	rule    Rule // as it was then: another text is another chance
	failure *Failure
	since   time.Time
	last    time.Time
	times   int
}

// NewFailures returns one that knows of no failure yet.
func NewFailures(options FailuresOptions) *Failures {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Metrics == nil {
		options.Metrics = unregistered()
	}
	options.Budget.setDefaults()
	return &Failures{options: options, logged: newReported(options.Now), written: newReported(options.Now),
		failing: map[scriptKey]failing{}, tallies: map[scriptKey]*tally{}}
}

// ran notes how a script ended: with a failure or, if that is nil, with an answer.
func (f *Failures) ran(org Organisation, rule Rule, p phase, failure *Failure) {
	key := scriptKey{rule.ID, p}
	f.mu.Lock()
	defer f.mu.Unlock()
	found, failed := f.failing[key]
	switch now := f.options.Now(); {
	case failure == nil && failed:
		delete(f.failing, key)
		f.options.Log.Info("rule answers again", "component", "rules", "organisation", org.label(), "rule", rule.ID, "name", rule.Name, "phase", p)
	case failure != nil:
		if !failed || found.rule != rule {
			found = failing{rule: rule, since: now}
		}
		found.failure, found.last = failure, now
		found.times++
		f.failing[key] = found
	}
}

// Current returns the scripts that are paused, and those that failed lately and have not
// answered since, of rules that are still as they were then, by organisation and rule.
func (f *Failures) Current() []Trouble {
	f.mu.Lock()
	defer f.mu.Unlock()
	var troubles []Trouble
	for key, found := range f.pauses {
		if org, rule, concerns := f.concern(found.organisationID, key); concerns {
			troubles = append(troubles, Trouble{
				Organisation: org.label(), RuleID: key.ruleID, RuleName: rule.Name, Script: string(key.phase), Kind: found.kind, Text: found.text,
				Fix: pausedFix(rule, key.phase, found.kind), Since: found.since, Times: found.failures, Paused: true, Waiting: found.waiting,
			})
		}
	}
	for key, found := range f.failing {
		org, rule, concerns := f.concern(found.rule.OrganisationID, key)
		if !concerns || rule != found.rule || has(f.pauses, key) || f.options.Now().Sub(found.last) > failedLately {
			continue
		}
		troubles = append(troubles, Trouble{
			Organisation: org.label(), RuleID: key.ruleID, RuleName: found.rule.Name, Script: string(key.phase),
			Kind: found.failure.Kind, Text: found.failure.plain(found.rule.script(key.phase)), Fix: fix(found.rule, key.phase, found.failure.Kind),
			Since: found.since, Times: found.times,
		})
	}
	slices.SortFunc(troubles, func(x, y Trouble) int {
		return cmp.Or(cmp.Compare(x.Organisation, y.Organisation), cmp.Compare(x.RuleID, y.RuleID), cmp.Compare(x.Script, y.Script))
	})
	return troubles
}

// concern returns the organisation and the rule of a script. False: what the script does
// concerns nobody, because the rule is voided or its organisation not served.
func (f *Failures) concern(organisationID int32, key scriptKey) (Organisation, Rule, bool) {
	org, known := f.options.Directory.Organisation(organisationID)
	if !known || key.phase == schedulePhase && org.Treatment == Ignore {
		return org, Rule{}, false
	}
	rule, active := f.options.Catalogue.active(org.ID, key.ruleID)
	return org, rule, active
}

// report tells the log and, with the entry that it returns, the rule's author, unless
// they were told lately. Where nothing of Avni's may be written, only the log tells.
func (f *Failures) report(org Organisation, rule Rule, p phase, e *entity, failure *Failure) (entry failureEntry, due bool) {
	text := failure.plain(rule.script(p))
	if f.logged.claim(failureKey{rule.ID, p, text}, "") {
		f.options.Log.Warn("rule failed", "component", "rules", "organisation", org.label(), "rule", rule.ID, "name", rule.Name,
			"phase", p, "reason", failure.Kind, "entity_type", rule.EntityType, "entity", e.id, "err", text, "fix", fix(rule, p, failure.Kind))
	}
	key := failureKey{rule.ID, p, storable(failure.Message, maxErrorMessage)}
	row := uuid.NewString()
	if org.Treatment == Compare || !f.written.claim(key, row) {
		return failureEntry{}, false
	}
	return failureEntry{uuid: row, key: key, entityType: rule.EntityType, entityUUID: e.uuid, organisationID: org.ID,
		actingUserID: e.actingUserID, failure: failure}, true
}
