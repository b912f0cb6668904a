package cdc

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pglogrepl"
)

// LSN is a position in Postgres's write-ahead log.
type LSN = pglogrepl.LSN

type messageKind byte

const (
	messageOther messageKind = iota
	messageBegin
	messageCommit
	messageRow
)

// message is one pgoutput message, as far as it is of interest.
type message struct {
	kind   messageKind
	lsn    LSN           // Begin: start of the commit record; Commit: end of the transaction
	at     time.Time     // Begin, Commit: when the transaction committed
	xid    uint32        // Begin: the transaction
	table  *watchedTable // row: nil for a table that is not watched
	change Change        // row
}

// relation says where the wanted columns are in the tuples of one table.
type relation struct {
	table *watchedTable // nil: not watched, its rows are passed over
	roles []columnRole  // up to the last wanted column
}

type columnRole byte

const (
	roleNone columnRole = iota
	roleID
	roleOrganisation
	roleType
	roleVoided
)

// decoder reads pgoutput messages, protocol version 1
// (PostgreSQL documentation: Logical Replication Message Formats). It reads in
// place and keeps nothing of the data. It is for one connection and one goroutine:
// the server describes each table once per connection.
type decoder struct {
	relations map[uint32]relation
	// whose returns which watched table one is that has none of their names; may be nil.
	whose func(oid uint32, name string) (*watchedTable, error)
}

func newDecoder() *decoder { return &decoder{relations: make(map[uint32]relation)} }

// decode reads one message. An error means that the stream cannot be understood
// from here on; nothing may be skipped then.
func (d *decoder) decode(data []byte) (message, error) {
	c := cursor{data: data}
	kind := c.byte()
	var m message
	var err error
	switch kind {
	case 'B':
		m = message{kind: messageBegin, lsn: c.lsn(), at: c.time(), xid: c.uint32()}
	case 'C':
		c.skip(1 + 8) // flags, start of the commit record
		m = message{kind: messageCommit, lsn: c.lsn(), at: c.time()}
	case 'I', 'U':
		m, err = d.row(&c, Op(kind))
	case 'R':
		err = d.relation(&c)
	case 'D', 'T', 'Y', 'O', 'M': // delete, truncate, type, origin, logical message
	default:
		return m, fmt.Errorf("unknown message type %q", kind)
	}
	if err == nil && c.short {
		err = fmt.Errorf("message type %q is cut short at %d bytes", kind, len(data))
	}
	return m, err
}

func (d *decoder) relation(c *cursor) error {
	oid := c.uint32()
	namespace, name := c.text(), c.text()
	c.skip(1) // replica identity
	count := int(c.uint16())
	rel := relation{}
	if string(namespace) == avniSchema {
		rel.table = findTable(string(name))
	}
	if rel.table == nil && !c.short && d.whose != nil {
		var err error
		if rel.table, err = d.whose(oid, string(namespace)+"."+string(name)); err != nil {
			return err
		}
	}
	for i := 0; i < count && rel.table != nil; i++ {
		c.skip(1) // flags
		role := rel.table.role(string(c.text()))
		c.skip(4 + 4) // type, type modifier
		if c.short {
			return nil
		}
		rel.roles = append(rel.roles, role)
	}
	if c.short || rel.table == nil {
		d.relations[oid] = rel
		return nil
	}
	if err := rel.complete(); err != nil {
		return err
	}
	d.relations[oid] = rel
	return nil
}

func (t *watchedTable) role(column string) columnRole {
	switch {
	case column == columnID:
		return roleID
	case column == columnOrganisation:
		return roleOrganisation
	case column == columnVoided && t.voided:
		return roleVoided
	case column == t.typeColumn:
		return roleType
	}
	return roleNone
}

// columnAway says that a wanted column is not sent. That was so when the rows were
// written, and does not change when the column comes back.
type columnAway struct {
	table  Table
	column string
}

func (e *columnAway) Error() string {
	return fmt.Sprintf("column %s of table %s is not in the stream: it was dropped or renamed, or the publication does not list it", e.column, e.table)
}

// complete reports a wanted column that is not sent, and forgets the columns after
// the last wanted one.
func (r *relation) complete() error {
	for _, column := range r.table.columns() {
		if !slices.Contains(r.roles, r.table.role(column)) {
			return &columnAway{r.table.name, column}
		}
	}
	for r.roles[len(r.roles)-1] == roleNone {
		r.roles = r.roles[:len(r.roles)-1]
	}
	return nil
}

func (d *decoder) row(c *cursor, op Op) (message, error) {
	oid := c.uint32()
	rel, known := d.relations[oid]
	if !known && !c.short {
		return message{}, fmt.Errorf("row of a table with oid %d that was not described", oid)
	}
	m := message{kind: messageRow, table: rel.table}
	if rel.table == nil {
		return m, nil
	}
	m.change = Change{Table: rel.table.name, Op: op}
	part := c.byte()
	if op == Update && (part == 'K' || part == 'O') {
		skipTuple(c)
		part = c.byte()
	}
	if part != 'N' && !c.short {
		return m, fmt.Errorf("tuple of table %s is marked %q, not as a new row", rel.table.name, part)
	}
	return m, rel.tuple(c, &m.change)
}

func skipTuple(c *cursor) {
	for n := c.uint16(); n > 0 && !c.short; n-- {
		if kind := c.byte(); kind == 't' || kind == 'b' {
			c.skip(int(c.uint32()))
		}
	}
}

// tuple reads the wanted columns and passes over the others, whatever their size.
func (r *relation) tuple(c *cursor, change *Change) error {
	if n := int(c.uint16()); n < len(r.roles) && !c.short {
		return fmt.Errorf("row of table %s has %d columns, at least %d were described", r.table.name, n, len(r.roles))
	}
	for _, role := range r.roles {
		kind := c.byte()
		var value []byte
		if kind == 't' || kind == 'b' {
			value = c.bytes(int(c.uint32()))
		}
		if c.short {
			return nil
		}
		if role == roleNone {
			continue
		}
		if err := change.set(role, kind, value); err != nil {
			return fmt.Errorf("row %d of table %s: %w", change.ID, r.table.name, err)
		}
	}
	return nil
}

// set takes one column over. Null is 0 and false, except that a row must have an id.
func (c *Change) set(role columnRole, kind byte, value []byte) error {
	switch {
	case kind == 'n' && role != roleID:
		return nil
	case kind != 't':
		return fmt.Errorf("column kind %q where text was expected", kind)
	}
	if role == roleVoided {
		c.Voided = string(value) == "t"
		return nil
	}
	bits := 32
	if role == roleID {
		bits = 64
	}
	n, err := strconv.ParseInt(string(value), 10, bits)
	if err != nil {
		return fmt.Errorf("read a number: %w", err)
	}
	switch role {
	case roleID:
		c.ID = n
	case roleOrganisation:
		c.OrganisationID = int32(n)
	case roleType:
		c.TypeID = int32(n)
	}
	return nil
}
