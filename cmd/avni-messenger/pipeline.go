package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"avni-messenger/cdc"
	"avni-messenger/dispatch"
	"avni-messenger/rules"
)

// renderer lets the dispatcher ask the rules for a message.
type renderer struct{ rules *rules.Renderer }

var _ dispatch.Renderer = renderer{}

// Render implements dispatch.Renderer. A rule's failure and a withdrawn entity are
// final until the request changes; a paused rule is waited for; everything else passes.
func (r renderer) Render(ctx context.Context, request dispatch.Request) (dispatch.Rendered, error) {
	parameters, templateID, err := r.rules.Parameters(ctx, rules.Render{
		OrganisationID: request.OrganisationID, RuleID: request.RuleID, EntityID: request.EntityID,
	})
	if err != nil {
		return dispatch.Rendered{}, refusal(err)
	}
	return dispatch.Rendered{Parameters: parameters, TemplateID: templateID}, nil
}

// refusal translates what the rules refuse into the dispatcher's words.
func refusal(err error) error {
	var failure *rules.Failure
	var withdrawn *rules.Withdrawn
	var paused *rules.Paused
	switch {
	case errors.As(err, &failure):
		return &dispatch.Refusal{Reason: dispatch.RuleFailed, Detail: failure.Error()}
	case errors.As(err, &withdrawn):
		return &dispatch.Refusal{Reason: dispatch.Withdrawn, Detail: withdrawn.What}
	case errors.As(err, &paused):
		return &dispatch.Refusal{Reason: dispatch.RulePaused, Detail: paused.Error()}
	}
	return err
}

// referencesChanged brings what is cached up to date after the stream has shown that
// it changed. The stream waits meanwhile, because it filters what comes next with the
// catalogue: a rule that is not known would lose changes for good. So it tries for as
// long as it may; after that the next stream begins with streamStarted.
func (a *app) referencesChanged(ctx context.Context, changes []cdc.Change) error {
	return persist(ctx, a.log, "bring the rules up to date", func() error { return a.follow(ctx, changes) })
}

// fresh brings what is cached up to the version that what is in the inbox needs, if the
// stream or a notice has not done so yet.
func (a *app) fresh(ctx context.Context, version int64) error { return a.reader.Refresh(ctx, version) }

// streamStarted reads everything anew: another process, or nobody, has followed the
// changes up to here.
func (a *app) streamStarted(ctx context.Context) error {
	a.watcher.LookBack() // changes of the queue may have been missed as well
	return a.readAnew(ctx)
}

func (a *app) readAnew(ctx context.Context) error {
	if _, err := a.directory.Load(ctx); err != nil {
		return err
	}
	return a.refresh(ctx)
}

func (a *app) follow(ctx context.Context, changes []cdc.Change) error {
	var settings bool
	var changed []int64 // rules, as far as the stream tells: another process's notice does not
	ruled := make(map[int32]bool)
	for _, change := range changes {
		switch change.Table {
		case cdc.OrganisationConfig, cdc.ExternalSystemConfig:
			settings = true
		case cdc.MessageRule:
			ruled[change.OrganisationID] = true
			if change.ID != 0 {
				changed = append(changed, change.ID)
			}
		case cdc.Concept, cdc.ConceptAnswer:
			a.loader.Forget(change.OrganisationID)
		case cdc.MessageRequestQueue:
			if change.ID == 0 { // another process has read it, and looks at it
				a.dispatcher.Wake(change.OrganisationID)
			} else {
				a.watcher.Look(change.OrganisationID, change.ID)
			}
			a.worker.RequestChanged(change.OrganisationID, change.ID)
		}
	}
	if err := a.reload(ctx, settings, ruled); err != nil {
		return err
	}
	if len(ruled) > 0 {
		a.worker.RulesChanged(changed...)
	}
	return nil
}

// reload reads the rules of some organisations again, or everything.
func (a *app) reload(ctx context.Context, everything bool, organisations map[int32]bool) error {
	if everything {
		return a.readAnew(ctx)
	}
	for organisation := range organisations {
		if err := a.catalogue.Reload(ctx, organisation); err != nil {
			return err
		}
	}
	return nil
}

// refresh passes on that organisations may be treated differently now.
func (a *app) refresh(ctx context.Context) error {
	if err := a.catalogue.Load(ctx); err != nil {
		return err
	}
	for _, organisation := range a.directory.Served() {
		a.loader.Forget(organisation.ID)
	}
	a.dispatcher.Reload()
	a.worker.Wake()
	a.worker.RulesChanged() // an organisation that is new starts now
	a.instances.Wake()
	a.watcher.nudge()
	return nil
}

// pollOrganisations looks at the organisations once in a while: the stream does not
// carry the tables organisation, account and users, and may not run at all.
func (a *app) pollOrganisations(ctx context.Context) error {
	ticker := time.NewTicker(a.cfg.PollInterval)
	defer ticker.Stop()
	trouble := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		err := a.reloadOrganisations(ctx)
		text := ""
		if err != nil && ctx.Err() == nil {
			text = explain(err, a.cfg).Error()
		}
		if text != "" && text != trouble {
			a.log.Warn("organisations are not up to date", "component", "organisations", "err", text)
		}
		trouble = text
	}
}

// reloadOrganisations reads the organisations again, and passes on what has changed.
func (a *app) reloadOrganisations(ctx context.Context) error {
	changed, err := a.directory.Load(ctx)
	if err == nil && changed {
		err = a.refresh(ctx)
	}
	return err
}

// persist tries until it succeeds or ctx ends, and logs when the error changes. It
// returns the last error that was not merely the end of ctx.
func persist(ctx context.Context, log *slog.Logger, what string, try func() error) error {
	pause := 200 * time.Millisecond
	var trouble error
	for {
		err := try()
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return cmp.Or(trouble, err)
		case trouble == nil || err.Error() != trouble.Error():
			log.Error(what+": trying again", "component", "cdc", "err", err)
		}
		trouble = err
		select {
		case <-ctx.Done():
			return trouble
		case <-time.After(pause):
		}
		pause = min(2*pause, 2*time.Second)
	}
}
