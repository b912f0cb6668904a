package cdc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pglogrepl"
)

// session is one stream from its start to its end, for one goroutine.
type session struct {
	options    *Options
	pace       pace
	conn       *connection
	decoder    *decoder
	store      *store
	monitor    *monitor
	log        *slog.Logger
	batch      *batch // outlives the session as far as its references go
	referenced func(ctx context.Context, changes []Change, since, version int64) error
	version    int64 // that the handlers were told of, see store
	tx         transaction
	start      LSN       // stored position when the session began
	seen       position  // end of the last transaction, or a keepalive after it
	durable    position  // what is stored
	storedAt   time.Time // when that was
	part       int       // rows that can be stored at once in the time there is; 0: any number
	leasedAt   time.Time // when the lease was last renewed
	ackedLSN   LSN       // what the server was told
	ackedAt    time.Time // when
	askedAt    time.Time // when the server last made us store a position without changes
	looked     time.Time // which look at the slot last had its say on storing a position without changes
	began      time.Time // when the session did
	progressed bool      // something was stored
	proven     func()    // to be called once, when the stream is known to work; nil afterwards
}

// begin has everything loaded that may have changed before the stream.
func (s *session) begin(ctx context.Context, load func(context.Context) error) error {
	var failed error
	err := s.during(ctx, func(ctx context.Context) { failed = load(ctx) })
	if err == nil && failed != nil {
		err = fmt.Errorf("start of stream: %w", failed)
	}
	if err == nil {
		err = s.tellReferences(ctx)
	}
	s.began = time.Now()
	return err
}

// prove says that the stream works.
func (s *session) prove() {
	if s.proven != nil {
		s.proven()
		s.proven = nil
	}
}

// transaction is the source transaction that is being received.
type transaction struct {
	open    bool
	known   bool // it is stored already: pass over it
	lsn     string
	at      time.Time
	xid     uint32
	changes bool
	split   bool           // part of it is stored already
	rules   bool           // it touched a table on which Keep depends
	keepAll map[int32]bool // organisations whose rules it touched
}

// run reads until ctx ends or something fails.
func (s *session) run(ctx context.Context) error {
	undo := s.conn.interruptBy(ctx)
	defer undo()
	s.decoder.whose = func(oid uint32, name string) (*watchedTable, error) { return s.whose(ctx, oid, name) }
	for ctx.Err() == nil {
		data, err := s.conn.receive(s.wake())
		switch {
		case errors.Is(err, errNothing):
			err = s.tick(ctx)
		case err == nil:
			err = s.handle(ctx, data)
		}
		if err == nil {
			err = s.renew(ctx)
		}
		if err != nil {
			return err
		}
	}
	undo()
	s.finish(ctx)
	return nil
}

// wake is when something has to be done even if nothing comes.
func (s *session) wake() time.Time {
	wake := s.ackedAt.Add(s.pace.status)
	if s.ackedLSN != s.durable.lsn {
		wake = s.ackedAt.Add(s.pace.newStatus)
	}
	if proof := s.began.Add(s.pace.newStatus); s.proven != nil && proof.Before(wake) {
		wake = proof
	}
	if lease := s.leasedAt.Add(s.store.lease / 3); lease.Before(wake) {
		wake = lease
	}
	if !s.batch.empty() && !s.tx.open {
		wake = time.Now().Add(s.pace.linger)
	}
	return wake
}

// tick does what has become due while nothing came.
func (s *session) tick(ctx context.Context) error {
	if !s.batch.empty() && !s.tx.open {
		if err := s.flush(ctx, false); err != nil {
			return err
		}
	}
	now := time.Now()
	if now.Sub(s.conn.in.heard) > s.pace.silence {
		return &trouble{state: Connecting, reason: reasonSilent,
			err: fmt.Errorf("PostgreSQL sent nothing for %s; connecting anew", now.Sub(s.conn.in.heard).Round(time.Second))}
	}
	if now.Sub(s.began) >= s.pace.newStatus {
		s.prove()
	}
	if err := s.persistIdle(ctx, false); err != nil {
		return err
	}
	return s.report(now)
}

