package main

import (
	"context"
	"fmt"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// The logins that Avni's sample organisations hold for Glific.
const (
	ashaGlific = "asha"
	sevaGlific = "seva"
)

// startSampleGlific starts a fake Glific with the accounts and templates that the
// sample organisations use, and points Avni at it.
func startSampleGlific(ctx context.Context, avni *avnitest.Avni, options glifictest.Options) (*glifictest.Server, error) {
	server, err := glifictest.New(options)
	if err != nil {
		return nil, err
	}
	server.AddOrganisation(ashaGlific, "919999900001", "glific-asha-pw",
		glifictest.Template{ID: 7001, Body: "Namaste {{1}}, welcome to Asha Gramin. Your health worker visits {{2}} every Tuesday."},
		glifictest.Template{ID: 7002, Body: "{{1}} has joined the Pregnancy programme on {{2}}. Please plan her first visit."},
		glifictest.Template{ID: 7003, Body: "Dear {{1}}, your check-up {{2}} is due on {{3}}. Please bring your card."},
		glifictest.Template{ID: 7004, Body: "Thank you, {{1}}. Noted at today's visit: {{2}}."},
		glifictest.Template{ID: 7005, Body: "Welcome to the team! Your user name is {{1}}."},
		glifictest.Template{ID: 7006, Body: "{{1}}"},
		glifictest.Template{ID: 7009, Body: "{{1}}: {{2}} at the health centre."},
		glifictest.Template{ID: 7010, Body: "{{1}}"},
	)
	server.AddOrganisation(sevaGlific, "977999900002", "glific-seva-pw",
		glifictest.Template{ID: 8001, Body: "Growth check of {{1}} is due in two days."},
		glifictest.Template{ID: 8002, Body: "{{1}} was registered in your ward."},
	)
	for organisation, name := range map[int32]string{avnitest.AshaGramin: ashaGlific, avnitest.SevaNepal: sevaGlific} {
		if err := avni.SetGlific(ctx, organisation, server.URL(name)); err != nil {
			server.Close()
			return nil, fmt.Errorf("point Avni at the fake Glific: %w", err)
		}
	}
	return server, nil
}
