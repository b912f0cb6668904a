package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"avni-messenger/dispatch/glific"
)

// glificConfig is external_system_config.config of system Glific, as Avni's web app
// writes it.
type glificConfig struct {
	account    glific.Account
	systemUser string // users.username
}

// parseGlificConfig reads the JSON of one row. Its error names every fault and never
// shows a value: one of them is the password.
func parseGlificConfig(raw []byte) (glificConfig, error) {
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return glificConfig{}, fmt.Errorf("config is not a JSON object")
	}
	var faults []string
	text := func(name string) string {
		value, ok := fields[name].(string)
		switch {
		case fields[name] == nil:
			faults = append(faults, name+" is missing")
		case !ok:
			faults = append(faults, name+" is not a text")
		case strings.TrimSpace(value) == "":
			faults = append(faults, name+" is empty")
		}
		return strings.TrimSpace(value)
	}
	config := glificConfig{
		account:    glific.Account{BaseURL: text("baseUrl"), Phone: text("phone"), Password: text("password")},
		systemUser: text("avniSystemUser"),
	}
	if u, err := url.Parse(config.account.BaseURL); config.account.BaseURL != "" &&
		(err != nil || u.Host == "" || !slices.Contains([]string{"http", "https"}, u.Scheme)) {
		faults = append(faults, "baseUrl is not an http or https address")
	}
	if len(faults) > 0 {
		return config, fmt.Errorf("%s", strings.Join(faults, ", "))
	}
	return config, nil
}

// glificFault is what is wrong with the Glific configuration of an organisation, and
// what to do about it.
type glificFault struct{ text, fix string }

// chooseGlific returns the one configuration that counts for an organisation. The fault
// says what is wrong with its rows; found is false if there is none that counts.
func chooseGlific(organisationID int32, rows []glificRow) (config glificConfig, found bool, fault *glificFault) {
	var own, valid []glificRow
	for _, row := range rows {
		if row.OrganisationID != organisationID {
			continue
		}
		own = append(own, row)
		if !row.Voided {
			valid = append(valid, row)
		}
	}
	switch {
	case len(own) == 0:
		return glificConfig{}, false, nil
	case len(valid) == 0:
		return glificConfig{}, false, &glificFault{fmt.Sprintf("its Glific configuration (external_system_config %d) is voided", own[0].ID),
			"Set is_voided of that row to false, or save the organisation's Glific settings anew in Avni's web app; no restart is needed."}
	case len(valid) > 1:
		return glificConfig{}, true, &glificFault{fmt.Sprintf("it has %d Glific configurations (external_system_config %d and %d); avni-server stumbles over that too",
			len(valid), valid[0].ID, valid[1].ID), "Delete all but one of these rows; no restart is needed."}
	}
	config, err := parseGlificConfig(valid[0].Config)
	if err != nil {
		fault = &glificFault{fmt.Sprintf("its Glific configuration (external_system_config %d) is unusable: %v", valid[0].ID, err),
			"Correct that in Avni's web app (Glific settings of the organisation), or in column config of that row; no restart is needed."}
	}
	return config, true, fault
}
