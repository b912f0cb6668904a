package dispatch

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// A turn looks at what is due, then waits for a delivery under way to end. What falls due
// in between was not due for the look, and is not due later either: nobody wakes the
// dispatcher, and the poll is an hour away.
func TestWhatFallsDueDuringATurnIsSentAtOnce(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(s *stage, soon int64){
		"for the first time": func(*stage, int64) {},
		"again": func(s *stage, soon int64) {
			s.exec(`update message_request_queue set scheduled_date_time = now() - interval '1 hour' where id = $1`, soon)
			s.execOwn(`insert into messenger.delivery (request_id, organisation_id, state, reason, attempts, next_attempt_at, request_modified_at)
				select id, 101, 'waiting', 'glific_error', 1, now() + interval '20 minutes', last_modified_date_time from message_request_queue where id = $1`, soon)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			for i := range int64(2) {
				s.queueRule(welcomeRule, 5000+i, "Subject", asha)
			}
			soon := s.queueRuleAt(workerRule, ramesh, "Subject", ramesh, time.Now().Add(20*time.Minute))
			prepare(s, soon)
			var clock ahead
			var once sync.Once
			s.render = func(_ context.Context, r Request) (Rendered, error) {
				once.Do(func() { clock.forward(30 * time.Minute) }) // the turn waits for this one to begin the other
				return sample[r.RuleID], nil
			}
			s.start(func(o *Options) {
				o.Now, o.Settings.PollInterval, o.Settings.InFlight = clock.now, time.Hour, 1
			})
			s.awaitState(soon, stateAccepted)
		})
	}
}

// What is in sight may turn out to be somebody else's: then there is room for what has
// become due since, which was not looked at.
func TestWhatIsBehindOthersClaimsIsLookedAtNext(t *testing.T) {
	t.Parallel()
	for name, unjudged := range map[string]bool{"while Glific answers": false, "during a pause": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			for i := range int64(2) {
				s.queueOld(welcomeRule, 5000+i, time.Now().Add(-time.Hour))
			}
			next := s.queueOld(welcomeRule, ramesh, time.Now().Add(time.Hour))
			settings := Settings{ClaimSize: 2}.withDefaults()
			one, other := newQueue(s.db.Pool(), 101, settings), newQueue(s.pool(), 101, settings)
			now, later := time.Now(), time.Now().Add(2*time.Hour)
			s.must(one.sight.sweep(t.Context(), now))
			claims, err := other.claim(t.Context(), now)
			s.must(err)
			if len(claims) != 2 {
				t.Fatalf("%d requests were claimed, want 2", len(claims))
			}
			claim := one.claim
			if unjudged {
				claim = one.claimUnjudged
			}
			claims, err = claim(t.Context(), later)
			s.must(err)
			if wait := one.rest(time.Hour); len(claims) != 0 || wait > time.Minute {
				t.Fatalf("%d requests were claimed, and the next look is in %s; want none, and the look soon", len(claims), wait)
			}
			s.await("the next one is claimed", func() bool {
				claims, err = claim(t.Context(), later)
				s.must(err)
				return len(claims) > 0
			})
			if claims[0].ID != next {
				t.Errorf("request %d was claimed, want %d", claims[0].ID, next)
			}
		})
	}
}

// During a pause those that are judged stay in sight, however many: they hide no others.
func TestWhatWaitsForThePauseHidesNoOthers(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for i := range int64(2) {
		judged := s.queueOld(welcomeRule, 5000+i, time.Now().Add(-time.Hour))
		s.execOwn(`insert into messenger.delivery (request_id, organisation_id, state, reason, request_modified_at) values ($1, 101, 'refused', 'no_phone', now())`, judged)
	}
	next := s.queueOld(welcomeRule, ramesh, time.Now().Add(time.Hour))
	q := newQueue(s.db.Pool(), 101, Settings{ClaimSize: 2}.withDefaults())
	s.must(q.sight.sweep(t.Context(), time.Now()))
	claims, err := q.claimUnjudged(t.Context(), time.Now().Add(2*time.Hour))
	s.must(err)
	if len(claims) != 1 || claims[0].ID != next {
		t.Errorf("%d requests were claimed, want request %d", len(claims), next)
	}
}

// lookFails has the looks at what was changed fail: their time is over before they begin.
type lookFails struct{}

func (lookFails) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if data.SQL != sightChangedSQL {
		return ctx
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	return over
}

func (lookFails) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// A look that fails is taken again soon, also beside one that has found something.
func TestLookThatFailsBesideAnotherIsTakenAgainSoon(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.execOwn(`insert into messenger.delivery (request_id, organisation_id, state, reason, next_attempt_at, request_modified_at)
		select id, 101, 'waiting', 'glific_error', now(), last_modified_date_time from message_request_queue where id = $1`, id)
	config := s.db.Pool().Config()
	config.ConnConfig.Tracer = lookFails{}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	s.must(err)
	t.Cleanup(pool.Close)
	options := s.options()
	options.Pool, options.Settings.PollInterval, options.Settings.Lease = pool, time.Hour, time.Hour
	w := newWorker(options.withDefaults(), s.organisations[0])
	wait := w.turn(t.Context(), t.Context())
	_ = w.inHand.Wait()
	if r := s.row(id); r.State != string(stateAccepted) || wait > time.Second || w.status().Trouble == "" {
		t.Errorf("the request is %+v, the next turn in %s, trouble %q; want it accepted, and the other look again within a second", r, wait, w.status().Trouble)
	}
}
