package cdc

import (
	"context"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Options are what a Reader needs. Slot, Publication and Pool are required.
type Options struct {
	Slot        string
	Publication string
	// URL is where the replication connection goes, as a libpq URL. It must be the
	// database of Pool; empty means: as Pool connects.
	URL  string
	Pool *pgxpool.Pool // inbox and position are written through it

	// Keep decides whether a change of one of the five entity tables enters the inbox;
	// nil keeps all. It must be quick: it is called for each row.
	Keep func(Change) bool
	// Reference is told which rules, settings or queue rows of which organisation a
	// committed transaction changed: one Change per table and organisation, and for
	// message_request_queue one per row, as far as those are not too many. For rules
	// and settings it is called before Keep is asked about any later transaction. An
	// error is logged and counted; to try again is up to the handler, within half a
	// minute: after that the stream is begun anew. While another process streams it is
	// called soon after that one has read the change.
	Reference func(context.Context, []Change) error
	// Started is called each time a stream begins, here or in another process, before
	// its first change if it is here: whatever is kept current through Reference may
	// have missed changes and has to be loaded anew. An error is treated as a lost
	// connection. It and Reference are never called side by side, and their contexts end
	// after half a minute.
	Started func(context.Context) error
	// Stored is called after changes have entered the inbox, by this process or another.
	// It must not block.
	Stored func()

	// Lease is how long a process that streams may freeze before another one takes the
	// stream over; 0 means 10 s. All processes of a slot should have the same.
	Lease time.Duration
	// MaxSlotWAL is how many bytes of WAL may be kept for the slot on the disk of Avni's
	// database. Beyond it a slot whose reader gets no further is dropped. 0: no limit.
	MaxSlotWAL int64

	Log     *slog.Logger // nil: discarded
	Metrics *Metrics     // nil: not exposed
}
