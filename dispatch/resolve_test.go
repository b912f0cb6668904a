package dispatch

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// looker answers the first question about a send, and no other.
type looker struct {
	sender
	found glific.Found
	err   error
	takes time.Duration
	looks atomic.Int32
	sends atomic.Int32
}

func (l *looker) FindSent(context.Context, string, int, time.Time) (glific.Found, error) {
	if l.looks.Add(1) > 1 {
		return glific.Found{}, l.err
	}
	<-time.After(l.takes)
	return l.found, l.err
}

func (l *looker) Send(ctx context.Context, m glific.Message) (glific.Sent, error) {
	l.sends.Add(1)
	return l.sender.Send(ctx, m)
}

// uncertain queues a message and leaves it as one whose send had no answer.
func (s *stage) uncertain(change ...func(*Options)) int64 {
	s.Helper()
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.LoseAnswer})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	_, stop := s.start(change...)
	s.awaitState(id, stateUncertain)
	stop()
	return id
}

func TestLookThatBeganTooEarlyProvesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.uncertain()
	s.execOwn(`update messenger.delivery set next_attempt_at = now(), sending_since = clock_timestamp() - interval '3 seconds' where request_id = $1`, id)
	l := &looker{found: glific.Found{Presence: glific.Absent}, takes: 2500 * time.Millisecond}
	s.start(func(o *Options) {
		o.connect = func(a glific.Account) sender { l.sender = glific.NewClient(a, o.Glific); return l }
		o.Settings.Lease, o.Settings.UncertainGrace = time.Minute, 5*time.Second
	})
	s.await("Glific is asked again", func() bool { return l.looks.Load() > 1 || l.sends.Load() > 0 })
	if n := l.sends.Load(); n != 0 {
		t.Errorf("the message was sent again %d times", n)
	}
}

func TestSendByAnotherOrganisationOfGlificIsNotRepeated(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.uncertain()
	s.execOwn(`update messenger.delivery set next_attempt_at = now(), sending_since = now() - interval '1 hour' where request_id = $1`, id)
	s.mu.Lock()
	s.organisations[0].Glific = s.organisations[1].Glific
	s.mu.Unlock()
	l := &looker{found: glific.Found{Presence: glific.Absent}} // of a contact there with the same id
	var days atomic.Int64
	d, _ := s.start(func(o *Options) {
		o.connect = func(a glific.Account) sender { l.sender = glific.NewClient(a, o.Glific); return l }
		o.Now = func() time.Time { return time.Now().AddDate(0, 0, int(days.Load())) }
	})
	s.await("it was judged", func() bool {
		var later bool
		s.must(s.db.Pool().QueryRow(t.Context(), `select state = 'uncertain' and next_attempt_at > now() + interval '1 minute' from messenger.delivery where request_id = $1`, id).Scan(&later))
		return later || l.sends.Load() > 0
	})
	s.execOwn(`update messenger.delivery set next_attempt_at = now() where request_id = $1`, id)
	days.Store(6)
	d.Wake(avnitest.AshaGramin)
	s.awaitReason(id, stateExpired, Unresolved)
	if n := l.sends.Load(); n != 0 {
		t.Errorf("the message was sent again %d times", n)
	}
}

func TestSendThatGlificWillNotTellOfComesToAnEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.uncertain()
	s.execOwn(`update messenger.delivery set next_attempt_at = now() where request_id = $1`, id)
	l := &looker{err: &glific.Error{Operation: glific.OpFindSent, Outcome: glific.Uncertain, Code: glific.Unexpected}}
	s.start(func(o *Options) {
		o.connect = func(a glific.Account) sender { l.sender = glific.NewClient(a, o.Glific); return l }
		o.Now = func() time.Time { return time.Now().AddDate(0, 0, 6) }
	})
	s.awaitReason(id, stateExpired, Unresolved)
}
