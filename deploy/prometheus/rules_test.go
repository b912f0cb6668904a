// Package prometheus holds the alerts; promtool plays the story of each (rules_test.yaml).
// This test looks at what promtool does not: that each has a story, and somebody who is
// woken up finds what to do.
package prometheus

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const runbook = "https://github.com/avniproject/avni-messenger/blob/main/deploy/README.md#"

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// submatches returns the first group of every match.
func submatches(pattern, text string) []string {
	var found []string
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

func TestEachAlertHasAStoryAndARunbook(t *testing.T) {
	rules := read(t, "rules.yaml")
	alerts := submatches(`- alert: (\w+)`, rules)
	if len(alerts) < 10 {
		t.Fatalf("there are %d alerts", len(alerts))
	}
	headings := submatches(`(?m)^### (Messenger\w+)$`, read(t, "../README.md"))
	if !slices.Equal(alerts, headings) {
		t.Errorf("deploy/README.md explains %v, the alerts are %v", headings, alerts)
	}
	stories := read(t, "rules_test.yaml")
	for _, part := range strings.Split(rules, "- alert: ")[1:] {
		name := strings.Fields(part)[0]
		if !strings.HasPrefix(name, "Messenger") {
			t.Errorf("%s does not begin with Messenger", name)
		}
		if !strings.Contains(part, "runbook_url: "+runbook+strings.ToLower(name)+"\n") {
			t.Errorf("%s has no runbook_url that leads to its heading", name)
		}
		if !regexp.MustCompile(`severity: (critical|warning)`).MatchString(part) || !regexp.MustCompile(`for: (([5-9]|\d\d)m|\d+h)`).MatchString(part) {
			t.Errorf("%s has no severity, or wakes somebody up within 5 minutes", name)
		}
		if summary := submatches(`summary: (.*)`, part); len(summary) != 1 || strings.Contains(summary[0], "{{") || !strings.HasSuffix(summary[0], ".") {
			t.Errorf("the summary of %s is %q, want one sentence that is always the same", name, summary)
		}
		story := regexp.MustCompile(`alertname: ` + name + `\n\s+exp_alerts:\n`)
		if !story.MatchString(stories) || !strings.Contains(stories, "alertname: "+name+", exp_alerts: []") {
			t.Errorf("rules_test.yaml does not play both how %s fires and how it does not", name)
		}
	}
}
