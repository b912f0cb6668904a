package dispatch

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// What is claimed comes from two sides. Deliveries that are open are found by the index
// delivery_open, however many have come to rest. Requests that no delivery knows of, or
// that were modified since theirs came to rest, can be told from all the others only by
// reading every unsent request of the window with its delivery. That is done once per
// poll interval, and nothing that is visible then is missed, whoever wrote it, when, and by
// whatever clock. In between, only what is likely to be new is read: what has become due
// since, and what says that it was modified in the last seconds. A request that says
// nothing of the sort, or whose transaction took longer than that, waits for the next poll.

// sight is what was seen of an organisation's requests that may be claimed and of which no
// delivery that is open knows. It only says where to look: a claim judges anew. Safe for
// concurrent use.
type sight struct {
	queue *queue

	sweeping, ahead, changed lane

	mu        sync.Mutex
	seen      []seenRequest // and not claimed yet, in the order in which they are due
	upTo      time.Time     // what is due before this was seen; zero: nothing was looked at yet
	changedAt time.Time     // when it was last looked at what had been modified
}

// seenRequest is a request that could be claimed when it was seen.
type seenRequest struct {
	id     int64
	dueAt  time.Time
	judged bool // it has a delivery, which came to rest
}

const (
	// sightSize is how many requests are looked for at once.
	sightSize = 2000

	// writtenWithin is how long it may take from the time that a request says it was
	// modified at until others see that, without its having to wait for the next poll.
	writtenWithin = 10 * time.Second
)

// fresh is true of a request q that no open delivery d knows of.
var fresh = `(d.request_id is null or ` + revived("q.last_modified_date_time") + `)`

func sightSQL(condition, order string) string {
	return `
select q.id, q.scheduled_date_time, d.request_id is not null
  from public.message_request_queue q
  left join messenger.delivery d on d.request_id = q.id
 where ` + unsent + ` and not q.is_voided and ` + condition + ` and ` + fresh + `
 order by ` + order + `
 limit @size`
}

var (
	sightDueSQL     = sightSQL(`q.scheduled_date_time between @from and @now`, `q.scheduled_date_time`)
	sightChangedSQL = sightSQL(`q.scheduled_date_time between @since and @now and q.last_modified_date_time >= now() - @ago::interval`, `q.last_modified_date_time`)
)

// sweep looks at everything that is due, from the oldest on.
func (s *sight) sweep(ctx context.Context, now time.Time) error {
	return s.sweeping.run(func() (bool, error) {
		began := time.Now()
		found, err := s.look(ctx, now, sightDueSQL, pgx.NamedArgs{"from": now.Add(-s.queue.settings.Window)})
		if err != nil {
			return false, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen, s.changedAt = nil, began
		s.add(found)
		s.reach(found, now)
		return false, nil
	})
}

// refresh looks at what is likely to be new and, if less than wanted is in sight, at what
// has become due. Else that is looked at once those in sight are taken: they may turn out
// to be somebody else's.
func (s *sight) refresh(ctx context.Context, now time.Time, wanted int, unjudged bool) error {
	_, upTo, ago := s.first(0)
	if upTo.IsZero() {
		return s.sweep(ctx, now)
	}
	err := s.changed.run(func() (bool, error) {
		began := time.Now()
		found, err := s.look(ctx, now, sightChangedSQL, pgx.NamedArgs{"ago": ago})
		if err != nil {
			return false, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.add(found)
		if len(found) < sightSize { // else what comes after them is seen once they are claimed
			s.changedAt = began
		}
		return false, nil
	})
	if err != nil {
		return err
	}
	if s.ahead.missed = s.inSight(unjudged) >= wanted; s.ahead.missed {
		return nil
	}
	return s.ahead.run(func() (bool, error) {
		found, err := s.look(ctx, now, sightDueSQL, pgx.NamedArgs{"from": upTo})
		if err != nil {
			return false, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.add(found)
		s.reach(found, now)
		return len(found) == sightSize, nil
	})
}

func (s *sight) look(ctx context.Context, now time.Time, sql string, more pgx.NamedArgs) ([]seenRequest, error) {
	arguments := s.queue.arguments(now, more)
	arguments["size"] = sightSize
	found, err := replan(s.queue.pool, func() ([]seenRequest, error) {
		rows, _ := s.queue.pool.Query(ctx, sql, plannedAnew, arguments) // its error is that of the rows
		return pgx.CollectRows(rows, func(row pgx.CollectableRow) (r seenRequest, err error) {
			err = row.Scan(&r.id, &r.dueAt, &r.judged)
			return r, err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("look for due requests: %w", err)
	}
	return found, nil
}

// add needs the lock.
func (s *sight) add(found []seenRequest) {
	if len(found) == 0 {
		return
	}
	s.seen = append(s.seen, found...)
	slices.SortFunc(s.seen, func(a, b seenRequest) int { return cmp.Or(a.dueAt.Compare(b.dueAt), cmp.Compare(a.id, b.id)) })
	s.seen = slices.CompactFunc(s.seen, func(a, b seenRequest) bool { return a.id == b.id })
}

// reach notes how far a look in the order of the due times has come. It needs the lock.
func (s *sight) reach(found []seenRequest, now time.Time) {
	s.upTo = now
	if len(found) == sightSize {
		s.upTo = found[len(found)-1].dueAt
	}
}

// take removes up to n requests, the first to be due first. If only those of which
// nothing is known are wanted, the others stay.
func (s *sight) take(n int, unjudged bool) []int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []int64
	s.seen = slices.DeleteFunc(s.seen, func(r seenRequest) bool {
		if len(ids) == n || unjudged && r.judged {
			return false
		}
		ids = append(ids, r.id)
		return true
	})
	return ids
}

// inSight is how many requests there are to take.
func (s *sight) inSight(unjudged bool) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.seen {
		if !unjudged || !r.judged {
			n++
		}
	}
	return n
}

// first are the ids of up to n requests in sight, up to when there are no others, and
// how long ago those may have been modified that are not seen yet.
func (s *sight) first(n int) (ids []int64, upTo time.Time, ago time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.seen[:min(n, len(s.seen))] {
		ids = append(ids, r.id)
	}
	return ids, s.upTo, min(s.queue.settings.Window, time.Since(s.changedAt)+writtenWithin)
}

// forget has everything looked at anew.
func (s *sight) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen, s.upTo = nil, time.Time{}
}
