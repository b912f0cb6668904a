package dispatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// wantTwins checks that the first of two requests was sent, once, and that the second
// gave way to it.
func (s *stage) wantTwins(sent, other int64, phone string) {
	s.Helper()
	s.awaitState(sent, stateAccepted)
	r := s.awaitState(other, stateWithdrawn)
	if r.Reason != string(Duplicate) || !r.Voided || r.Delivered || r.Status != "NotSent" || r.Outcomes != "withdrawn" {
		s.Errorf("the request that gave way is %+v", r)
	}
	s.wantOnce(sent, phone)
}

func TestTwinsLeadToOneMessage(t *testing.T) {
	for name, minutes := range map[string][2]int{ // when the older and the newer row are due, from now
		"due together":    {-1, -1},
		"the older first": {-2, -1},
		"the newer first": {-1, -2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			due := func(i int) time.Time { return time.Now().Add(time.Duration(minutes[i]) * time.Minute) }
			older := s.queueRuleAt(welcomeRule, asha, "Subject", asha, due(0))
			newer := s.queueRuleAt(welcomeRule, asha, "Subject", asha, due(1))
			s.start(func(o *Options) { o.Settings.InFlight = 1 })
			s.wantTwins(older, newer, ashaPhone)
		})
	}
}

// The rules move the older of two: the newer must not go out at the time that was.
func TestTwinGivesWayToOneThatIsDueLater(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	older := s.queueRuleAt(welcomeRule, asha, "Subject", asha, time.Now().Add(time.Hour))
	newer := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start()
	s.awaitReason(newer, stateWithdrawn, Duplicate)
	if r := s.row(older); r.State != "" || r.Voided {
		t.Errorf("the one that is moved is %+v", r)
	}
}

func TestTwinOfWhatDoesNotCountIsSent(t *testing.T) {
	for name, change := range map[string]string{
		"voided":   `is_voided = true`,
		"too late": `scheduled_date_time = now() - interval '5 days'`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			older := s.queueRule(welcomeRule, asha, "Subject", asha)
			s.exec(`update message_request_queue set `+change+` where id = $1`, older)
			newer := s.queueRule(welcomeRule, asha, "Subject", asha)
			s.start()
			s.awaitState(newer, stateAccepted)
		})
	}
}

func TestTwinOfWhatAvniServerHasSentIsNotSent(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	older := s.queueRule(welcomeRule, asha, "Subject", asha)
	newer := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.exec(`update message_request_queue set delivery_status = 'Sent', delivered_date_time = now(), is_voided = true where id = $1`, newer)
	s.start()
	s.awaitReason(older, stateWithdrawn, Duplicate)
	if got := s.bodies(ashaPhone); len(got) != 0 {
		t.Errorf("sent again: %q", got)
	}
}

func TestTwinOfASendOfUnknownOutcomeGivesWay(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	older := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.exec(`update message_request_queue set is_voided = true where id = $1`, older)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.DropRequest})
	newer := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start()
	s.awaitState(newer, stateUncertain)
	s.exec(`update message_request_queue set is_voided = false where id = $1`, older) // by a rule
	d.Wake(avnitest.AshaGramin)
	s.wantTwins(newer, older, ashaPhone)
}

func TestManualMessagesAreNoTwins(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	ids := []int64{
		s.queueManual(avnitest.AshaGramin, "Subject", ramesh, "7009", "@name", "camp"),
		s.queueManual(avnitest.AshaGramin, "Subject", ramesh, "7009", "@name", "camp"),
	}
	s.start()
	for _, id := range ids {
		s.awaitState(id, stateAccepted)
	}
	if got := s.bodies(rameshPhone); len(got) != 2 {
		t.Errorf("%d messages, want 2", len(got))
	}
}

func TestReplicasSendOneOfTwins(t *testing.T) {
	s := newStage(t)
	s.render = func(_ context.Context, r Request) (Rendered, error) {
		return Rendered{[]string{fmt.Sprint(r.EntityID), "x"}, "7001"}, nil
	}
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.DropRequest, Times: 5})
	const entities, each = 40, 3
	ids := make(map[int64][]int64)
	for i := range int64(entities) {
		at := time.Now().Add(-time.Minute)
		for range each {
			ids[i] = append(ids[i], s.queueRuleAt(welcomeRule, 5000+i, "Subject", asha, at))
		}
	}
	for range 3 {
		pool := s.pool()
		s.start(func(o *Options) { o.Pool = pool; o.Settings.InFlight, o.Settings.ClaimSize = 4, 7 })
	}
	for _, twins := range ids {
		s.await("twins have come to an end", func() bool {
			for _, id := range twins {
				if r := s.row(id); r.State != "accepted" && r.State != "withdrawn" {
					return false
				}
			}
			return true
		})
	}
	got := make(map[string]int)
	for _, d := range s.glific.Ledger() {
		got[d.Parameters[0]]++
	}
	for i, twins := range ids {
		if n := got[fmt.Sprint(5000+i)]; n != 1 {
			t.Errorf("twins %v led to %d messages", twins, n)
		}
	}
}

// claimed takes the requests of a rule that are there, the oldest first.
func (s *stage) claimed(q *queue, n int) []*claim {
	s.Helper()
	claims, err := q.claim(s.Context(), time.Now())
	s.must(err)
	claims = slices.DeleteFunc(claims, func(c *claim) bool { return c.RuleID == 0 })
	slices.SortFunc(claims, func(a, b *claim) int { return cmp.Compare(a.ID, b.ID) })
	if len(claims) != n {
		s.Fatalf("%d claims, want %d", len(claims), n)
	}
	return claims
}

func TestOfTwinsThatBeginTogetherOneIsSent(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for range 6 {
		s.queueRule(welcomeRule, asha, "Subject", asha)
	}
	q := newQueue(s.db.Pool(), 101, brisk().withDefaults())
	claims := s.claimed(q, 6)
	errs := make([]error, len(claims))
	var group sync.WaitGroup
	for i, c := range claims {
		group.Go(func() {
			_, ok, err := q.begin(t.Context(), time.Now(), c, message{contactID: "1", templateID: 7001})
			if !ok && err == nil {
				err = errors.New("the claim is lost")
			}
			errs[i] = err
		})
	}
	group.Wait()
	begun := 0
	for _, err := range errs {
		switch {
		case err == nil:
			begun++
		case !errors.Is(err, errOutranked):
			t.Error(err)
		}
	}
	if begun != 1 {
		t.Errorf("%d sends have begun, want 1", begun)
	}
}

// Each of two may have seen the other in its place, at different moments.
func TestTwinsDoNotAllGiveWay(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for range 5 {
		s.queueRule(welcomeRule, asha, "Subject", asha)
	}
	q := newQueue(s.db.Pool(), 101, brisk().withDefaults())
	claims := s.claimed(q, 5)
	withdrawn := make([]bool, len(claims))
	var group sync.WaitGroup
	for i, c := range claims {
		group.Go(func() {
			var err error
			withdrawn[i], err = q.withdrawTwin(t.Context(), time.Now(), c, verdict{outcome: outcome("withdrawn"), reason: Duplicate},
				change{state: stateWithdrawn, void: true}, admin)
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for i, c := range claims {
		if want := c.ID != claims[0].ID; withdrawn[i] != want {
			t.Errorf("request %d of %d is withdrawn: %v", c.ID, claims[0].ID, withdrawn[i])
		}
	}
	if r := s.row(claims[0].ID); r.State != "waiting" || r.Voided {
		t.Errorf("the one that counts is %+v", r)
	}
}
