package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// sweeper is what is kept from sweep to sweep.
type sweeper struct {
	seen   *queueMark    // the last mark; nil before the first
	failed int           // sweeps that did not get through, in a row
	until  time.Time     // no sweep before
	base   time.Duration // how long a sweep may take at first
}

// sweepLimit is how long a sweep may take at first. If a table takes longer, it may take
// twice as long next time, and then four times, with a rest in between.
const (
	sweepLimit = time.Minute
	sweepRest  = 5 // times as long as the sweep might take
)

func (s *sweeper) limit() time.Duration { return s.base << min(s.failed, 2) }

// resting is for how long no sweep is to begin.
func (s *sweeper) resting() time.Duration { return max(0, time.Until(s.until)) }

// queueMark is how far the queue had come at a moment.
type queueMark struct {
	id   int64     // of its last row
	at   time.Time // by the server's clock
	open []string  // transactions of others that were open: what they have written or marked may not be visible yet
	busy []string  // those of them that have written, or used the queue
}

const (
	horizonSQL = `select coalesce((select max(id) from public.message_request_queue), 0), clock_timestamp()`

	// unjudgedSQL is where to begin. avni-server's clock may be behind ours.
	unjudgedSQL = `
		select count(*), coalesce(min(judged_to), 0), coalesce(min(greatest(sent_since, swept_at - interval '1 hour')), now()),
		       coalesce((select indisvalid from pg_index where indexrelid = to_regclass($2)), false)
		  from messenger.ownership where slot = $1 and since is not null`

	sweptSQL  = `update messenger.ownership set swept_at = $2 where slot = $1 and since is not null and swept_at < $2`
	judgedSQL = `update messenger.ownership set judged_to = $2 where slot = $1 and since is not null and judged_to < $2`
)

// mark makes a mark. What is open is read last: what has ended by then can be seen by a sweep.
func (w *watcher) mark(ctx context.Context) (m queueMark, err error) {
	err = pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, horizonSQL).Scan(&m.id, &m.at); err != nil {
			return err
		}
		open, err := collect[openTransaction](ctx, tx, openSQL)
		for _, t := range open {
			m.open = append(m.open, t.ID)
			if t.Writes || t.Queue {
				m.busy = append(m.busy, t.ID)
			}
		}
		return err
	})
	return m, err
}

// sweep looks through the requests that were inserted since the last sweep, or by
// transactions that were open then, and those that were marked Sent since. Without an index that
// would read the whole table, so that it is done only if something may have been missed.
func (w *watcher) sweep(ctx context.Context, all bool) (found []foreignWrite, err error) {
	limited, cancel := context.WithTimeout(ctx, w.sweeper.limit())
	defer cancel()
	found, err = w.sweepOnce(limited, all)
	if err == nil || limited.Err() == nil || ctx.Err() != nil {
		w.sweeper.failed = 0
		return found, err
	}
	err = fmt.Errorf("the queue was not looked through within %s; an index would help, which `avni-messenger setup` makes: %w", w.sweeper.limit(), err)
	w.sweeper.until = time.Now().Add(sweepRest * w.sweeper.limit())
	w.sweeper.failed++
	return found, err
}

func (w *watcher) sweepOnce(ctx context.Context, all bool) (found []foreignWrite, err error) {
	now, err := w.mark(ctx)
	if err != nil {
		return nil, fmt.Errorf("look how far the queue has come: %w", err)
	}
	var organisations int
	var after int64
	var since time.Time
	var indexed bool
	err = w.pool.QueryRow(ctx, unjudgedSQL, w.judge.slot, "public."+deliveredIndex).Scan(&organisations, &after, &since, &indexed)
	if err != nil || organisations == 0 {
		return nil, err
	}
	if found, err = w.judge.hold(ctx, w.pool, foreignAfterSQL, after); err != nil {
		return nil, err
	}
	if all || indexed {
		more, err := w.judge.hold(ctx, w.pool, foreignSentSQL, since)
		if err != nil {
			return found, err
		}
		found = append(found, more...)
	}
	return found, w.advance(ctx, now, all || indexed)
}

// markAge is how old a mark must be to be relied on: whoever has drawn the number of a row
// then has written it within moments.
const markAge = time.Minute

// advance forgets what was before the last mark, once everybody has ended who was busy
// then, and makes a new mark: the sweep just now has seen what they did. A transaction that
// was prepared meanwhile has another id, so that none may be left.
func (w *watcher) advance(ctx context.Context, now queueMark, sent bool) error {
	last := w.sweeper.seen
	if last == nil {
		w.sweeper.seen = &now
		return nil
	}
	still := func(id string) bool { return slices.Contains(last.open, id) || strings.HasPrefix(id, preparedID) }
	if now.at.Sub(last.at) < markAge || slices.ContainsFunc(now.busy, still) {
		return nil
	}
	if _, err := w.pool.Exec(ctx, judgedSQL, w.judge.slot, last.id); err != nil {
		return err
	}
	if sent {
		if _, err := w.pool.Exec(ctx, sweptSQL, w.judge.slot, last.at); err != nil {
			return err
		}
	}
	w.sweeper.seen = &now
	return nil
}
