package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Render names the request whose message is wanted.
type Render struct {
	OrganisationID int32
	RuleID         int64 // message_rule.id
	EntityID       int64 // id in the table of the rule's entity type
}

// Withdrawn means that a message must not be sent any more, and says why.
type Withdrawn struct{ What string }

func (w *Withdrawn) Error() string { return w.What }

// RendererOptions are what a Renderer needs. The first five are required.
type RendererOptions struct {
	Pool      *pgxpool.Pool
	Catalogue *Catalogue
	Engine    evaluator
	Directory Directory
	Loader    *Loader

	Failures *Failures        // tells of rules that fail; nil: one of this renderer's own
	Log      *slog.Logger     // nil: no log
	Metrics  *Metrics         // nil: counted nowhere
	Now      func() time.Time // nil: time.Now
}

// Renderer runs message rules at the moment of sending, on the data of that moment.
// Safe for concurrent use.
type Renderer struct {
	options RendererOptions
}

// NewRenderer returns a renderer.
func NewRenderer(options RendererOptions) *Renderer {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	if options.Metrics == nil {
		options.Metrics = unregistered()
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Failures == nil {
		options.Failures = NewFailures(FailuresOptions{Pool: options.Pool, Catalogue: options.Catalogue, Directory: options.Directory,
			Log: options.Log, Metrics: options.Metrics, Now: options.Now})
	}
	return &Renderer{options: options}
}

// Parameters returns the parameters of a message and Glific's template id. The rule and
// the entity are read afresh. The error is a *Failure if the rule gave no usable answer,
// a *Withdrawn if the rule, the entity, its enrolment or its subject is voided or gone,
// a *Paused if the rule failed too often and must not be run for now; any other error passes, so the caller should try again.
func (r *Renderer) Parameters(ctx context.Context, of Render) (parameters []string, templateID string, err error) {
	org, known := r.options.Directory.Organisation(of.OrganisationID)
	if !known {
		return nil, "", fmt.Errorf("render rule %d: organisation %d is not known", of.RuleID, of.OrganisationID)
	}
	rule, err := r.rule(ctx, of)
	if err != nil {
		return nil, "", err
	}
	if found, on, err := r.options.Failures.paused(ctx, rule.ID, messagePhase); err != nil {
		return nil, "", err
	} else if on {
		return nil, "", &Paused{rule.ID, found.since}
	}
	e, err := r.entity(ctx, org, rule, of.EntityID)
	if err != nil {
		return nil, "", err
	}
	start := r.options.Now()
	parameters, err = r.options.Engine.Parameters(ctx, org.ID, rule.MessageRule, e.input(rule.EntityType))
	var failure *Failure
	if err != nil && !errors.As(err, &failure) {
		return nil, "", fmt.Errorf("run message rule %d: %w", rule.ID, err)
	}
	r.options.Metrics.evaluated(messagePhase, r.options.Now().Sub(start), failure)
	r.options.Failures.ran(org, rule, messagePhase, failure)
	r.options.Failures.charge(ctx, org, rule, messagePhase, failure)
	if failure != nil {
		r.report(ctx, org, rule, e, failure)
		return nil, "", failure
	}
	return parameters, rule.TemplateID, nil
}

func (r *Renderer) rule(ctx context.Context, of Render) (Rule, error) {
	rule, found, err := r.options.Catalogue.current(ctx, of.RuleID)
	switch {
	case err != nil:
		return Rule{}, err
	case !found || rule.OrganisationID != of.OrganisationID:
		return Rule{}, &Withdrawn{fmt.Sprintf("message rule %d does not exist in the organisation", of.RuleID)}
	case rule.Voided:
		return Rule{}, &Withdrawn{fmt.Sprintf("message rule %d is voided", of.RuleID)}
	case tableOf[rule.EntityType] == "":
		return Rule{}, &Failure{Kind: FailedLoad, Message: fmt.Sprintf("message rule %d is about entity type %q, which rules cannot be about", rule.ID, rule.EntityType)}
	}
	return rule, nil
}

// entity loads what the message is about.
func (r *Renderer) entity(ctx context.Context, org Organisation, rule Rule, id int64) (*entity, error) {
	found, err := r.options.Loader.loadFor(ctx, org, rule.EntityType, []int64{id}, systemUser, rule.ID)
	if err != nil {
		return nil, err
	}
	e := found[id]
	if e == nil {
		return nil, &Withdrawn{fmt.Sprintf("%s %d does not exist in the organisation", rule.EntityType, id)}
	}
	if why := e.withdrawn(rule.EntityType); why != "" {
		return nil, &Withdrawn{why}
	}
	return e, nil
}

// report tells the rule's author.
func (r *Renderer) report(ctx context.Context, org Organisation, rule Rule, e *entity, failure *Failure) {
	entry, due := r.options.Failures.report(org, rule, messagePhase, e, failure)
	if !due {
		return
	}
	if _, err := r.options.Pool.Exec(ctx, insertFailureSQL, entry.arguments()...); err != nil {
		r.options.Failures.written.disclaim([]failureEntry{entry})
		r.options.Log.Warn("rule failure not written to rule_failure_log", "component", "rules", "organisation", org.label(), "rule", rule.ID, "err", err)
	}
}
