package dispatch

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

func TestLostAnswerLeadsToOneMessage(t *testing.T) {
	for name, test := range map[string]struct {
		fault glifictest.Fault
		sends int // requests that Glific got
	}{
		"committed, connection cut":     {glifictest.Fault{Kind: glifictest.LoseAnswer}, 1},
		"not committed, connection cut": {glifictest.Fault{Kind: glifictest.DropRequest}, 2},
		"committed, 502":                {glifictest.Fault{Kind: glifictest.ExecuteThenFail, Status: 502}, 1},
		"not committed, 502":            {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 502}, 2},
		"committed, no answer in time":  {glifictest.Fault{Kind: glifictest.AnswerLate, Delay: 3 * time.Second}, 1},
		"exception in Glific":           {glifictest.Fault{Kind: glifictest.Refuse, Text: "Something unexpected has happened, please reach out to Glific team over discord to get this resolved"}, 2},
		"unknown text":                  {glifictest.Fault{Kind: glifictest.Refuse, Text: "संपर्क की स्थिति मान्य नहीं है"}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			test.fault.Operation = "createAndSendMessage"
			s.glific.Inject(test.fault)
			id := s.queueRule(welcomeRule, asha, "Subject", asha)
			s.start()
			before := s.awaitReason(id, stateUncertain, LostAnswer)
			if before.Status != "NotSent" {
				t.Errorf("while it is uncertain the request is %+v", before)
			}
			r := s.awaitState(id, stateAccepted)
			if r.Status != "Sent" || !strings.HasPrefix(r.Outcomes, "uncertain") || !strings.HasSuffix(r.Outcomes, "accepted") {
				t.Errorf("the request is %+v", r)
			}
			s.wantOnce(id, ashaPhone)
			if got := s.calls("asha", "createAndSendMessage"); got != test.sends {
				t.Errorf("Glific got %d sends, want %d", got, test.sends)
			}
			if !before.SendAt.Equal(r.SendAt) {
				t.Errorf("the send time has changed from %s to %s", before.SendAt, r.SendAt)
			}
		})
	}
}

// wantOnce checks that a phone got exactly one message, and that its Glific id and
// send time are those of the request.
func (s *stage) wantOnce(id int64, phone string) {
	s.Helper()
	r, n := s.row(id), 0
	for _, d := range s.glific.Ledger() {
		if d.Phone != phone {
			continue
		}
		n++
		if d.MessageID != r.Message || !d.SendAt.Equal(r.SendAt) {
			s.Errorf("Glific's message is %s of %s, the request's %s of %s", d.MessageID, d.SendAt, r.Message, r.SendAt)
		}
	}
	if n != 1 {
		s.Errorf("the phone got %d messages, want 1; the request is %+v", n, r)
	}
}

func TestCrashAtAnyStepLeadsToOneMessage(t *testing.T) {
	for _, steps := range [][]string{
		{"render"}, {"before contact_by_phone"}, {"after optin_contact"}, {"before send"}, {"after send"},
		{"before send", "before find_sent"}, {"before send", "after find_sent"},
		{"after send", "before find_sent"}, {"after send", "after find_sent"},
		{"before send", "after send"}, {"before send", "before send", "after send"},
	} {
		t.Run(strings.Join(steps, ", "), func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			id := s.queueRule(welcomeRule, asha, "Subject", asha)
			for _, step := range steps {
				select {
				case <-s.startMortal(step):
				case <-time.After(avnitest.Patience):
					t.Fatalf("the step %q was never reached\n%s", step, s.log)
				}
			}
			if got := s.row(id); got.Status != "NotSent" || got.State == "accepted" {
				t.Fatalf("after the crash the request is %+v", got)
			}
			s.start()
			s.awaitState(id, stateAccepted)
			s.wantOnce(id, ashaPhone)
		})
	}
}

