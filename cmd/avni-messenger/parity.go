package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"avni-messenger/rules"
)

const parityHelp = `Tells how what avni-messenger would have queued in shadow mode compares with what
avni-server has queued: for each organisation and rule how many are the same, how many
differ, and why. When avni-server sends a message, it is recorded what avni-messenger
would have sent, or why not; that is summed up as well.

The exit code is 0 if every organisation that is shown is ready: enough was compared,
nothing is left that has no known cause or has to be mended first, nothing waits for long,
and no rule is paused. Otherwise it is 1, and the report says what stands against it.

  avni-messenger parity
  avni-messenger parity --organisation asha_gramin --since 48h --all`

func newParityCommand(c console) *cobra.Command {
	var of parityOf
	cmd := &cobra.Command{
		Use:   "parity",
		Short: "Compare shadow mode with what avni-server does",
		Long:  parityHelp,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return showParity(cmd.Context(), c, of)
		},
	}
	cmd.Flags().StringVar(&of.organisation, "organisation", "", "only this one, by organisation.db_user or id")
	cmd.Flags().StringVar(&of.since, "since", fmt.Sprintf("%.0fh", rules.ParityWindow.Hours()), "what was evaluated since a time such as 2026-11-20T08:00:00+05:30, or within a time span such as 48h")
	cmd.Flags().BoolVar(&of.all, "all", false, "every difference, not only five of each kind")
	cmd.Flags().BoolVar(&of.json, "json", false, "as JSON")
	return cmd
}

// parityOf is what `parity` was asked for.
type parityOf struct {
	organisation, since string
	all, json           bool
}

// errNotReady ends `parity` with exit code 1 after the report.
var errNotReady = errors.New("")

// errNoParity ends it where there is none.
var errNoParity = errors.New("no organisation is in shadow mode, or lately was: nothing is compared (MESSENGER_MODE=shadow, or MESSENGER_ORGANISATIONS=…=shadow, " +
	"is what compares, while avni-messenger runs and the organisation has message rules)")

// examples is how many differences of a kind are shown.
const examples = 5

func showParity(ctx context.Context, c console, of parityOf) error {
	query := rules.ParityQuery{Examples: examples}
	if of.all {
		query.Examples = 0
	}
	var report []rules.OrganisationParity
	err := withReadingPool(ctx, c, func(ctx context.Context, _ Config, pool *pgxpool.Pool) (err error) {
		if query.Since, err = parseSince(of.since, time.Now()); err != nil {
			return err
		}
		if of.organisation != "" {
			row, err := findOrganisation(ctx, pool, of.organisation)
			if err != nil {
				return err
			}
			query.OrganisationID = row.ID
		}
		report, err = rules.ParityReport(ctx, pool, query)
		return err
	})
	if err != nil {
		return err
	}
	if of.json {
		err = printJSON(c.stdout, report)
	} else {
		printParity(c.stdout, report)
	}
	return cmp.Or(err, paritySays(report))
}

// paritySays is the error of a report: nil if all that it shows are ready.
func paritySays(report []rules.OrganisationParity) error {
	if len(report) == 0 {
		return errNoParity
	}
	for _, o := range report {
		if !o.Ready {
			return errNotReady
		}
	}
	return nil
}
