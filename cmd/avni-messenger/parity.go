package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"avni-messenger/rules"
)

const parityHelp = `Tells how what avni-messenger would have queued in shadow mode compares with what
avni-server has queued: for each organisation and rule how many are the same, how many
differ, and why. When avni-server sends a message, it is recorded what avni-messenger
would have sent, or why not; that is summed up as well.

The exit code is 0 if every organisation that is shown is ready: something was compared,
and nothing is left that has no known cause or has to be mended first. Otherwise it is 1.

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
			cfg, err := parseConfig(c.environ)
			if err != nil {
				return err
			}
			return showParity(cmd.Context(), cfg, of, c)
		},
	}
	cmd.Flags().StringVar(&of.organisation, "organisation", "", "only this one, by organisation.db_user or id")
	cmd.Flags().StringVar(&of.since, "since", "168h", "what was evaluated since a time such as 2026-11-20T08:00:00+05:30, or within a time span such as 48h")
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

// examples is how many differences of a kind are shown.
const examples = 5

func showParity(ctx context.Context, cfg Config, of parityOf, c console) error {
	setLocalTime(cfg.Timezone)
	query := rules.ParityQuery{Examples: examples}
	if of.all {
		query.Examples = 0
	}
	var err error
	if query.Since, err = parseSince(of.since, time.Now()); err != nil {
		return err
	}
	pool, err := openPool(ctx, cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	if of.organisation != "" {
		row, err := findOrganisation(ctx, pool, of.organisation)
		var usage *usageError
		if errors.As(err, &usage) {
			return err
		}
		if err != nil {
			return explain(err, cfg)
		}
		query.OrganisationID = row.ID
	}
	report, err := rules.ParityReport(ctx, pool, query)
	if err != nil {
		return explain(err, cfg)
	}
	if of.json {
		encoder := json.NewEncoder(c.stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		printParity(c.stdout, report)
	}
	for _, o := range report {
		if !o.Ready() {
			err = cmp.Or(err, errNotReady)
		}
	}
	return err
}
