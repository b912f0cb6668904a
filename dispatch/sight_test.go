package dispatch

import (
	"context"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
)

// late are requests that come to be due in ways that only reading the whole window shows:
// what they say of themselves is older than what was seen before. Each prepares a request
// that is not sent yet, and returns it with what makes it due.
var late = map[string]func(*stage) (id int64, appear func()){
	"a transaction that took long": func(s *stage) (int64, func()) {
		var id int64
		tx, err := s.avni.Pool().Begin(s.Context())
		s.must(err)
		s.must(tx.QueryRow(s.Context(), `
			insert into message_request_queue (uuid, organisation_id, message_rule_id, message_receiver_id, entity_id, scheduled_date_time, delivery_status,
			       version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
			select gen_random_uuid(), 101, $1, 901, $2, now() - interval '1 hour', 'NotSent', 0, 201, 201, now() - interval '1 hour', now() - interval '1 hour'
			returning id`, welcomeRule, ramesh).Scan(&id))
		return id, func() { s.must(tx.Commit(s.Context())) }
	},
	"a new time without a new time of change": func(s *stage) (int64, func()) {
		return s.later(`scheduled_date_time = now() - interval '2 days'`)
	},
	"a clock that is behind": func(s *stage) (int64, func()) {
		return s.later(`scheduled_date_time = now() - interval '1 minute', last_modified_date_time = now() - interval '1 hour'`)
	},
	"a clock that is ahead": func(s *stage) (int64, func()) {
		return s.later(`scheduled_date_time = now() - interval '1 minute', last_modified_date_time = now() + interval '1 hour'`)
	},
	"an un-voided request": func(s *stage) (int64, func()) {
		id := s.queueOld(welcomeRule, ramesh, time.Now().Add(-time.Hour))
		s.exec(`update message_request_queue set is_voided = true where id = $1`, id)
		return id, func() { s.exec(`update message_request_queue set is_voided = false where id = $1`, id) }
	},
	"a request that was marked Sent by mistake": func(s *stage) (int64, func()) {
		id := s.queueOld(welcomeRule, ramesh, time.Now().Add(-time.Hour))
		s.exec(`update message_request_queue set delivery_status = 'Sent', delivered_date_time = now() where id = $1`, id)
		return id, func() {
			s.exec(`update message_request_queue set delivery_status = 'NotSent', delivered_date_time = null where id = $1`, id)
		}
	},
	"a row that somebody had locked": func(s *stage) (int64, func()) {
		id := s.queueOld(welcomeRule, ramesh, time.Now().Add(-time.Hour))
		tx, err := s.avni.Pool().Begin(s.Context())
		s.must(err)
		_, err = tx.Exec(s.Context(), `select from message_request_queue where id = $1 for update`, id)
		s.must(err)
		return id, func() { s.must(tx.Rollback(s.Context())) }
	},
	"a refused request, modified by a clock that is behind": func(s *stage) (int64, func()) {
		id := s.queueRule(welcomeRule, noPhone, "Subject", noPhone)
		s.execOwn(`insert into messenger.delivery (request_id, organisation_id, state, reason, request_modified_at)
			select id, 101, 'refused', 'gave_up', last_modified_date_time from message_request_queue where id = $1`, id)
		return id, func() {
			s.exec(`update message_request_queue set last_modified_date_time = last_modified_date_time - interval '1 hour',
				message_receiver_id = 901 where id = $1`, id)
		}
	},
}

// queueOld queues a message to a subject that nobody has touched for long.
func (s *stage) queueOld(rule, subject int64, at time.Time) int64 {
	s.Helper()
	id := s.queueRuleAt(rule, subject, "Subject", subject, at)
	s.exec(`update message_request_queue set last_modified_date_time = now() - interval '3 days' where id = $1`, id)
	return id
}

// later is a request that is due in an hour, until it is changed.
func (s *stage) later(change string) (id int64, appear func()) {
	s.Helper()
	id = s.queueOld(welcomeRule, ramesh, time.Now().Add(time.Hour))
	return id, func() { s.exec(`update message_request_queue set `+change+` where id = $1`, id) }
}

