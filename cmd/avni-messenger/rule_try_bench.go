package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/rules"
)

// ruleBench is where rules are tried: nothing that it does can write.
type ruleBench struct {
	cfg    Config
	pool   *pgxpool.Pool
	tester *rules.Tester
}

// openBench connects. Its error is for an operator.
func openBench(ctx context.Context, cfg Config) (*ruleBench, error) {
	options, err := cfg.engineOptions()
	if err != nil {
		return nil, err
	}
	pool, err := newReadingPool(cfg, asItIs)
	if err != nil {
		return nil, err
	}
	b := &ruleBench{cfg: cfg, pool: pool}
	if _, err = preflight(ctx, pool); err != nil {
		err = explain(err, cfg)
	} else if b.tester, err = rules.NewTester(ctx, pool, options); err != nil {
		err = engineError(err)
	}
	if err != nil {
		pool.Close()
		return nil, err
	}
	return b, nil
}

// find reads the rule and the entity that are meant. Without --rule it makes up a rule
// about the entity, to its subject or, if it is a user, to that user.
func (b *ruleBench) find(ctx context.Context, of trialOf, name rules.EntityName) (rules.Rule, rules.Entity, error) {
	var rule rules.Rule
	var entity rules.Entity
	var err error
	if of.rule != "" {
		if rule, err = b.tester.Rule(ctx, of.rule); err != nil || of.all {
			return rule, entity, err
		}
	}
	if entity, err = b.tester.Entity(ctx, name, rule.EntityType); err != nil || of.rule != "" {
		return rule, entity, err
	}
	rule = rules.Rule{OrganisationID: entity.OrganisationID, EntityType: entity.Type, TypeID: entity.TypeID, ReceiverType: "Subject"}
	if entity.Type == rules.User {
		rule.ReceiverType = "User"
	}
	return rule, entity, nil
}

// trialStanding is an organisation, whether avni-messenger serves it or not.
type trialStanding struct {
	*standing
	served  bool
	account bool   // Glific can be asked
	trouble string // with its Glific configuration
}

func (b *ruleBench) standing(ctx context.Context, id int32) (trialStanding, error) {
	all, err := readAvni(ctx, b.pool)
	if err != nil {
		return trialStanding{}, explain(err, b.cfg)
	}
	i := slices.IndexFunc(all.organisations, func(row organisationRow) bool { return row.ID == id })
	if i < 0 {
		return trialStanding{}, fmt.Errorf("the rule or the entity belongs to organisation %d, which does not exist", id)
	}
	parents := make(map[int32]*int32, len(all.organisations))
	for _, row := range all.organisations {
		parents[row.ID] = row.Parent
	}
	s := trialStanding{standing: newStanding(all.organisations[i], ModeShadow, lineage(id, parents))}
	config, configured, fault := chooseGlific(id, all.glific)
	s.rules.AvniSystemUserID, _ = findUser(config.systemUser, s.rules.VisibleIDs, all.users)
	s.dispatch.Glific = config.account
	s.account = configured && fault == nil
	switch {
	case fault != nil:
		s.trouble = fault.text
	case !configured:
		s.trouble = "the organisation has no Glific configuration of its own"
	}
	served := newDirectory(b.pool, b.cfg, slog.New(slog.DiscardHandler)).guard.assemble(all).byID[id]
	if s.served = served != nil; s.served {
		s.Mode, s.Held = served.Mode, served.Held
	}
	return s, nil
}

// inLife says what this configuration does for the organisation, if that is not all that
// the trial shows.
func (s trialStanding) inLife() string {
	switch {
	case !s.served:
		return "as it is configured here, avni-messenger does not serve the organisation"
	case s.Held != "":
		return "the organisation is held back: " + s.Held
	case s.Mode == ModeShadow:
		return "as it is configured here (mode shadow), avni-messenger would write down what it would do, and no more"
	case s.Mode == ModeDispatch:
		return "as it is configured here (mode dispatch), avni-server runs the schedule rule"
	}
	return ""
}
