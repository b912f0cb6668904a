package main

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"avni-messenger/rules"
)

// heldFlags say which of the messages that the storm guard holds a command is about.
type heldFlags struct {
	rule        int64
	transaction string
	cancelled   bool
}

func (f *heldFlags) add(cmd *cobra.Command) {
	cmd.Flags().Int64Var(&f.rule, "rule", 0, "message_rule.id of a rule whose messages are held")
	cmd.Flags().StringVar(&f.transaction, "transaction", "", "only those of one source transaction, as avni-messenger release lists it")
}

func (f *heldFlags) given() bool { return f.rule != 0 || f.transaction != "" || f.cancelled }

var transactionForm = regexp.MustCompile(`^[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}$`)

func (f *heldFlags) problem(args []string) error {
	switch {
	case len(args) > 0:
		return &usageError{fmt.Sprintf("--rule is given, so that %q means nothing here", strings.Join(args, " "))}
	case f.rule == 0:
		return &usageError{"--rule must be given: message_rule.id, as avni-messenger release lists it"}
	case f.transaction != "" && !transactionForm.MatchString(f.transaction):
		return &usageError{fmt.Sprintf("--transaction is %q; it must be such as 0/1A2B3C, as avni-messenger release lists it", f.transaction)}
	}
	return nil
}

// run changes what is held, and says how many of it and what comes of them.
func (f *heldFlags) run(cmd *cobra.Command, c console, args []string,
	change func(context.Context, *pgxpool.Pool, rules.HeldSelection) (int64, error), done string) error {
	if err := f.problem(args); err != nil {
		return err
	}
	return withPool(cmd.Context(), c, func(ctx context.Context, cfg Config, pool *pgxpool.Pool) error {
		n, err := change(ctx, pool, rules.HeldSelection{RuleID: f.rule, Transaction: f.transaction, Cancelled: f.cancelled})
		switch {
		case err != nil && n > 0:
			return leftOver(err, cfg, fmt.Sprintf("%s %s. Run the command again for the others.", counted(int(n), "message is", "messages are"), done))
		case err != nil:
			return err
		case n == 0:
			fmt.Fprintf(c.stdout, "nothing of rule %d is held that this is about: nothing to do\n", f.rule)
		default:
			fmt.Fprintf(c.stdout, "%s of rule %d: %s\n", counted(int(n), "message", "messages"), f.rule, done)
		}
		return nil
	})
}

// moreHeld says what a list of what the storm guard holds leaves out.
func moreHeld(transactions, messages int) string {
	return fmt.Sprintf("and %s with %s", counted(transactions, "more transaction", "more transactions"), counted(messages, "message", "messages"))
}

// printHeldMessages prints what the storm guard holds, by rule and source transaction.
func printHeldMessages(held rules.HeldList, zone *time.Location, out io.Writer) error {
	if len(held.Groups) == 0 {
		fmt.Fprintln(out, "no messages are held for having been too many at once")
		return nil
	}
	at := func(t time.Time) string { return t.In(zone).Format("2006-01-02 15:04") }
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "ORGANISATION\tRULE\tTRANSACTION\tSAVED\tBY\tSTATE\tMESSAGES\tDUE FROM\tTO")
	for _, h := range held.Groups {
		fmt.Fprintf(table, "%s\t%d %s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", h.Organisation, h.RuleID, h.RuleName, h.Transaction, at(h.CommittedAt),
			strings.Join(h.Users, ", "), h.State, h.Count, at(h.FirstDue), at(h.LastDue))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if held.More > 0 {
		fmt.Fprintln(out, moreHeld(held.More, held.MoreMessages))
	}
	var told []string
	for _, h := range held.Groups {
		if h.CatchUp && !slices.Contains(told, h.Transaction) {
			told = append(told, h.Transaction)
			fmt.Fprintf(out, "→ %s is no transaction, but what a catch-up found after the replication slot was lost. %s\n", h.Transaction, catchUpAdvice)
		}
	}
	return nil
}
