package main

import (
	"github.com/spf13/cobra"

	"avni-messenger/cdc"
)

const attachHelp = `Puts the column lists on the publication again, after an upgrade of Avni: the undoing
of "avni-messenger detach". Observations no longer leave PostgreSQL then.

If the upgrade has removed a column that avni-messenger needs, it says which, and changes
nothing. It may be run at any time, also while avni-messenger runs, and again.`

func newAttachCommand(c console) *cobra.Command {
	return reshapeCommand(c, "attach", "Undo detach, when the upgrade of Avni is done", attachHelp, reshaping{
		change: cdc.Attach,
		needed: func(p cdc.PublicationState) bool { return p.Detached },
		done:   func(p cdc.PublicationState) bool { return p.Listed },
		did:    "has its column lists again", found: "has its column lists",
		end: "avni-messenger reads no more than it needs.",
	})
}
