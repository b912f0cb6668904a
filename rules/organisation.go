package rules

import (
	"cmp"
	"slices"
	"strconv"
)

// Treatment says what happens to the changes of an organisation.
type Treatment int

// The treatments. The zero value touches nothing.
const (
	Ignore  Treatment = iota // rules are not ours to run: changes are dropped
	Wait                     // changes stay in the inbox until the treatment changes
	Compare                  // rules run, nothing is written to Avni's tables (shadow)
	Write                    // rules run and requests are written
)

func (t Treatment) String() string {
	switch t {
	case Ignore:
		return "ignore"
	case Wait:
		return "wait"
	case Compare:
		return "compare"
	case Write:
		return "write"
	}
	return "unknown"
}

// Organisation is what this package needs to know of one of Avni's organisations.
type Organisation struct {
	ID     int32
	Name   string
	DBUser string
	UUID   string

	// VisibleIDs are the organisations whose reference data (concepts, types,
	// genders) it sees: its own id first, then its ancestors, nearest first.
	VisibleIDs []int32

	// AvniSystemUserID is users.id of the user whom Avni's own jobs act as for this
	// organisation (external_system_config.config.avniSystemUser).
	AvniSystemUserID int64

	Treatment Treatment
	// Full: requests are written for it, if not now, then once it is not held back any more.
	Full bool
}

// label is what logs and /health call the organisation: its db_user, as
// MESSENGER_ORGANISATIONS does.
func (o Organisation) label() string { return cmp.Or(o.DBUser, strconv.Itoa(int(o.ID))) }

// nearness orders rows of several visible organisations: the organisation's own come
// first, then its parent's. An organisation that is not visible comes last.
func (o Organisation) nearness(organisationID int32) int {
	if i := slices.Index(o.VisibleIDs, organisationID); i >= 0 {
		return i
	}
	return len(o.VisibleIDs)
}

// sees reports whether rows of another organisation are visible to this one.
func (o Organisation) sees(organisationID int32) bool {
	return slices.Contains(o.VisibleIDs, organisationID)
}

// Directory knows the organisations. It is asked anew each time and answers from
// memory; it must be safe for concurrent use.
type Directory interface {
	// Organisation returns an organisation, or false if it is not known (yet). The
	// changes of an unknown organisation are not taken in; those that are there wait.
	Organisation(id int32) (Organisation, bool)
	// IDs returns organisation.id of all that are known.
	IDs() []int32
}

// labelOf is the label of an organisation of which only the id is at hand, which is
// all that can be said of one that is not known.
func labelOf(d Directory, id int32) string {
	if org, known := d.Organisation(id); known {
		return org.label()
	}
	return strconv.Itoa(int(id))
}
