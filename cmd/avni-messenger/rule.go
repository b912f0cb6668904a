package main

import (
	"errors"

	"github.com/spf13/cobra"

	"avni-messenger/rules"
)

func newRuleCommand(c console) *cobra.Command {
	group := &cobra.Command{
		Use:   "rule",
		Short: "Try message rules, or let paused ones go on",
		Args:  knownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	group.AddCommand(newRuleTestCommand(c), newRuleResumeCommand(c))
	return group
}

// found leaves what is simply not there as it is, and explains other errors.
func found(err error, cfg Config) error {
	var missing *rules.NotFound
	if errors.As(err, &missing) {
		return missing
	}
	return explain(err, cfg)
}
