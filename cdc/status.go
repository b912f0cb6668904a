package cdc

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// State says what the reader is doing.
type State string

// The states of a reader.
const (
	Connecting    State = "connecting"    // (re)connecting, with growing pauses
	Streaming     State = "streaming"     // all is well
	Standby       State = "standby"       // another process reads the slot; waiting to take over
	SlotLost      State = "slot lost"     // changes are missing: Detail says what to do
	SlotDropped   State = "slot dropped"  // to protect the disk of Avni's database; the changes are looked up afterwards
	Misconfigured State = "misconfigured" // Detail says which setting, grant or name to mend
	Stuck         State = "stuck"         // the stream holds something that cannot be understood; nothing is skipped
	Stopped       State = "stopped"       // not running
)

var states = []State{Connecting, Streaming, Standby, SlotLost, SlotDropped, Misconfigured, Stuck, Stopped}

// Status is a reader's view of itself at one moment.
type Status struct {
	State      State
	Detail     string    // why, in plain words with what to do; empty while all is well
	Since      time.Time // when State or Detail last changed
	Position   LSN       // stored position: everything before it is in the inbox
	LastCommit time.Time // commit time of the last change that was read; zero if none
	LastHeard  time.Time // when PostgreSQL last sent anything; zero while not streaming
	Watch      Watch     // what was last seen of the slot, whoever reads it
	CatchUp    CatchUp   // what is being looked up because it was not read
}

// CatchUp is how far the search for changes has come that the stream did not bring.
type CatchUp struct {
	Running bool
	Reason  string    // why they were not read
	Since   time.Time // rows that changed later are looked at
	Table   Table     // that is being looked through
	Rows    int64     // changes that entered the inbox
}

// Watch is what the database said about the slot when it was last looked at.
type Watch struct {
	At          time.Time // zero: not looked at yet
	Exists      bool
	Active      bool
	ActivePID   int32
	Holder      string    // who has the lease; "" if nobody
	LeaseUntil  time.Time // by the server's clock
	Leader      bool      // it is this reader
	Retained    int64     // bytes of WAL that PostgreSQL keeps for the slot
	Unconfirmed int64     // bytes of WAL that were written and are not yet acknowledged
	Safe        *int64    // bytes that can still be written before the slot is lost; nil if there is no limit
	WALStatus   string    // PostgreSQL 13 and later
	Spilled     int64     // bytes that decoding had to put on disk; PostgreSQL 14 and later
	Concerns    []string  // what somebody should look at, in plain words with what to do
}

// monitor holds the status for any goroutine to read.
type monitor struct {
	mu       sync.Mutex
	status   Status
	breakOff context.CancelCauseFunc // ends the stream that is running; nil if there is none
	reach    reach
	turned   atomic.Int64 // when the loop last came round, in nanoseconds
}

// turn notes that the loop has come round.
func (m *monitor) turn(now time.Time) { m.turned.Store(now.UnixNano()) }

// still is for how long the loop has not come round.
func (m *monitor) still(now time.Time) time.Duration { return now.Sub(time.Unix(0, m.turned.Load())) }

// begin notes how the stream that now runs is ended.
func (m *monitor) begin(breakOff context.CancelCauseFunc) {
	m.turn(time.Now()) // the last one may have ended long ago
	m.mu.Lock()
	defer m.mu.Unlock()
	m.breakOff = breakOff
}

// current returns what ends the stream that runs at this moment, and no later one, and
// whether there is one.
func (m *monitor) current() (context.CancelCauseFunc, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.breakOff == nil {
		return func(error) {}, false
	}
	return m.breakOff, true
}

func (m *monitor) catchingUp(c CatchUp) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status.CatchUp = c
}

func (m *monitor) watched(w Watch) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status.Watch = w
}

func (m *monitor) get() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.status
}

// set changes state and detail and says whether they are new.
func (m *monitor) set(state State, detail string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.status.State == state && m.status.Detail == detail {
		return false
	}
	m.status.State, m.status.Detail, m.status.Since = state, detail, now
	if state != Streaming {
		m.status.LastHeard = time.Time{}
	}
	return true
}

func (m *monitor) stored(p position) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status.Position = p.lsn
	if !p.at.IsZero() {
		m.status.LastCommit = p.at
	}
}

func (m *monitor) heard(at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.status.LastHeard = at
}
