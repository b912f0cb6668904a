package main

import (
	"context"
	"fmt"
	"io"

	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"

	"avni-messenger/cdc"
)

const detachHelp = `Takes the column lists off the publication, before an upgrade of Avni.

PostgreSQL refuses to drop or retype a column that a publication lists; the error speaks
of "a publication WHERE clause". Without the lists avni-server's migrations may do what
they like. avni-messenger goes on reading: whole rows are sent to it, of which it still
reads the same few columns.

Run "avni-messenger attach" when the upgrade is done. Both may be run at any time, also
while avni-messenger runs, and again.`

func newDetachCommand(c console) *cobra.Command {
	return reshapeCommand(c, "detach", "Make way for an upgrade of Avni: publish without column lists", detachHelp, reshaping{
		change: cdc.Detach,
		needed: func(p cdc.PublicationState) bool { return p.Listed },
		done:   func(p cdc.PublicationState) bool { return p.Detached },
		did:    "has no column lists any more", found: "has no column lists",
		end: "Avni can be upgraded. Run `avni-messenger attach` when that is done.",
	})
}

// reshaping is a change of the publication, and the words that go with it.
type reshaping struct {
	change       func(context.Context, *pgx.Conn, cdc.Names) error
	needed, done func(cdc.PublicationState) bool
	did, found   string // after the publication's name
	end          string
}

// reshapeCommand is a command that changes the publication.
func reshapeCommand(c console, use, short, long string, r reshaping) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Long:  long,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := parseConfig(c.environ)
			if err != nil {
				return err
			}
			return r.run(cmd.Context(), cfg, c.stdout)
		},
	}
}

func (r reshaping) run(ctx context.Context, cfg Config, out io.Writer) error {
	conn, err := connectOnce(ctx, cfg)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	before, err := cdc.Inspect(ctx, conn, cfg.names())
	if err != nil {
		return err
	}
	if err := r.change(ctx, conn, cfg.names()); err != nil {
		return err
	}
	told := &narrator{out: out}
	switch {
	case r.needed(before.Publication):
		told.did("publication", cfg.Publication+" "+r.did)
	case r.done(before.Publication):
		told.found("publication", cfg.Publication+" "+r.found)
	default:
		told.found("publication", cfg.Publication+" needs nothing: PostgreSQL before 15 has no column lists")
	}
	told.found("updates", "Avni can update each published table (tried with UPDATE … WHERE false)")
	fmt.Fprintln(out, r.end)
	return nil
}
