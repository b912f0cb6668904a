package cdc

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Names are the names of the two objects that live in Avni's database outside
// schema messenger.
type Names struct {
	Slot        string // replication slot; also the key of messenger.position
	Publication string
}

var (
	slotPattern        = regexp.MustCompile(`^[a-z0-9_]{1,63}$`) // PostgreSQL: ReplicationSlotValidateName
	publicationPattern = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)
)

// Validate reports names that PostgreSQL would refuse or silently cut.
func (n Names) Validate() error {
	if !slotPattern.MatchString(n.Slot) {
		return fmt.Errorf("slot name %q: up to 63 lower-case letters, digits and underscores are allowed", n.Slot)
	}
	if !publicationPattern.MatchString(n.Publication) {
		return fmt.Errorf("publication name %q: up to 63 lower-case letters, digits and underscores are allowed, a digit not first", n.Publication)
	}
	return nil
}

func (n Names) slotIdentifier() string        { return pgx.Identifier{n.Slot}.Sanitize() }
func (n Names) publicationIdentifier() string { return pgx.Identifier{n.Publication}.Sanitize() }

// literal quotes a string as SQL.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
