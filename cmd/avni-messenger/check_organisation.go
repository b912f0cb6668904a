package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/nyaruka/phonenumbers"

	"avni-messenger/dispatch/glific"
	"avni-messenger/rules"
)

// organisationCheck looks at one organisation. Its checks follow one another.
type organisationCheck struct {
	*checker
	standing *standing

	tester *rules.Tester
	stuck  string       // the rule at which it was seen that entities cannot be read
	answer []ruleAnswer // of the rules that were run, for the comparison with their templates
	client *glific.Client
}

func (o *organisationCheck) look(ctx context.Context, s *section) {
	s.check(ctx, "settings in Avni", usualLimit, o.checkStanding)
	s.check(ctx, "region", usualLimit, o.checkRegion)
	o.lookAtRules(ctx, s)
	o.lookAtGlific(ctx, s)
}

// checkStanding says what keeps the organisation from its mode, but for avni-server's own
// switch, which has a section of its own.
func (o *organisationCheck) checkStanding(context.Context) ([]finding, error) {
	const what = "settings in Avni"
	s := o.standing
	conflict, _ := o.cfg.guard().messagingConflict(s)
	switch {
	case s.Mode == ModeNone:
		text := "it is not served: neither MESSENGER_ORGANISATIONS nor MESSENGER_MODE says so, or it has no Glific configuration"
		if s.Trouble != "" {
			text += "; " + s.Trouble
		}
		return []finding{warning(what, text, "an organisation that is served", orDefault(s.Fix, "Name it in MESSENGER_ORGANISATIONS, such as "+s.label()+"=shadow, and restart."))}, nil
	case s.Held != "" && s.Held == conflict:
		return []finding{fine(what, "Glific configuration and avniSystemUser are there; held back, see Double sender")}, nil
	case s.Held != "":
		return []finding{failing(what, "held back: "+s.Held, s.wanted, s.Fix)}, nil
	case s.Trouble != "":
		return []finding{warning(what, s.Trouble, s.wanted, s.Fix)}, nil
	}
	return []finding{fine(what, "Glific configuration and avniSystemUser are there")}, nil
}

// regions are those whose numbers can be told.
var regions = sync.OnceValue(phonenumbers.GetSupportedRegions)

// checkRegion looks at the country of phone numbers that are written without one.
func (o *organisationCheck) checkRegion(context.Context) ([]finding, error) {
	region := o.standing.dispatch.Region
	if !regions()[region] {
		return []finding{failing("region", fmt.Sprintf("%q, the region of Avni's account, is no country: no phone number without country code is valid", region), "two capital letters, such as IN",
			"Correct column region of the organisation's row in Avni's table account.")}, nil
	}
	return []finding{fine("region", "%s: phone numbers without country code are of it", region)}, nil
}
