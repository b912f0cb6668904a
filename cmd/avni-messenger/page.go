package main

import (
	"context"
	"fmt"
	"strings"

	"avni-messenger/internal/page"
	"avni-messenger/metrics"
	"avni-messenger/rules"
)

// newPage returns what people see at /. Its buttons work with the connections of the whole,
// since they end what holds messages up.
func (a *app) newPage(version string, health func(context.Context) metrics.Health) *page.Handler {
	return page.New(page.Options{
		History: newHistory(a.cfg, a.pagePool, a.directory), Actions: buttons{a}, Health: health,
		Password: string(a.cfg.UIPassword), Location: a.cfg.Timezone.Location(), Version: version, Log: a.log,
	})
}

// logPageLink tells once how the page is opened without a password.
func (a *app) logPageLink() {
	link := a.page.Link("http://" + reachable(a.Addr().String()))
	if link == "" {
		return
	}
	a.log.Info("without MESSENGER_UI_PASSWORD the page is for browsers on this machine that come by this link", "component", "page", "link", link)
}

// buttons do what the commands of the same names do.
type buttons struct{ app *app }

var _ page.Actions = buttons{}

// ReleaseOrganisation implements page.Actions.
func (b buttons) ReleaseOrganisation(ctx context.Context, organisation string) (string, error) {
	var said strings.Builder
	err := releaseOrganisation(ctx, b.app.pool, b.app.cfg, organisation, &said)
	return strings.ReplaceAll(strings.TrimSpace(said.String()), "\n", " · "), forOperator(err, b.app.cfg)
}

// Storm implements page.Actions.
func (b buttons) Storm(ctx context.Context, ruleID int64, transaction string, release bool) (string, error) {
	which := heldFlags{rule: ruleID, transaction: transaction}
	if err := which.problem(nil); err != nil {
		return "", err
	}
	change, done := rules.CancelHeld, "cancelled"
	if release {
		change, done = rules.Release, "released"
	}
	n, err := change(ctx, b.app.pool, rules.HeldSelection{RuleID: ruleID, Transaction: transaction})
	return fmt.Sprintf("%s of rule %d: %s.", counted(int(n), "message", "messages"), ruleID, done), forOperator(err, b.app.cfg)
}

// ResumeRule implements page.Actions.
func (b buttons) ResumeRule(ctx context.Context, ruleID int64) (string, error) {
	asked, err := rules.Resume(ctx, b.app.pool, ruleID)
	switch {
	case err != nil:
		return "", forOperator(err, b.app.cfg)
	case len(asked) == 0:
		return fmt.Sprintf("Rule %d is not paused.", ruleID), nil
	}
	return fmt.Sprintf("Rule %d goes on within some seconds.", ruleID), nil
}
