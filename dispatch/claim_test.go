package dispatch

import (
	"testing"
	"time"
)

func TestLostClaimWritesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	settings := brisk().withDefaults()
	settings.Lease = time.Millisecond
	slow, quick := newQueue(s.db.Pool(), 101, settings), newQueue(s.db.Pool(), 101, settings)
	ctx, now := t.Context(), time.Now()
	take := func(q *queue) *claim {
		t.Helper()
		var claims []*claim
		s.await("the request can be claimed", func() bool {
			var err error
			claims, err = q.claim(ctx, now)
			s.must(err)
			return len(claims) > 0
		})
		if len(claims) != 1 || claims[0].ID != id {
			t.Fatalf("claimed %+v", claims)
		}
		return claims[0]
	}
	lost := take(slow)
	take(quick)
	before := s.row(id)

	kept, err := slow.settle(ctx, now, lost, verdict{outcome: accepted, messageID: "1"}, change{state: stateAccepted, status: statusSent}, 0)
	if err != nil || kept {
		t.Errorf("settle: %v, %v; want false", kept, err)
	}
	_, ok, err := slow.begin(ctx, now, lost, message{contactID: "1", templateID: 7001})
	if err != nil || ok {
		t.Errorf("begin: %v, %v; want false", ok, err)
	}
	s.must(slow.release(ctx, now, lost))
	if got := s.row(id); got != before {
		t.Errorf("the lost claim's holder has changed\n%+v to\n%+v", before, got)
	}
}

func TestClaimDoesNotStealOneThatWasMadeMeanwhile(t *testing.T) {
	s := newStage(t)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	tx, err := s.pool().Begin(t.Context())
	s.must(err)
	_, err = tx.Exec(t.Context(), `insert into messenger.delivery (request_id, organisation_id, state, claimed_by, claimed_until, request_modified_at)
		values ($1, 101, 'claimed', gen_random_uuid(), now() + interval '1 hour', now())`, id)
	s.must(err)
	claimed := make(chan []*claim, 1)
	go func() { // begins before the other claim is there, and ends after
		claims, err := newQueue(s.db.Pool(), 101, brisk().withDefaults()).claim(t.Context(), time.Now())
		if err != nil {
			t.Error(err)
		}
		claimed <- claims
	}()
	s.await("the second claim waits for the first", func() bool {
		var waits bool
		s.must(s.db.Pool().QueryRow(t.Context(),
			`select exists (select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())`).Scan(&waits))
		return waits
	})
	s.must(tx.Commit(t.Context()))
	if claims := <-claimed; len(claims) != 0 {
		t.Errorf("request %d was claimed twice", claims[0].ID)
	}
}
