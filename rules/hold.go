package rules

import (
	"errors"

	"github.com/jackc/pgx/v5"
)

// An organisation for which somebody else writes or sends too is held: messenger.hold has
// a row of it in force. The Directory says so as well, but may not have heard yet; what
// is written to Avni's tables is written only if the transaction itself sees no hold.

// organisationHeldSQL is true of an organisation that is held.
const organisationHeldSQL = `exists (select from messenger.hold h where h.organisation_id = $1 and h.released_at is null)`

// errHeld means that the organisation is held. Its changes wait in the inbox.
var errHeld = errors.New("the organisation is held")

// queueOrganisationHeld asks whether the organisation is held, where requests are written.
func (s settlement) queueOrganisationHeld(b *pgx.Batch, held *bool) {
	if s.org.Treatment == Write {
		b.Queue(`select `+organisationHeldSQL, s.org.ID).QueryRow(func(row pgx.Row) error { return row.Scan(held) })
	}
}
