//go:build monitoring

package main

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// shortened is how the alerts are made quicker, and their amounts those of a test: what is
// replaced, wherever it stands. Nothing else of them is changed.
var shortened = [][2]string{
	{"for: 5m", "for: 0s"}, {"for: 10m", "for: 0s"}, {"for: 15m", "for: 0s"}, {"for: 2h", "for: 0s"},
	{"[15m]", "[20s]"}, {"[30m]", "[20s]"}, {"[2h]", "[20s]"}, // increase() and what it is divided by
	{"> 900", "> 8"}, {"< 900", "< 8"}, {"> 14400", "> 8"}, {"> 1800", "> 8"}, // seconds that a message, the settings, a change wait
	{"> 20)", "> 4)"},        // deliveries, receipts and evaluations that make a share count
	{"> 3\n", "> 0\n"},       // errors of handlers, starts
	{"> 0.5 *", "> 0.005 *"}, // share of the WAL that may be kept for us, and is
	{"< 0.25", "< 0.6"},      // share of the WAL that may still be written
}

func shortenedRules(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../deploy/prometheus/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	rules := string(text)
	for _, s := range shortened {
		if !strings.Contains(rules, s[0]) {
			t.Fatalf("no alert has %q any more, which this test makes %q", s[0], s[1])
		}
		rules = strings.ReplaceAll(rules, s[0], s[1])
	}
	return rules
}

// alertRule is what Prometheus says of an alert.
type alertRule struct {
	Name, State, Health, LastError string
	Alerts                         []struct {
		State               string
		Labels, Annotations map[string]string
	}
}

func (p *prometheusServer) rules() map[string]alertRule {
	p.t.Helper()
	var data struct{ Groups []struct{ Rules []alertRule } }
	if err := p.ask("rules", url.Values{"type": {"alert"}}, &data); err != nil {
		p.t.Fatal(err)
	}
	all := map[string]alertRule{}
	for _, group := range data.Groups {
		for _, rule := range group.Rules {
			if all[rule.Name] = rule; rule.Health == "err" {
				p.t.Errorf("%s: %s", rule.Name, rule.LastError)
			}
			for _, alert := range rule.Alerts {
				for name, text := range alert.Annotations {
					if text == "" || strings.Contains(text, "<error") || strings.Contains(text, "<no value>") {
						p.t.Errorf("%s: %s is %q", rule.Name, name, text)
					}
				}
			}
		}
	}
	return all
}

// alertPatience is how long an alert may take to fire or to clear: what it waits for may
// wait itself, for a time-out or a pause of the program.
const alertPatience = 2 * time.Minute

// firing returns the alerts that fire, as "name label=value …", without the labels that
// all have.
func (p *prometheusServer) firing() []string {
	p.t.Helper()
	var found []string
	for _, rule := range p.rules() {
		for _, alert := range rule.Alerts {
			if alert.State != "firing" {
				continue
			}
			text := rule.Name
			for _, label := range slices.Sorted(maps.Keys(alert.Labels)) {
				if label != "alertname" && label != "severity" && label != "job" && label != "instance" {
					text += fmt.Sprintf(" %s=%s", label, alert.Labels[label])
				}
			}
			found = append(found, text)
		}
	}
	slices.Sort(found)
	return found
}
