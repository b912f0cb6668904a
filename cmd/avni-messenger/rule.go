package main

import (
	"github.com/spf13/cobra"
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
