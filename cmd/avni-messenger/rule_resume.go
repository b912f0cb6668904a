package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"avni-messenger/rules"
)

const ruleResumeHelp = `Lets a message rule go on that was paused because it failed too often, and with it what
waited for the rule. A rule that is corrected in Avni goes on by itself: this is for a
rule whose text is right, after what it stumbled over has been mended.

It can be run at any time, beside the running avni-messenger, which hears of it within
some seconds. If the rule goes on failing, it is paused again.

  avni-messenger rule resume --rule 603`

func newRuleResumeCommand(c console) *cobra.Command {
	var rule int64
	cmd := &cobra.Command{
		Use:   "resume --rule ID",
		Short: "Let a paused rule go on",
		Long:  ruleResumeHelp,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if rule == 0 {
				return &usageError{"--rule must be given: message_rule.id, as /health and the log name it"}
			}
			return withPool(cmd.Context(), c, func(ctx context.Context, _ Config, pool *pgxpool.Pool) error {
				return resumeRule(ctx, pool, rule, c.stdout)
			})
		},
	}
	cmd.Flags().Int64Var(&rule, "rule", 0, "message_rule.id")
	return cmd
}

func resumeRule(ctx context.Context, pool *pgxpool.Pool, rule int64, out io.Writer) error {
	asked, err := rules.Resume(ctx, pool, rule)
	if err != nil {
		return err
	}
	if len(asked) == 0 {
		fmt.Fprintf(out, "rule %d was not paused: nothing to do\n", rule)
		return nil
	}
	waits := false
	for _, pause := range asked {
		if pause.Resumed != nil {
			fmt.Fprintf(out, "the %s rule of rule %d was not paused any more: it was let go on at %s, and waits for the running avni-messenger to see that\n",
				pause.Script, rule, clock(*pause.Resumed))
			continue
		}
		waits = true
		fmt.Fprintf(out, "the %s rule of rule %d, paused since %s after %s (%s: %s), goes on\n", pause.Script, rule,
			clock(pause.Since), counted(pause.Failures, "failure", "failures"), pause.Kind, pause.Text)
	}
	if waits {
		fmt.Fprintf(out, "the running avni-messenger sees it within %s, or else when it is started\n", resumeSeenWithin)
	}
	return nil
}

// resumeSeenWithin is how often the running process looks, with some time to do so.
const resumeSeenWithin = 10 * time.Second
