package dispatch

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

func TestLateRequestsExpire(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	late := s.queueRuleAt(welcomeRule, asha, "Subject", asha, time.Now().Add(-5*24*time.Hour))
	known := s.queueRuleAt(welcomeRule, ramesh, "Subject", ramesh, time.Now().Add(-5*24*time.Hour))
	s.execOwn(`insert into messenger.delivery (request_id, organisation_id, state, reason, attempts, next_attempt_at, request_modified_at)
		values ($1, 101, 'waiting', 'glific_error', 3, now() + interval '1 hour', now())`, known)
	failed := s.queueRuleAt(welcomeRule, asha, "Subject", asha, time.Now().Add(-6*24*time.Hour))
	s.exec(`update message_request_queue set delivery_status = 'Failed' where id = $1`, failed)
	untouched := s.row(failed)
	fresh := s.queueRuleAt(welcomeRule, asha, "Subject", asha, time.Now().Add(-3*24*time.Hour))
	s.start()
	s.awaitState(fresh, stateAccepted)
	for _, id := range []int64{late, known} {
		if r := s.awaitState(id, stateExpired); r.Status != "Failed" || r.Reason != "expired" || r.Outcomes != "expired" || r.ChangedBy != admin {
			t.Errorf("request %d is %+v", id, r)
		}
	}
	if got := s.row(failed); got != untouched {
		t.Errorf("what avni-server had given up has become %+v", got)
	}
	if n := len(s.glific.Ledger()); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
}

func TestUncertainRequestOutlivesItsWindow(t *testing.T) {
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.LoseAnswer})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start(func(o *Options) { o.Settings.Window = 5500 * time.Millisecond }) // over while it is uncertain
	s.awaitState(id, stateUncertain)
	s.awaitState(id, stateAccepted)
	s.wantOnce(id, ashaPhone)
}

func TestUnsentUncertainRequestExpiresAfterItsWindow(t *testing.T) {
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.DropRequest})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start(func(o *Options) { o.Settings.Window = 6 * time.Second })
	s.awaitState(id, stateUncertain)
	if r := s.awaitState(id, stateExpired); r.Status != "Failed" {
		t.Errorf("the request is %+v", r)
	}
	if n := len(s.glific.Ledger()); n != 0 {
		t.Errorf("%d messages, want none", n)
	}
}

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

func TestPacing(t *testing.T) {
	s := newStage(t)
	var ids []int64
	for i := range int64(5) {
		ids = append(ids, s.queueRule(welcomeRule, 5000+i, "Subject", asha))
	}
	s.start(func(o *Options) { o.Settings.MessagesPerSecond = 10 })
	for _, id := range ids {
		s.awaitState(id, stateAccepted)
	}
	ledger := s.glific.Ledger()
	if took := ledger[4].At.Sub(ledger[0].At); took < 350*time.Millisecond {
		t.Errorf("5 messages at 10 per second took %s", took)
	}
}

func TestFewMessagesDueTogetherDoNotWaitForEachOther(t *testing.T) {
	s := newStage(t)
	for i := range int64(6) {
		s.queueRule(welcomeRule, 5000+i, "Subject", asha)
	}
	s.start(func(o *Options) { o.Settings.MessagesPerSecond = 1 })
	s.await("all are sent", func() bool { return len(s.glific.Ledger()) == 6 })
	ledger := s.glific.Ledger()
	if wait, last := ledger[4].At.Sub(ledger[0].At), ledger[5].At.Sub(ledger[0].At); wait > 700*time.Millisecond || last < 700*time.Millisecond {
		t.Errorf("after the first message, the fifth was sent after %s and the sixth after %s", wait, last)
	}
}

func TestSlowMessageDelaysNoOther(t *testing.T) {
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.OnlyDelay, Delay: 20 * time.Second})
	slow := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start(func(o *Options) {
		o.Glific.Timeout, o.Settings.SendTimeout, o.Settings.StopGrace = time.Minute, time.Minute, time.Millisecond
		o.Settings.InFlight = 2
	})
	s.awaitState(slow, "sending")
	for i := range int64(3) {
		quick := s.queueRule(welcomeRule, 5000+i, "Subject", ramesh)
		d.Wake(avnitest.AshaGramin)
		s.awaitState(quick, stateAccepted)
	}
	if got := s.row(slow).State; got != "sending" {
		t.Errorf("meanwhile the slow one is %s", got)
	}
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
	s.await("it is sent once the dispatcher was woken", func() bool {
		d.Wake(avnitest.AshaGramin)
		return s.row(id).State == "accepted"
	})
}

func TestLateRequestsExpireWhileGlificIsPaused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.asha.Suspend(true)
	known := s.queueRule(welcomeRule, asha, "Subject", asha)
	fresh := s.queueRule(welcomeRule, 5000, "Subject", asha)
	var days atomic.Int64
	s.start(func(o *Options) {
		o.Settings.LongPause = 100 * 24 * time.Hour
		o.Now = func() time.Time { return time.Now().AddDate(0, 0, int(days.Load())) }
	})
	s.awaitReason(known, stateWaiting, OrganisationSuspended)
	s.awaitReason(fresh, stateWaiting, OrganisationSuspended)
	late := s.queueRuleAt(welcomeRule, 5001, "Subject", asha, time.Now().Add(-5*24*time.Hour))
	days.Store(5)
	for _, id := range []int64{known, fresh, late} {
		if r := s.awaitReason(id, stateExpired, Expired); r.Status != "Failed" {
			t.Errorf("the request is %+v", r)
		}
	}
	if n := s.calls("asha", "createAndSendMessage"); n > 2 {
		t.Errorf("Glific was tried %d times during the pause", n)
	}
}
