package dispatch

import (
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
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
