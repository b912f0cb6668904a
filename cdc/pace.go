package cdc

import "time"

// pace holds the loop's times and sizes. Tests make them smaller.
type pace struct {
	batchRows    int           // a batch of so many rows is stored at the next commit
	partRows     int           // and within a transaction at so many, without moving the position
	batchAge     time.Duration // likewise a batch so old
	linger       time.Duration // how long to wait for more before a batch is stored
	status       time.Duration // between acknowledgements that are not new
	newStatus    time.Duration // between those that are
	silence      time.Duration // without a word from the server: the connection is dead
	persistBytes LSN           // a position without changes is stored when so far
	persistAge   time.Duration // or so long behind
	retryMin     time.Duration // first pause after a lost connection, doubled up to
	retryMax     time.Duration
	standby      time.Duration // between looks at a slot that somebody else reads
	slow         time.Duration // between tries at what a human has to mend
	finish       time.Duration // for the last batch when told to stop
	survey       time.Duration // for a look at the database before a stream
	watch        time.Duration // between looks at what the slot costs
	free         time.Duration // to wait for a reader that was told to end
	handler      time.Duration // for one call of a handler
	hang         time.Duration // without the loop's coming round, beyond two leases: a statement may take as long
	ping         time.Duration // without a notice: see whether that connection still works
	sample       time.Duration // between looks at which transactions are open
	newSlot      time.Duration // to wait for a new slot
	scan         scanPace      // of a search for changes that were not read
}

func defaultPace() pace {
	return pace{
		batchRows: 1000, partRows: 10_000, batchAge: 20 * time.Millisecond, linger: 500 * time.Microsecond,
		status: 10 * time.Second, newStatus: time.Second, silence: 30 * time.Second,
		persistBytes: 16 << 20, persistAge: time.Minute,
		retryMin: 200 * time.Millisecond, retryMax: 30 * time.Second, standby: time.Second, slow: 15 * time.Second,
		finish: 5 * time.Second, survey: 10 * time.Second, watch: 10 * time.Second, free: 2 * time.Second, ping: 30 * time.Second,
		handler: 30 * time.Second, hang: longestStatement,
		sample: time.Minute, newSlot: slotTimeout, scan: defaultScanPace(),
	}
}

// longestSilence bounds how long a server may be silent. It is asked for an answer much
// more often, but while it decodes a large transaction of which nothing is for us an
// older one does not answer: whoever has raised wal_sender_timeout may have done so for that.
const longestSilence = 2 * time.Minute

// forSender fits the times to the server's wal_sender_timeout (0: none).
func (p pace) forSender(timeout time.Duration) pace {
	if timeout > 0 {
		p.status = min(p.status, timeout/3)
	} else {
		timeout = longestSilence
	}
	p.silence = max(p.silence, min(timeout, longestSilence))
	return p
}

// longestStatement bounds one statement of the stream.
const longestStatement = 15 * time.Second

// statementTimeout keeps one statement well below wal_sender_timeout: while it runs,
// the server hears nothing from us.
func statementTimeout(walSenderTimeout time.Duration) time.Duration {
	if walSenderTimeout <= 0 {
		return longestStatement
	}
	return max(500*time.Millisecond, min(longestStatement, walSenderTimeout*2/5))
}
