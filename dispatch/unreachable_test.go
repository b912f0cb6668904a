package dispatch

import (
	"context"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
)

func TestUnreachableGlificIsNamedUntilItAnswersAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	host := listener.Addr().String()
	s.must(listener.Close())
	glific, err := url.Parse(s.glific.URL(""))
	s.must(err)
	s.organisations[0].Glific.BaseURL = "http://" + host + "/asha"
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	began := time.Now()
	d, _ := s.start(func(o *Options) { o.Settings.ShortPause = 500 * time.Millisecond })
	s.awaitReason(id, stateWaiting, Unreachable)
	got := d.Status()[0]
	if got.Paused != Unreachable || got.PausedFor != host+": connection refused" || got.PausedSince.Before(began) || got.PausedSince.After(time.Now()) {
		t.Errorf("the status is %+v", got)
	}
	since := got.PausedSince
	lines := s.log.lines(t, "deliveries are paused")
	if len(lines) != 1 || lines[0]["err"] != host+": connection refused" {
		t.Errorf("the pause is told by %v", lines)
	}
	s.await("it was tried again", func() bool { return d.Status()[0].PausedUntil.Sub(since) > 900*time.Millisecond })
	if got := d.Status()[0]; !got.PausedSince.Equal(since) {
		t.Errorf("the pause that goes on is %+v, want it since %s", got, since)
	}

	listener, err = net.Listen("tcp", host)
	s.must(err)
	proxy := &http.Server{Handler: httputil.NewSingleHostReverseProxy(glific)}
	go func() { _ = proxy.Serve(listener) }()
	t.Cleanup(func() { _ = proxy.Close() })
	s.awaitState(id, stateAccepted)
	if lines := s.log.lines(t, "Glific answers again"); len(lines) != 1 || lines[0]["reason"] != string(Unreachable) || lines[0]["organisation"] != "asha_gramin" {
		t.Errorf("the end is told by %v", lines)
	}
	if got := d.Status()[0]; got.Paused != "" || got.PausedFor != "" || !got.PausedSince.IsZero() {
		t.Errorf("the status afterwards is %+v", got)
	}
}

func TestWhatCannotBeSentAnywayIsJudgedDuringAPause(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.setPassword("not it")
	s.render = func(_ context.Context, r Request) (Rendered, error) {
		if r.RuleID == workerRule {
			return Rendered{}, refuse(RuleFailed, "throw")
		}
		return sample[r.RuleID], nil
	}
	first := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start(func(o *Options) {
		o.Settings.PollInterval, o.Settings.LongPause, o.Settings.ClaimSize = time.Hour, time.Hour, 2
	})
	s.awaitReason(first, stateWaiting, WrongPassword)
	asked, untouched := len(s.glific.Requests()), s.touched(first)

	without := s.queueRule(welcomeRule, noPhone, "Subject", noPhone)
	fine := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	wrong := s.queueRule(welcomeRule, badPhone, "Subject", badPhone)
	failing := s.queueRule(workerRule, asha, "User", meena)
	late := s.queueRuleAt(welcomeRule, noPhone, "Subject", noPhone, time.Now().Add(time.Second)) // by the timer
	d.Wake(avnitest.AshaGramin)
	for id, reason := range map[int64]Reason{without: NoPhone, wrong: InvalidPhone, failing: RuleFailed, late: NoPhone} {
		if r := s.awaitReason(id, stateRefused, reason); r.Outcomes != "refused" {
			t.Errorf("request %d is %+v", id, r)
		}
	}
	if r := s.awaitReason(fine, stateWaiting, WrongPassword); r.Status != "NotSent" || r.Attempts != 0 || r.Outcomes != "wait" {
		t.Errorf("the one that could be sent is %+v", r)
	}
	if n := len(s.glific.Requests()); n != asked {
		t.Errorf("Glific was asked %d times during the pause", n-asked)
	}
	if got := s.touched(first); !got.Equal(untouched) {
		t.Error("a request that waits for the end of the pause was claimed meanwhile")
	}
	if got := d.Status()[0]; got.Due != 2 || got.Paused != WrongPassword {
		t.Errorf("the status is %+v", got)
	}
	s.setPassword("glific-asha-pw")
	d.Reload()
	if r := s.awaitState(fine, stateAccepted); r.Outcomes != "wait accepted" || r.Attempts != 1 {
		t.Errorf("after the pause it is %+v", r)
	}
	if lines := s.log.lines(t, "deliveries begin anew"); len(lines) != 1 || lines[0]["organisation"] != "asha_gramin" {
		t.Errorf("the end of the pause by another password is told by %v", lines)
	}
}

// touched is when a request's delivery was last written.
func (s *stage) touched(id int64) (at time.Time) {
	s.Helper()
	s.must(s.db.Pool().QueryRow(context.Background(), `select updated_at from messenger.delivery where request_id = $1`, id).Scan(&at))
	return at
}

func TestRequestThatWaitedForAPauseBringsNoOther(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	w := newWorker(s.options().withDefaults(), s.organisations[0])
	claims, err := w.queue.claim(t.Context(), time.Now())
	s.must(err)
	w.record(t.Context(), claims[0], verdict{outcome: waiting, reason: WrongPassword, spared: true}) // by a pause that has just ended
	s.awaitReason(id, stateWaiting, WrongPassword)
	if w.paused() {
		t.Error("the organisation is paused, although Glific was not asked")
	}
}
