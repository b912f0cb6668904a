package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"avni-messenger/cdc"
	"avni-messenger/rules"
)

const releaseHelp = `Lets go what is held, or lists it.

An organisation is held when somebody else was seen to write or send messages for it too.
First see to it that avni-server does so no more, as /health and the log say. From then on
what is written or sent by others counts anew: if it goes on, the organisation is held
again.

Messages are held when one rule made more of them at once than MESSENGER_STORM_LIMIT.
Those of a rule, or of one source transaction, are made with --rule: their entities are
evaluated anew, so that what was withdrawn or has changed meanwhile is as it is now, and no
limit counts them. "avni-messenger cancel" with the same flags drops them.

It can be run at any time and again, beside the running avni-messenger, which hears of it
within a moment. Give it the same environment as that one.

  avni-messenger release                                       what is held
  avni-messenger release asha_gramin                           an organisation, by db_user or id
  avni-messenger release --rule 607                            all messages that the rule has held
  avni-messenger release --rule 607 --transaction 0/1A2B3C     those of one transaction
  avni-messenger release --rule 607 --cancelled                also what was cancelled`

func newReleaseCommand(c console) *cobra.Command {
	var held heldFlags
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "release [ORGANISATION | --rule ID [--transaction LSN]]",
		Short: "Let go what is held, or list it",
		Long:  releaseHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case held.given():
				return held.run(cmd, c, args, rules.Release, fmt.Sprintf("released; the running avni-messenger begins with them within %s, or else when it is started", resumeSeenWithin))
			case len(args) > 1:
				return &usageError{fmt.Sprintf("%s takes one organisation, but was given %q", cmd.CommandPath(), args)}
			case len(args) == 1:
				return withPool(cmd.Context(), c, func(ctx context.Context, cfg Config, pool *pgxpool.Pool) error {
					return releaseOrganisation(ctx, pool, cfg, args[0], c.stdout)
				})
			}
			return withReadingPool(cmd.Context(), c, func(ctx context.Context, _ Config, pool *pgxpool.Pool) error {
				return listAllHeld(ctx, pool, asJSON, c.stdout)
			})
		},
	}
	held.add(cmd)
	cmd.Flags().BoolVar(&held.cancelled, "cancelled", false, "release also what was cancelled")
	cmd.Flags().BoolVar(&asJSON, "json", false, "list as JSON")
	return cmd
}

// releaseOrganisation ends a hold and says what it was, and what still speaks against it.
func releaseOrganisation(ctx context.Context, pool *pgxpool.Pool, cfg Config, name string, out io.Writer) error {
	row, err := findOrganisation(ctx, pool, name)
	if err != nil {
		return err
	}
	released, err := release(ctx, pool, row.ID)
	if err != nil {
		return err
	}
	if released == nil {
		fmt.Fprintf(out, "%s is not held for another writer: nothing to do\n", row.DBUser)
	} else {
		fmt.Fprintf(out, "%s is released; it was held since %s: %s\n", row.DBUser, clock(released.Since), released.why())
		if err := printTwice(ctx, pool, released.ID, out); err != nil {
			return err
		}
	}
	return warnOfOthers(ctx, pool, cfg, row, released, out)
}

// errNotHeld ends a release for which there is nothing to do.
var errNotHeld = errors.New("it is not held")

// release ends the hold that is in force, if there is one, and has the watch begin anew.
// Ownership is taken away first: whoever finds a foreign row at this moment has either
// made the hold by then, or judges by what comes after.
func release(ctx context.Context, pool *pgxpool.Pool, organisationID int32) (*heldOrganisation, error) {
	var released heldOrganisation
	err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `delete from messenger.ownership where organisation_id = $1`, organisationID); err != nil {
			return err
		}
		rows, _ := tx.Query(ctx, releaseHoldSQL, organisationID) // its error is that of the rows
		var err error
		released, err = pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[heldOrganisation])
		if errors.Is(err, pgx.ErrNoRows) {
			return errNotHeld
		}
		if err != nil {
			return err
		}
		return cdc.Announce(ctx, tx, cdc.OrganisationConfig, organisationID)
	})
	switch {
	case errors.Is(err, errNotHeld):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("release organisation %d: %w", organisationID, err)
	}
	return &released, nil
}

// findOrganisation looks an organisation up as MESSENGER_ORGANISATIONS names it.
func findOrganisation(ctx context.Context, pool *pgxpool.Pool, name string) (organisationRow, error) {
	avni, err := readAvni(ctx, pool)
	if err != nil {
		return organisationRow{}, err
	}
	for _, row := range avni.organisations {
		if row.DBUser == name || strconv.Itoa(int(row.ID)) == name {
			return row, nil
		}
	}
	return organisationRow{}, &usageError{strayName(name, avni.organisations, nil).Reason}
}

// warnOfOthers says what will hold the organisation (again) if it is not mended.
func warnOfOthers(ctx context.Context, pool *pgxpool.Pool, cfg Config, row organisationRow, released *heldOrganisation, out io.Writer) error {
	d := newDirectory(pool, cfg, slog.New(slog.DiscardHandler))
	if _, err := d.Load(ctx); err != nil {
		return err
	}
	s := d.now.Load().byID[row.ID]
	switch {
	case s == nil:
		fmt.Fprintf(out, "It is not served by an avni-messenger with this environment.\n")
	case s.Held != "":
		fmt.Fprintf(out, "It is held back still: %s. %s\n", s.Held, s.Fix)
	case s.Mode == ModeFull && s.Messaging:
		fmt.Fprintf(out, "enableMessaging of %s is true still, and MESSENGER_SOLE_OWNER says that avni-server's messaging is off nevertheless: "+
			"make sure of it, or the next message holds it again.\n", row.DBUser)
	case released != nil && s.Mode == ModeDispatch:
		fmt.Fprintf(out, "%s Otherwise the next message that it sends holds %s again.\n", otherWriterOff(s.Mode, released.Kind), row.DBUser)
	case released != nil:
		fmt.Fprintf(out, "The running avni-messenger goes on within a moment, or else when it is started.\n")
	}
	return nil
}
