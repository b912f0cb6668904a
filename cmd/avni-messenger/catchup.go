package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"avni-messenger/cdc"
	"avni-messenger/rules"
)

const catchUpHelp = `Looks through Avni's tables for what was modified since a time, and puts what the
message rules could be about into the inbox, where the running avni-messenger evaluates
it. Use it when you know that changes were missed: avni-messenger does it by itself when
it finds that its replication slot was lost.

Each is evaluated as if it had just been saved, also what was saved before its
organisation or rule started: a message that was sent is not sent again, one that waits or
was refused follows what its rule says now. However many messages come of it, none is held
(MESSENGER_STORM_LIMIT): go back no further than you mean to.
It can be run at any time, again, and beside the running process. Give it the same
environment as that one: MESSENGER_ORGANISATIONS and MESSENGER_MODE decide which changes
are kept. --dry-run tells how many changes would enter, and writes nothing: how many
messages come of them is known only once their rules have answered.

  avni-messenger catch-up --since 36h --dry-run
  avni-messenger catch-up --since 36h
  avni-messenger catch-up --since 2026-11-20T08:00:00+05:30`

func newCatchUpCommand(c console) *cobra.Command {
	var since string
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "catch-up --since 36h",
		Short: "Put what was modified since a time into the inbox",
		Long:  catchUpHelp,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := parseSince(since, time.Now())
			if err != nil {
				return err
			}
			if dryRun {
				return withReadingPool(cmd.Context(), c, func(ctx context.Context, cfg Config, pool *pgxpool.Pool) error {
					return countCatchUp(ctx, cfg, pool, from, c.stdout)
				})
			}
			return withPool(cmd.Context(), c, func(ctx context.Context, cfg Config, pool *pgxpool.Pool) error {
				return catchUp(ctx, cfg, pool, from, c.stdout)
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "a time such as 2026-11-20T08:00:00+05:30, or a time span such as 36h")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "only count what would enter the inbox, by table and organisation")
	return cmd
}

// parseSince reads a moment of the past, given as such or as how long ago it was.
func parseSince(text string, now time.Time) (time.Time, error) {
	const want = "a date with clock time and zone, such as 2026-11-20T08:00:00+05:30, or how long ago it was, such as 36h or 90m"
	if text == "" {
		return time.Time{}, &usageError{"--since is missing; it must be " + want}
	}
	at, err := time.Parse(time.RFC3339, text)
	if span, spanErr := time.ParseDuration(text); spanErr == nil {
		at, err = now.Add(-span), nil
	}
	switch {
	case err != nil:
		return time.Time{}, &usageError{fmt.Sprintf("--since is %q; it must be %s", text, want)}
	case !at.Before(now):
		return time.Time{}, &usageError{fmt.Sprintf("--since is %q, which is not in the past", text)}
	}
	return at, nil
}

// catchUp puts what is found into the inbox.
func catchUp(ctx context.Context, cfg Config, pool *pgxpool.Pool, since time.Time, out io.Writer) error {
	options, _, err := catchUpOptions(ctx, cfg, pool, since, out)
	if err != nil {
		return err
	}
	options.Log = slog.New(slog.NewTextHandler(out, nil))
	entered, err := cdc.CatchUpByHand(ctx, options)
	if err != nil {
		return leftOver(err, cfg, fmt.Sprintf("%s in the inbox; run the command again for the others.", counted(int(entered), "change is", "changes are")))
	}
	fmt.Fprintf(out, "done: %s the inbox\n", counted(int(entered), "change entered", "changes entered"))
	warnOfMany(entered, "which does not hold what is looked up by hand. If it is too many, stop them: set MESSENGER_RULES=off and restart", cfg, out)
	return nil
}

// countCatchUp says what catchUp would do.
func countCatchUp(ctx context.Context, cfg Config, pool *pgxpool.Pool, since time.Time, out io.Writer) error {
	options, directory, err := catchUpOptions(ctx, cfg, pool, since, out)
	if err != nil {
		return err
	}
	found, err := cdc.CountCatchUp(ctx, options)
	if err != nil {
		return err
	}
	var all int64
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range found {
		if all == 0 {
			fmt.Fprintln(table, "TABLE\tORGANISATION\tCHANGES")
		}
		all += f.Changes
		fmt.Fprintf(table, "%s\t%s\t%s\n", f.Table, directory.label(f.OrganisationID), thousands(int(f.Changes)))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(out, "dry run: %s the inbox; nothing was written\n", counted(int(all), "change would enter", "changes would enter"))
	warnOfMany(all, "which would not hold what comes of them", cfg, out)
	return nil
}

// catchUpOptions filter with the rules as they are now, as the running process would.
func catchUpOptions(ctx context.Context, cfg Config, pool *pgxpool.Pool, since time.Time, out io.Writer) (cdc.CatchUpOptions, *directory, error) {
	log := slog.New(slog.DiscardHandler)
	directory := newDirectory(pool, cfg, log)
	if _, err := directory.Load(ctx); err != nil {
		return cdc.CatchUpOptions{}, nil, err
	}
	for _, stray := range directory.now.Load().strays {
		(&narrator{out: out}).warn("MESSENGER_ORGANISATIONS", stray.Reason+". "+stray.Fix)
	}
	if len(directory.now.Load().standings) == 0 {
		(&narrator{out: out}).warn("organisations", "by MESSENGER_MODE and MESSENGER_ORGANISATIONS of this environment none is served, so that no change is kept: "+
			"use the environment of the running avni-messenger")
	}
	catalogue := rules.NewCatalogue(pool, directory, log, rules.NewMetrics(prometheus.NewRegistry()))
	if err := catalogue.Load(ctx); err != nil {
		return cdc.CatchUpOptions{}, nil, err
	}
	fmt.Fprintf(out, "looking for what was modified since %s\n", clock(since))
	told := &progress{out: out, every: 5 * time.Second, at: time.Now()}
	return cdc.CatchUpOptions{Names: cfg.names(), Pool: pool, Since: since, Keep: catalogue.Keep, Told: told.tell}, directory, nil
}

// warnOfMany tells of more changes than the storm guard lets pass elsewhere.
func warnOfMany(changes int64, which string, cfg Config, out io.Writer) {
	if changes > int64(cfg.StormLimit) {
		(&narrator{out: out}).warn("messages", fmt.Sprintf("these are more than MESSENGER_STORM_LIMIT (%d), %s", cfg.StormLimit, which))
	}
}

// progress tells when another table is begun, and how far a long one has come.
type progress struct {
	out   io.Writer
	every time.Duration
	table cdc.Table
	at    time.Time // when it was last told
}

func (p *progress) tell(c cdc.CatchUp) {
	if c.Table == "" || c.Table == p.table && time.Since(p.at) < p.every {
		return
	}
	p.table, p.at = c.Table, time.Now()
	fmt.Fprintf(p.out, "  reading %s; %d changes so far, of all tables\n", c.Table, c.Rows)
}
