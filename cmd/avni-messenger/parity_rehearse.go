package main

import (
	"context"
	"fmt"

	"avni-messenger/dispatch"
	"avni-messenger/rules"
)

// rehearser lets the rules ask the dispatcher what it would send.
type rehearser struct {
	dispatcher *dispatch.Dispatcher
	directory  *directory
}

var _ rules.Rehearser = rehearser{}

// Rehearse implements rules.Rehearser.
func (r rehearser) Rehearse(ctx context.Context, s rules.Sending) (rules.Rehearsed, error) {
	standing := r.directory.now.Load().byID[s.OrganisationID]
	if standing == nil {
		return rules.Rehearsed{}, fmt.Errorf("organisation %d is not served", s.OrganisationID)
	}
	request := dispatch.Request{ID: s.RequestID, OrganisationID: s.OrganisationID, RuleID: s.RuleID, EntityID: s.EntityID}
	found, err := r.dispatcher.Rehearse(ctx, standing.dispatch, request, s.ReceiverType, s.ReceiverID)
	if err != nil {
		return rules.Rehearsed{}, err
	}
	rehearsed := rules.Rehearsed{TemplateID: found.TemplateID, Parameters: found.Parameters}
	if found.Refusal != nil {
		rehearsed.Reason, rehearsed.Detail = string(found.Refusal.Reason), found.Refusal.Detail
	}
	return rehearsed, nil
}
