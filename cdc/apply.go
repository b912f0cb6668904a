package cdc

import (
	"context"
	"errors"
	"time"
)

// message takes one pgoutput message.
func (s *session) message(ctx context.Context, m message) error {
	switch m.kind {
	case messageBegin:
		// A commit record that begins before the stored position also ends there.
		s.tx = transaction{open: true, known: m.lsn < s.start, lsn: m.lsn.String(), at: m.at, xid: m.xid}
		s.monitor.reach.begin(m.lsn)
	case messageRow:
		s.monitor.reach.row()
		if m.table != nil && !s.tx.known {
			return s.row(ctx, m)
		}
	case messageCommit:
		return s.commit(ctx, m)
	}
	return nil
}

func (s *session) row(ctx context.Context, m message) error {
	s.options.Metrics.changed(m.table, m.change.Op)
	s.tx.changes = true
	if m.table.reference {
		s.referenceRow(m)
		return nil
	}
	if !s.wanted(m.change) {
		return nil
	}
	s.batch.add(inboxRow{change: m.change, at: s.tx.at, lsn: s.tx.lsn}, s.tx.xid)
	if len(s.batch.rows) < s.pace.partRows {
		return nil
	}
	// A huge transaction: what it has brought so far can go into the inbox, since it
	// has committed, but the position stays before it.
	s.tx.split = true
	if err := s.write(ctx, s.seen); err != nil {
		return err
	}
	s.notify()
	return nil
}

func (s *session) referenceRow(m message) {
	s.batch.addReference(m.change, m.table.kept, s.tx.xid)
	if !m.table.rules {
		return
	}
	s.tx.rules = true
	if s.tx.keepAll == nil {
		s.tx.keepAll = make(map[int32]bool)
	}
	s.tx.keepAll[m.change.OrganisationID] = true
}

// wanted decides whether a change enters the inbox. Within a transaction that has
// changed rules Keep cannot know, so everything of that organisation enters.
func (s *session) wanted(c Change) bool {
	if c.Table == Users && c.Op == Update && !c.Voided {
		return false // messages of a user are for new ones; updates are frequent
	}
	return s.options.Keep == nil || s.tx.keepAll[c.OrganisationID] || s.options.Keep(c)
}

// commit ends a transaction. The batch is stored if it is large or old enough, and
// always if rules changed, so that the next transaction meets the new ones, or if it
// was huge.
func (s *session) commit(ctx context.Context, m message) error {
	tx := s.tx
	s.tx = transaction{}
	if tx.known {
		return nil
	}
	s.seen.lsn = max(s.seen.lsn, m.lsn)
	s.options.Metrics.received.Set(float64(m.lsn))
	if tx.changes {
		s.seen.at = tx.at
		s.options.Metrics.transactions.Inc()
	}
	now := time.Now()
	switch {
	case tx.rules || tx.split:
		return s.flush(ctx, true)
	case s.batch.empty():
		if err := s.persistIdle(ctx, false); err != nil {
			return err
		}
		return s.report(now)
	case len(s.batch.rows) >= s.pace.batchRows || now.Sub(s.batch.since) >= s.pace.batchAge:
		return s.flush(ctx, false)
	}
	return nil
}

// flush stores the batch and tells who has to know. Whoever keeps the rules is told
// before whoever works on the inbox. Without rows the position is stored only if asked,
// or if there is something that everybody has to read anew.
func (s *session) flush(ctx context.Context, always bool) error {
	if err := s.awaitVisible(ctx); err != nil {
		return err
	}
	rows := len(s.batch.rows)
	if rows > 0 || always || s.batch.unversioned {
		if err := s.write(ctx, s.seen); err != nil {
			return err
		}
	} else if err := s.store.tell(ctx, s.notices()); err != nil {
		return err
	}
	if err := s.tellReferences(ctx); err != nil {
		return err
	}
	if rows > 0 {
		s.notify()
	}
	return s.report(time.Now())
}

// write stores the batch's rows with the given position. Only after it may that
// position be acknowledged. When we are told to stop it is left some time to end: a
// write that was broken off may have happened, and must not be repeated blindly.
func (s *session) write(ctx context.Context, p position) error {
	ctx, release := outlast(ctx, s.pace.finish)
	defer release()
	if err := s.awaitVisible(ctx); err != nil {
		return err
	}
	start := time.Now()
	rows := len(s.batch.rows)
	if err := s.writeRows(ctx, p); err != nil {
		return err
	}
	s.batch.stored()
	s.durable, s.storedAt, s.leasedAt, s.progressed = p, time.Now(), start, true
	s.options.Metrics.stored(p, rows, time.Since(start))
	s.monitor.stored(p)
	s.prove()
	return nil
}

// tellReferences hands changes of reference tables over. An error is the handler's to
// mend, and the stream goes on; but not without end while it tries to.
func (s *session) tellReferences(ctx context.Context) error {
	if len(s.batch.references) == 0 {
		return nil
	}
	changes, since := s.batch.takeReferences(), s.version
	s.version = s.store.version
	var failed error
	err := s.during(ctx, func(ctx context.Context) { failed = s.referenced(ctx, changes, since, s.version) })
	switch {
	case err != nil:
		return err
	case failed == nil || ctx.Err() != nil:
		return nil
	}
	if errors.Is(failed, errOverdue) {
		return failed
	}
	s.log.Error("handle changed rules or settings", "table", string(changes[0].Table), "err", failed)
	return nil
}

func (s *session) notify() {
	if s.options.Stored != nil {
		s.options.Stored()
	}
}

// outlast returns a context that ends some time after ctx does.
func outlast(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(by, cancel) })
	return longer, func() {
		stop()
		cancel()
	}
}
