package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/cdc"
)

// Catalogue holds the message rules of all organisations in memory. It is as current
// as the last Load or Reload: the stream calls Reload when message_rule changes,
// before it filters the next transaction with Keep. Safe for concurrent use; reading
// takes no lock.
type Catalogue struct {
	pool    *pgxpool.Pool
	dir     Directory
	log     *slog.Logger
	metrics *Metrics

	reading sync.Mutex // one reader of the table at a time: an older answer never replaces a newer one
	now     atomic.Pointer[shelf]
}

// shelf is one immutable state of the catalogue.
type shelf map[int32]*ruleSet

// ruleSet is the rules of one organisation.
type ruleSet struct {
	count  int                  // voided ones too
	active map[ruleTopic][]Rule // those that can match, in order of id
	byID   map[int64]Rule       // the same
}

// ruleTopic is what a rule is about. The type of a User rule is always 0.
type ruleTopic struct {
	entityType EntityType
	typeID     int32
}

func topicOf(t EntityType, typeID int32) ruleTopic {
	if t == User {
		typeID = 0
	}
	return ruleTopic{t, typeID}
}

// NewCatalogue returns an empty catalogue: call Load before anything else.
func NewCatalogue(pool *pgxpool.Pool, dir Directory, log *slog.Logger, metrics *Metrics) *Catalogue {
	c := &Catalogue{pool: pool, dir: dir, log: log, metrics: metrics}
	c.now.Store(&shelf{})
	return c
}

const ruleColumns = `id, uuid, name, organisation_id, entity_type, entity_type_id, receiver_type,
	message_template_id, coalesce(schedule_rule, ''), coalesce(message_rule, ''), is_voided, xmin`

// Load reads the rules of every organisation.
func (c *Catalogue) Load(ctx context.Context) error {
	c.reading.Lock()
	defer c.reading.Unlock()
	found, err := c.query(ctx, `select `+ruleColumns+` from message_rule order by id`)
	if err != nil {
		return fmt.Errorf("load message rules: %w", err)
	}
	byOrganisation := map[int32][]Rule{}
	for _, r := range found {
		byOrganisation[r.OrganisationID] = append(byOrganisation[r.OrganisationID], r)
	}
	next := shelf{}
	for id, all := range byOrganisation {
		next[id] = newRuleSet(all)
	}
	c.replace(next)
	return nil
}

// Reload reads the rules of one organisation again.
func (c *Catalogue) Reload(ctx context.Context, organisationID int32) error {
	c.reading.Lock()
	defer c.reading.Unlock()
	found, err := c.query(ctx, `select `+ruleColumns+` from message_rule where organisation_id = $1 order by id`, organisationID)
	if err != nil {
		return fmt.Errorf("reload message rules of organisation %s: %w", labelOf(c.dir, organisationID), err)
	}
	next := shelf{}
	for id, set := range *c.now.Load() {
		next[id] = set
	}
	next[organisationID] = newRuleSet(found)
	c.replace(next)
	c.log.Debug("message rules reloaded", "component", "rules", "organisation", labelOf(c.dir, organisationID), "rules", len(found))
	return nil
}

func (c *Catalogue) query(ctx context.Context, sql string, args ...any) ([]Rule, error) {
	rows, err := c.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanRule)
}

func scanRule(row pgx.CollectableRow) (Rule, error) {
	var r Rule
	err := row.Scan(&r.ID, &r.UUID, &r.Name, &r.OrganisationID, &r.EntityType, &r.TypeID, &r.ReceiverType,
		&r.TemplateID, &r.ScheduleRule, &r.MessageRule, &r.Voided, &r.version)
	return r, err
}

func newRuleSet(all []Rule) *ruleSet {
	set := &ruleSet{count: len(all), active: map[ruleTopic][]Rule{}, byID: map[int64]Rule{}}
	for _, r := range all {
		if !r.Voided && (r.EntityType != User || r.ReceiverType == "User") {
			topic := topicOf(r.EntityType, r.TypeID)
			set.active[topic] = append(set.active[topic], r)
			set.byID[r.ID] = r
		}
	}
	return set
}

func (c *Catalogue) replace(next shelf) {
	c.now.Store(&next)
	active := 0
	for _, set := range next {
		active += len(set.byID)
	}
	c.metrics.rules.Set(float64(active))
	c.metrics.refreshed.SetToCurrentTime()
}

// Keep reports whether a change must enter the inbox: a rule of its organisation that
// is not voided could match it, or it voids something that may have requests pending.
// It knows a void only by the row's state, so every later save of a voided row counts.
func (c *Catalogue) Keep(change cdc.Change) bool {
	t := entityTypeOf(change.Table)
	if t == "" {
		return false
	}
	set := (*c.now.Load())[change.OrganisationID]
	if set == nil || set.count == 0 || !set.concerns(t, change) {
		return false
	}
	org, known := c.dir.Organisation(change.OrganisationID)
	return known && org.Treatment != Ignore
}

func (s *ruleSet) concerns(t EntityType, change cdc.Change) bool {
	if change.Voided {
		return true // what hangs under it may have requests, whatever the rules of its own type
	}
	if t == User && change.Op != cdc.Insert {
		return false // users are updated all the time; only their creation is a trigger
	}
	return len(s.active[topicOf(t, change.TypeID)]) > 0
}

// Rules returns the rules of an organisation that are about entities of a type, voided
// ones left out, in order of id. For User the type is ignored. The caller must not
// change the slice.
func (c *Catalogue) Rules(organisationID int32, t EntityType, typeID int32) []Rule {
	set := (*c.now.Load())[organisationID]
	if set == nil {
		return nil
	}
	return set.active[topicOf(t, typeID)]
}

// active returns a rule of an organisation that can match, as the catalogue knows it.
func (c *Catalogue) active(organisationID int32, id int64) (Rule, bool) {
	set := (*c.now.Load())[organisationID]
	if set == nil {
		return Rule{}, false
	}
	rule, found := set.byID[id]
	return rule, found
}

// organisations returns those that have rules and are treated in one of these ways.
func (c *Catalogue) organisations(treatments ...Treatment) []int32 {
	found := []int32{}
	for id := range *c.now.Load() {
		if org, known := c.dir.Organisation(id); known && slices.Contains(treatments, org.Treatment) {
			found = append(found, id)
		}
	}
	return found
}

// current reads a rule afresh, for the moment of sending: it holds even while the
// stream is behind. It returns false if there is no such rule.
func (c *Catalogue) current(ctx context.Context, id int64) (Rule, bool, error) {
	rows, err := c.pool.Query(ctx, `select `+ruleColumns+` from message_rule where id = $1`, id)
	if err != nil {
		return Rule{}, false, fmt.Errorf("read message rule %d: %w", id, err)
	}
	r, err := pgx.CollectExactlyOneRow(rows, scanRule)
	if errors.Is(err, pgx.ErrNoRows) {
		return Rule{}, false, nil
	}
	if err != nil {
		return Rule{}, false, fmt.Errorf("read message rule %d: %w", id, err)
	}
	return r, true, nil
}