// report sends the acknowledgement that is due. Once in a while it asks for an
// answer, so that silence means a dead connection.
func (s *session) report(now time.Time) error {
	since := now.Sub(s.ackedAt)
	switch {
	case since >= s.pace.status:
		return s.acknowledge(now, true)
	case since >= s.pace.newStatus && s.ackedLSN != s.durable.lsn:
		return s.acknowledge(now, false)
	}
	return nil
}

func (s *session) acknowledge(now time.Time, askForReply bool) error {
	if err := s.conn.acknowledge(s.durable.lsn, askForReply); err != nil {
		return err
	}
	s.ackedLSN, s.ackedAt = s.durable.lsn, now
	s.options.Metrics.acknowledged.Set(float64(s.durable.lsn))
	s.monitor.heard(s.conn.in.heard)
	return nil
}

// handle takes one message of the replication protocol.
func (s *session) handle(ctx context.Context, data []byte) error {
	if len(data) == 0 {
		return unreadable(errors.New("empty replication message"))
	}
	switch data[0] {
	case pglogrepl.PrimaryKeepaliveMessageByteID:
		keepalive, err := pglogrepl.ParsePrimaryKeepaliveMessage(data[1:])
		if err != nil {
			return unreadable(err)
		}
		return s.keepalive(ctx, keepalive)
	case pglogrepl.XLogDataByteID:
		const header = 1 + 3*8 // kind, start, end, time
		if len(data) < header {
			return unreadable(fmt.Errorf("replication message of %d bytes", len(data)))
		}
		m, err := s.decoder.decode(data[header:])
		if err != nil {
			return unreadable(err)
		}
		return s.message(ctx, m)
	}
	return unreadable(fmt.Errorf("unknown replication message %q", data[0]))
}

// keepalive moves on over WAL that holds nothing for us. When the server asks for an
// answer it may be waiting, to stop, until we have confirmed everything.
func (s *session) keepalive(ctx context.Context, k pglogrepl.PrimaryKeepaliveMessage) error {
	s.options.Metrics.received.Set(float64(k.ServerWALEnd))
	s.monitor.reach.keepalive(k.ServerWALEnd)
	if !s.tx.open && s.batch.empty() && k.ServerWALEnd > s.seen.lsn {
		s.seen.lsn = k.ServerWALEnd
	}
	now := time.Now()
	wanted := k.ReplyRequested && now.Sub(s.askedAt) >= s.pace.newStatus
	if wanted {
		s.askedAt = now
	}
	if err := s.persistIdle(ctx, wanted); err != nil {
		return err
	}
	if k.ReplyRequested {
		return s.acknowledge(now, false)
	}
	return s.report(now)
}

// persistIdle stores a position that moved without changes for the inbox: rarely,
// since that writes WAL itself.
func (s *session) persistIdle(ctx context.Context, wanted bool) error {
	behind := s.seen.lsn - s.durable.lsn
	if s.tx.open || !s.batch.empty() || s.seen.lsn <= s.durable.lsn {
		return nil
	}
	if !wanted && behind < s.pace.persistBytes && time.Since(s.storedAt) < s.pace.persistAge && !s.hoards() {
		return nil
	}
	return s.write(ctx, s.seen)
}

// hoards says, once for each look at the slot, that PostgreSQL keeps much WAL for it. It
// lets go of WAL only when it hears of a position beyond a snapshot that it took in the
// meantime (LogicalIncreaseRestartDecodingForSlot): after a burst of foreign WAL one
// acknowledgement is not enough.
func (s *session) hoards() bool {
	w := s.monitor.get().Watch
	if w.At.Equal(s.looked) {
		return false
	}
	s.looked = w.At
	return w.Retained >= int64(s.pace.persistBytes)
}

// finish stores what is complete and takes leave. What is not stored will be read again.
func (s *session) finish(ctx context.Context) {
	if !s.tx.open && s.seen.lsn > s.durable.lsn {
		if err := s.write(ctx, s.seen); err != nil {
			s.log.Warn("last changes were not stored; they will be read again", "err", err)
			return
		}
	}
	if err := s.acknowledge(time.Now(), false); err == nil {
		s.conn.end()
	}
	s.release(ctx)
}
