package cdc

import "time"

// entity is the key of the inbox.
type entity struct {
	table Table
	id    int64
}

// inboxRow is one row for the inbox.
type inboxRow struct {
	change Change
	at     time.Time // commit time
	lsn    string    // of the commit record, as text
}

// batch collects the changes that one SQL transaction will store: one per entity,
// the newest wins.
type batch struct {
	rows  []inboxRow
	index map[entity]int
	since time.Time // when the first row or reference came in; zero while empty
	// what Options.Reference is to be told, one per table and organisation
	references     []Change
	referenceIndex map[reference]int
	requests       int  // how many of them are of message_request_queue
	unversioned    bool // they have changed what no stored version stands for yet
	// transactions that rows and references come from and that may not be visible yet
	xids []uint32
}

type reference struct {
	table        Table
	organisation int32
	id           int64 // of a request, else 0
}

// maxRequests is how many changed rows of message_request_queue a batch names, so that
// whoever wants to know who wrote them need not look for them. A transaction that changes
// more of them costs no more memory.
const maxRequests = 1000

func newBatch() *batch {
	return &batch{index: make(map[entity]int), referenceIndex: make(map[reference]int)}
}

func (b *batch) empty() bool { return len(b.rows) == 0 && len(b.references) == 0 }

func (b *batch) add(row inboxRow, xid uint32) {
	b.open(xid)
	key := entity{row.change.Table, row.change.ID}
	if i, found := b.index[key]; found {
		b.rows[i] = row
		return
	}
	b.index[key] = len(b.rows)
	b.rows = append(b.rows, row)
}

func (b *batch) addReference(change Change, kept bool, xid uint32) {
	b.open(xid)
	b.unversioned = b.unversioned || kept
	key := reference{table: change.Table, organisation: change.OrganisationID}
	if change.Table == MessageRequestQueue && b.requests < maxRequests {
		key.id = change.ID
	}
	if i, found := b.referenceIndex[key]; found {
		b.references[i] = change
		return
	}
	if change.Table == MessageRequestQueue {
		b.requests++
	}
	b.referenceIndex[key] = len(b.references)
	b.references = append(b.references, change)
}

func (b *batch) open(xid uint32) {
	if b.since.IsZero() {
		b.since = time.Now()
	}
	if n := len(b.xids); n == 0 || b.xids[n-1] != xid {
		b.xids = append(b.xids, xid)
	}
}

// begin forgets what an earlier stream has left, which will be read again. References
// may not be, if it was stored without our learning of it. The numbers of transactions
// may be of another server.
func (b *batch) begin() {
	b.stored()
	b.xids = b.xids[:0]
}

// stored forgets the rows, which are in the inbox now.
func (b *batch) stored() {
	b.rows = b.rows[:0]
	clear(b.index)
	if len(b.references) == 0 {
		b.since = time.Time{}
	}
}

// takeReferences hands the references over and forgets them.
func (b *batch) takeReferences() []Change {
	taken := b.references
	b.references, b.requests = nil, 0
	clear(b.referenceIndex)
	if len(b.rows) == 0 {
		b.since = time.Time{}
	}
	return taken
}
