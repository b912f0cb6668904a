package main

import (
	"net/http"
	"testing"

	"avni-messenger/internal/avnitest"
	"avni-messenger/rules"
)

// A process that does not stream evaluates and delivers all the same, so it must know
// of rules and settings what the one that streams knows.
func TestStandbyFollowsRulesAndSettings(t *testing.T) {
	db := avnitest.New(t)
	leader := startApp(t, db.URL(), "MESSENGER_ORGANISATIONS=asha_gramin=shadow")
	leader.awaitHealth(http.StatusOK, "streaming slot")
	standby := startApp(t, db.URL(), "MESSENGER_ORGANISATIONS=asha_gramin=shadow")
	standby.awaitHealth(http.StatusOK, "{Name:replication Status:ok Detail:standby")

	rule, err := db.Avni().SaveRule(t.Context(), avnitest.RuleFields{Name: "New", EntityType: "Subject", EntityTypeID: 302, TemplateID: "7001"})
	if err != nil {
		t.Fatal(err)
	}
	within(t, func() string {
		for name, a := range map[string]*runningApp{"leader": leader, "standby": standby} {
			if found := a.catalogue.Rules(avnitest.AshaGramin, rules.Subject, 302); len(found) != 1 || found[0].ID != rule {
				return "rule is not known to the " + name
			}
		}
		return ""
	})
	if err := db.Avni().SetGlific(t.Context(), avnitest.AshaGramin, "http://127.0.0.1:9/other"); err != nil {
		t.Fatal(err)
	}
	within(t, func() string {
		for name, a := range map[string]*runningApp{"leader": leader, "standby": standby} {
			for _, s := range a.directory.now.Load().standings {
				if s.rules.ID == avnitest.AshaGramin && s.dispatch.Glific.BaseURL != "http://127.0.0.1:9/other" {
					return name + " sends to " + s.dispatch.Glific.BaseURL
				}
			}
		}
		return ""
	})

	// The standby goes on by itself.
	leader.end()
	standby.awaitHealth(http.StatusOK, "streaming slot")
}
