package dispatch

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
)

func TestQuietHoursHoldMessagesBack(t *testing.T) {
	s := newStage(t)
	var hours atomic.Int64 // that the dispatcher's clock is ahead
	now := func() time.Time { return time.Now().Add(time.Duration(hours.Load()) * time.Hour) }
	begin := time.Now().UTC().Truncate(24 * time.Hour)
	since := time.Since(begin)
	quiet := QuietHours{From: since - time.Minute, To: since + time.Hour, Location: time.UTC}
	if quiet.From < 0 || quiet.To >= 24*time.Hour { // around midnight
		quiet.From, quiet.To = (quiet.From+24*time.Hour)%(24*time.Hour), quiet.To%(24*time.Hour)
	}
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start(func(o *Options) { o.Settings.QuietHours, o.Now = quiet, now })
	s.await("it is quiet, with a message due", func() bool {
		return len(d.Status()) == 2 && d.Status()[0].Due == 1 && !d.Status()[0].QuietUntil.IsZero()
	})
	if got := s.row(id).State; got != "" {
		t.Errorf("in the quiet hours the request is %s", got)
	}
	hours.Store(2)
	s.awaitState(id, stateAccepted)
}

func TestQuietHoursBeginAmidDeliveries(t *testing.T) {
	s := newStage(t)
	var quiet atomic.Bool
	begin := time.Now().UTC().Truncate(24 * time.Hour)
	s.render = func(_ context.Context, r Request) (Rendered, error) {
		quiet.Store(true)
		return sample[r.RuleID], nil
	}
	first := s.queueRule(welcomeRule, asha, "Subject", asha)
	second := s.queueRuleAt(welcomeRule, ramesh, "Subject", ramesh, time.Now().Add(-time.Second))
	d, _ := s.start(func(o *Options) {
		o.Settings.QuietHours = QuietHours{From: 23 * time.Hour, To: time.Hour, Location: time.UTC}
		o.Settings.Window = 100 * 24 * time.Hour
		o.Now = func() time.Time {
			if quiet.Load() {
				return begin.Add(47*time.Hour + 30*time.Minute)
			}
			return begin.Add(46*time.Hour + 59*time.Minute)
		}
	})
	s.await("both are given back", func() bool {
		return s.row(first).State == "waiting" && s.row(second).State != "claimed" && !d.Status()[0].QuietUntil.IsZero()
	})
	if n := len(s.glific.Ledger()); n != 0 {
		t.Errorf("%d messages were sent in the quiet hours", n)
	}
}

func TestHeldRequestsAreTriedAgainWhenTheDatabaseIsBack(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.execOwn(`insert into messenger.delivery (request_id, organisation_id, state, reason, next_attempt_at, request_modified_at)
		select id, 101, 'waiting', 'not_test_number', 'infinity', last_modified_date_time from message_request_queue where id = $1`, id)
	w := newWorker(s.options().withDefaults(), s.organisations[0])
	down, cancel := context.WithCancel(t.Context())
	cancel()
	w.doChores(down)
	w.chores = time.Time{}.Add(1)
	w.doChores(t.Context())
	claims, err := w.queue.claim(t.Context(), time.Now())
	s.must(err)
	if len(claims) != 1 || claims[0].ID != id {
		t.Errorf("%d requests can be claimed, want the held one", len(claims))
	}
}

func TestVoidedRequestOfADeadClaimIsWithdrawn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.exec(`update message_request_queue set is_voided = true where id = $1`, id)
	s.execOwn(`insert into messenger.delivery (request_id, organisation_id, state, claimed_by, claimed_until, next_attempt_at)
		values ($1, 101, 'claimed', gen_random_uuid(), now() - interval '1 second', now())`, id)
	s.start()
	s.awaitReason(id, stateWithdrawn, Withdrawn)
}

func TestOnlyTestNumbersAreMessaged(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	allowed := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	other := s.queueRule(welcomeRule, asha, "Subject", asha)
	_, stop := s.start(func(o *Options) { o.Settings.TestNumbers = []Phone{rameshPhone} })
	s.awaitState(allowed, stateAccepted)
	if r := s.awaitReason(other, stateWaiting, NotTestNumber); r.Status != "NotSent" || r.Outcomes != "held" {
		t.Errorf("the held request is %+v", r)
	}
	if _, known := s.asha.Contact(ashaPhone); known {
		t.Error("Glific was told of a number that is not a test number")
	}
	stop()
	s.start() // without the option
	s.awaitState(other, stateAccepted)
}

func TestDryRunTouchesNeitherGlificNorAvni(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	fine := s.queueRule(welcomeRule, asha, "Subject", asha)
	bad := s.queueRule(welcomeRule, noPhone, "Subject", noPhone)
	late := s.queueRuleAt(welcomeRule, ramesh, "Subject", ramesh, time.Now().Add(-5*24*time.Hour))
	before := map[int64]row{fine: s.row(fine), bad: s.row(bad), late: s.row(late)}
	d, stop := s.start(func(o *Options) { o.Settings.DryRun = true })
	s.awaitReason(fine, stateWaiting, DryRun)
	s.awaitReason(bad, stateWaiting, NoPhone)
	s.await("nothing more is due", func() bool { return d.Status()[0].Due == 0 })
	for id, want := range before {
		got := s.row(id)
		if id != late {
			want.State, want.Reason, want.Outcomes = got.State, got.Reason, "dry_run"
		}
		if got != want {
			t.Errorf("request %d has become\n%+v, want\n%+v", id, got, want)
		}
	}
	var parameters []string
	s.must(s.db.Pool().QueryRow(t.Context(), `select parameters from messenger.delivery where request_id = $1`, fine).Scan(&parameters))
	if len(parameters) != 2 || parameters[0] != "Asha" {
		t.Errorf("what would have been sent: %q", parameters)
	}
	s.exec(`update message_request_queue set scheduled_date_time = now(), last_modified_date_time = now() + interval '1 ms' where id = $1`, fine)
	s.await("a changed request is looked at again", func() bool {
		var again bool
		s.must(s.db.Pool().QueryRow(t.Context(), `select d.request_modified_at = q.last_modified_date_time and d.state = 'waiting'
			from messenger.delivery d join public.message_request_queue q on q.id = d.request_id where q.id = $1`, fine).Scan(&again))
		return again
	})
	if n := len(s.glific.Requests()); n != 0 {
		t.Errorf("Glific got %d requests", n)
	}
	stop()
	s.start()
	s.awaitState(fine, stateAccepted)
	s.awaitReason(bad, stateRefused, NoPhone)
	s.awaitState(late, stateExpired)
}

func TestFutureRequestIsSentWhenDue(t *testing.T) {
	s := newStage(t)
	due := time.Now().Add(1500 * time.Millisecond)
	id := s.queueRuleAt(welcomeRule, asha, "Subject", asha, due)
	s.start(func(o *Options) { o.Settings.PollInterval = time.Hour }) // the timer alone must do it
	s.awaitState(id, stateAccepted)
	if late := s.glific.Ledger()[0].At.Sub(due); late < 0 || late > time.Second {
		t.Errorf("sent %s after it was due", late)
	}
}

func TestWakeFindsNewRequest(t *testing.T) {
	s := newStage(t)
	first := s.queueRule(workerRule, asha, "Subject", asha)
	d, _ := s.start(func(o *Options) { o.Settings.PollInterval = time.Hour })
	s.awaitState(first, stateAccepted) // so the queue has been looked at
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	d.Wake(avnitest.AshaGramin)
	s.awaitState(id, stateAccepted)
}
