package main

import (
	"context"
	"fmt"
	"net"
	"strings"

	"avni-messenger/metrics"
)

// Limits of Glific's and of WhatsApp's provider behind it, which a sender has to keep below
// (Glific: MAX_RATE_LIMIT_REQUEST of each user and minute; Gupshup: messages a second).
const (
	glificRequestsPerMinute  = 180
	gupshupMessagesPerSecond = 10
)

func (c *checker) lookAtMachine(ctx context.Context, s *section) {
	s.each(ctx, []namedCheck{{"pace", c.checkPace}, {"sending", c.checkSwitches}, {"listener", c.checkListener}})
}

func (c *checker) checkPace(context.Context) ([]finding, error) {
	var found []finding
	if c.cfg.RequestsPerMinute >= glificRequestsPerMinute {
		found = append(found, warning("MESSENGER_REQUESTS_PER_MINUTE", fmt.Sprintf("%d: Glific refuses more than %d of one user", c.cfg.RequestsPerMinute, glificRequestsPerMinute),
			"120, which leaves room for others who use the same API user", "Set MESSENGER_REQUESTS_PER_MINUTE=120, unless this is a Glific of your own with another limit."))
	}
	if c.cfg.MessagesPerSecond >= gupshupMessagesPerSecond {
		found = append(found, warning("MESSENGER_MESSAGES_PER_SECOND", fmt.Sprintf("%g: WhatsApp's provider behind Glific refuses %d and more, and such messages are lost", c.cfg.MessagesPerSecond, gupshupMessagesPerSecond),
			"2, and never 10 or more", "Set MESSENGER_MESSAGES_PER_SECOND=2."))
	}
	if len(found) == 0 {
		found = append(found, fine("pace", "%g messages a second and %d requests a minute for each organisation", c.cfg.MessagesPerSecond, c.cfg.RequestsPerMinute))
	}
	return found, nil
}

// checkSwitches tells of settings that keep messages back.
func (c *checker) checkSwitches(context.Context) ([]finding, error) {
	var found []finding
	if notes := c.cfg.keptBack(); len(notes) > 0 {
		found = append(found, warning("sending", strings.Join(notes, "; "), "on, when messages shall go out", "Nothing, if that is meant; else change it and restart."))
	}
	if !c.cfg.Rules {
		found = append(found, warning("rules", "MESSENGER_RULES is off: changes wait in the inbox", "on", "Nothing, if another process runs the rules; else set MESSENGER_RULES=on and restart."))
	}
	if len(found) == 0 {
		found = append(found, fine("sending", "on, quiet hours: %s", c.cfg.QuietHours))
	}
	return found, nil
}

// checkListener sees whether the address is free, or who answers there.
func (c *checker) checkListener(ctx context.Context) ([]finding, error) {
	what := "MESSENGER_LISTEN " + c.cfg.Listen
	const mend = "Set MESSENGER_LISTEN to a free address of this machine, or stop what uses this one."
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", c.cfg.Listen)
	if err == nil {
		_ = listener.Close()
		return []finding{fine(what, "free")}, nil
	}
	health, works, asked := readHealth(ctx, c.cfg.Listen)
	switch {
	case asked != nil:
		return []finding{failing(what, fmt.Sprintf("%v, and no avni-messenger answers there", err), "a free address, or an avni-messenger that answers", mend)}, nil
	case !works:
		return []finding{failing(what, "an avni-messenger answers ("+health.Version+"), and does not work: "+worst(health), "it works", "Run `avni-messenger health`.")}, nil
	}
	return []finding{fine(what, "an avni-messenger answers: %s (%s)", health.Status, health.Version)}, nil
}

// worst is what /health says first of what does not work.
func worst(health metrics.Health) string {
	for _, e := range health.Checks {
		if e.Status == metrics.Failing {
			return e.Name + ": " + e.Detail
		}
	}
	return string(health.Status)
}
