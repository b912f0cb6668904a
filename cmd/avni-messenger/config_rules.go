package main

import (
	"errors"
	"fmt"

	"avni-messenger/rules"
)

// engineOptions is what an engine of rules is configured with. The error names the variable.
func (c Config) engineOptions() (rules.EngineOptions, error) {
	options := rules.EngineOptions{Timeout: c.RuleTimeout}
	if c.RulesConfig == "" {
		return options, nil
	}
	given, err := rules.LoadRulesConfig(c.RulesConfig)
	if err != nil {
		return options, engineError(err)
	}
	options.RulesConfig = given
	return options, nil
}

// engineError says which variable an engine cannot start with: then it is a *ConfigError.
func engineError(err error) error {
	var broken *rules.RulesConfigError
	if errors.As(err, &broken) {
		return &ConfigError{Problems: []string{"MESSENGER_RULES_CONFIG: " + broken.Error()}}
	}
	return fmt.Errorf("start the rules engine: %w", err)
}