func TestReplicasSendEachMessageOnce(t *testing.T) {
	s := newStage(t)
	const subjects, each = 20, 10
	s.render = func(_ context.Context, r Request) (Rendered, error) {
		return Rendered{[]string{fmt.Sprint(r.ID), "x"}, "7001"}, nil
	}
	var ids []int64
	for i := range subjects {
		subject, err := s.avni.RegisterSubject(t.Context(), avnitest.SubjectFields{FirstName: "Asha", Phone: fmt.Sprintf("98765002%02d", i)})
		s.must(err)
		for j := range int64(each) { // several to one contact with one template: their send times must differ
			ids = append(ids, s.queueRule(welcomeRule, 100*subject+j, "Subject", subject))
		}
	}
	for range 2 {
		pool := s.pool()
		s.start(func(o *Options) { o.Pool = pool; o.Settings.InFlight = 4 })
	}
	s.await("all are sent", func() bool {
		var open int
		s.must(s.db.Pool().QueryRow(t.Context(), `select count(*) from public.message_request_queue where id = any($1) and delivery_status <> 'Sent'`, ids).Scan(&open))
		return open == 0
	})
	got, marks := map[string]int{}, map[string]int{}
	for _, d := range s.glific.Ledger() {
		got[d.Parameters[0]]++
		marks[fmt.Sprint(d.Phone, d.TemplateID, d.SendAt)]++
	}
	for _, id := range ids {
		if n := got[fmt.Sprint(id)]; n != 1 {
			t.Errorf("request %d was sent %d times", id, n)
		}
	}
	if len(marks) != len(ids) {
		t.Errorf("%d different send times, want %d", len(marks), len(ids))
	}
}

// belated hands a message over only when it is let, long after its sender has died.
type belated struct {
	sender
	let   chan struct{}
	group *sync.WaitGroup
}

func (b *belated) Send(_ context.Context, m glific.Message) (glific.Sent, error) {
	b.group.Go(func() {
		<-b.let
		_, _ = b.sender.Send(context.Background(), m)
	})
	return glific.Sent{}, errDead
}

func TestSendThatArrivesLateIsNotRepeated(t *testing.T) {
	s := newStage(t)
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	slow := func(o *Options) {
		o.Settings.SendTimeout, o.Settings.UncertainGrace = 100*time.Millisecond, 20*time.Second
	}
	var group sync.WaitGroup
	t.Cleanup(group.Wait)
	let := make(chan struct{})
	arrive := sync.OnceFunc(func() { close(let) })
	t.Cleanup(arrive)
	pool, err := pgxpool.New(context.Background(), s.db.URL())
	s.must(err)
	_, stop := s.start(slow, func(o *Options) {
		o.Pool = pool
		o.connect = func(a glific.Account) sender {
			client := glific.NewClient(a, o.Glific)
			return &mortal{sender: &belated{client, let, &group}, die: func(step string) bool {
				if step == "after send" {
					pool.Close()
				}
				return false
			}}
		}
	})
	s.await("the message is on its way", func() bool { return s.row(id).State == "sending" })
	stop()
	s.start(slow)
	s.awaitReason(id, stateUncertain, LostAnswer) // asked, and not there yet
	arrive()
	group.Wait()
	s.execOwn(`update messenger.delivery set next_attempt_at = now() where request_id = $1`, id) // or it would wait out the grace
	s.awaitState(id, stateAccepted)
	s.wantOnce(id, ashaPhone)
}

func TestManyMessagesToOneContactDoNotDisturbEachOther(t *testing.T) {
	s := newStage(t)
	var ids []int64
	for i := range int64(80) {
		ids = append(ids, s.queueRule(welcomeRule, 5000+i, "Subject", asha))
	}
	config := s.db.Pool().Config()
	config.MaxConns = 20
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	s.must(err)
	s.Cleanup(pool.Close)
	s.start(func(o *Options) { o.Pool = pool; o.Settings.InFlight, o.Settings.Lease = 64, time.Minute })
	for _, id := range ids {
		if r := s.awaitState(id, stateAccepted); r.Outcomes != "accepted" {
			t.Errorf("request %d: %s", id, r.Outcomes)
		}
	}
}