// Nobody wakes the dispatcher: it finds them with the next poll.
func TestWhatOnlyTheWindowShowsIsFoundWithTheNextPoll(t *testing.T) {
	t.Parallel()
	for name, prepare := range late {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			id, appear := prepare(s)
			before := s.queueRule(workerRule, asha, "User", meena)
			s.start()
			s.awaitState(before, stateAccepted) // so that later due times have been seen
			appear()
			s.awaitState(id, stateAccepted)
		})
	}
}

func TestWhatHasJustBeenWrittenIsFoundWhenWoken(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	ofNobody := s.queueRule(welcomeRule, noPhone, "Subject", noPhone)
	moved := s.queueRuleAt(welcomeRule, ramesh, "Subject", ramesh, time.Now().Add(time.Hour))
	d, _ := s.start(func(o *Options) { o.Settings.PollInterval = time.Hour })
	s.awaitReason(ofNobody, stateRefused, NoPhone)

	s.exec(`update message_request_queue set scheduled_date_time = now() - interval '2 days', last_modified_date_time = now() where id = $1`, moved)
	s.exec(`update message_request_queue set message_receiver_id = (select id from message_receiver where receiver_type = 'Subject' and receiver_id = $2),
		last_modified_date_time = now() + interval '1 ms' where id = $1`, ofNobody, ramesh)
	old := s.queueRuleAt(workerRule, asha, "User", meena, time.Now().Add(-3*24*time.Hour))
	soon := s.queueRuleAt(welcomeRule, asha, "Subject", asha, time.Now().Add(300*time.Millisecond))
	d.Wake(avnitest.AshaGramin) // as the last change of the queue does; the poll is an hour away
	for _, id := range []int64{ofNobody, moved, old, soon} {
		s.awaitState(id, stateAccepted)
	}
}

func TestOrganisationServedLaterIsLookedAtFromTheStart(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRuleAt(welcomeRule, asha, "Subject", asha, time.Now().Add(-3*24*time.Hour))
	s.exec(`update message_request_queue set last_modified_date_time = now() - interval '3 days' where id = $1`, id)
	served := s.organisations
	s.organisations = nil
	d, _ := s.start(func(o *Options) { o.Settings.PollInterval = time.Hour })
	s.mu.Lock()
	s.organisations = served
	s.mu.Unlock()
	d.Reload()
	s.awaitState(id, stateAccepted)
}

// A look sees so many at once, and all of them may be due at the same moment.
func TestRequestsBeyondOneLookAreAllClaimedOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const n = 2*sightSize + 100
	s.exec(`
		insert into message_request_queue (uuid, organisation_id, message_rule_id, message_receiver_id, entity_id, scheduled_date_time, delivery_status,
		       version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select gen_random_uuid(), 101, $1, 901, 100000 + n, now() - interval '1 hour', 'NotSent', 0, 201, 201, now() - interval '1 hour', now() - interval '1 hour'
		  from generate_series(1, $2) n`, welcomeRule, n)
	settings := Settings{ClaimSize: 300}.withDefaults()
	replicas := []*queue{newQueue(s.pool(), 101, settings), newQueue(s.pool(), 101, settings)}
	claimed := make(chan int64, 2*n)
	for _, q := range replicas {
		go func() {
			defer func() { claimed <- 0 }()
			for {
				claims, err := q.claim(context.Background(), time.Now())
				if err != nil {
					t.Error(err)
					return
				}
				for _, c := range claims {
					claimed <- c.ID
				}
				if _, upTo, _ := q.sight.first(0); len(claims) == 0 && q.rest(time.Hour) == time.Hour && upTo.After(time.Now().Add(-time.Minute)) {
					return
				}
			}
		}()
	}
	times := make(map[int64]int, n)
	for ended := 0; ended < len(replicas); {
		if id := <-claimed; id == 0 {
			ended++
		} else if times[id]++; times[id] == 2 {
			t.Errorf("request %d was claimed twice", id)
		}
	}
	if len(times) != n {
		t.Errorf("%d requests were claimed, want %d", len(times), n)
	}
}
