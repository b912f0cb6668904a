package dispatch

import (
	"context"
	"errors"
	"testing"
	"time"
)

// holder is who claims a request, and when the claim was last extended.
func (s *stage) holder(id int64) (by string, until time.Time) {
	s.Helper()
	var claimedBy *string
	var claimedUntil *time.Time
	s.must(s.db.Pool().QueryRow(context.Background(), `select claimed_by::text, claimed_until from messenger.delivery where request_id = $1`, id).
		Scan(&claimedBy, &claimedUntil))
	if claimedBy != nil {
		by = *claimedBy
	}
	return by, orZero(claimedUntil)
}

// While somebody alters a table of Avni's, the members cannot be looked for in it.
func TestListingAGroupForLongKeepsTheClaim(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(3)
	id := s.queueNamed(s.asha.AddGroup("camp", f.contacts...))
	tx, err := s.avni.Pool().Begin(t.Context())
	s.must(err)
	_, err = tx.Exec(t.Context(), `lock table individual in access exclusive mode`)
	s.must(err)
	for range 2 {
		pool := s.pool()
		s.start(func(o *Options) { o.Pool = pool })
	}
	s.await("the members are looked for", func() bool {
		var waits bool
		s.must(s.db.Pool().QueryRow(t.Context(), `select exists (select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())`).Scan(&waits))
		return waits
	})
	first, until := s.holder(id)
	s.await("the claim has lasted for several leases", func() bool {
		now, extended := s.holder(id)
		if now != first {
			t.Fatalf("the claim of %q is %q's", first, now)
		}
		return extended.Sub(until) > 3*brisk().Lease
	})
	s.must(tx.Rollback(t.Context()))
	s.awaitState(id, stateAccepted)
	s.wantNamed(f)
}

func TestWorkEndsWithTheClaimThatItNeeds(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	q := newQueue(s.db.Pool(), 101, brisk().withDefaults())
	claims, err := q.claim(t.Context(), time.Now())
	s.must(err)
	err = q.hold(t.Context(), claims[0], func(ctx context.Context) {
		s.execOwn(`update messenger.delivery set claimed_by = gen_random_uuid() where request_id = $1`, id)
		<-ctx.Done()
	})
	if !errors.Is(err, errClaimLost) {
		t.Errorf("error %v, want %v", err, errClaimLost)
	}
}
