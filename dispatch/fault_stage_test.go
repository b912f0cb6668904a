package dispatch

import (
	"context"
	"slices"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/dispatch/glific/glifictest"
)

// cast are requests of every sort, and what each phone is to get for them: once, and
// nothing else.
type cast struct {
	requests []int64
	want     map[string][]string
	passedOn []string // the phones that Glific itself passes a message on to
}

// play queues a message of a rule to somebody whom Glific does not know, one to somebody
// whom it does, one to a user, one to a group and one to each member of a group.
func (s *stage) play(members int) cast {
	s.Helper()
	s.asha.AddOptedInContact(rameshPhone, "Ramesh")
	s.asha.AddOptedInContact(meenaPhone, "Meena")
	strangers, fellows := s.contacts(2), s.people(members)
	c := cast{passedOn: strangers.phones, want: map[string][]string{
		ashaPhone: {"Welcome Asha of Kevadia"}, rameshPhone: {"Welcome Asha of Kevadia"}, meenaPhone: {"Asha Sharma enrolled on 15/01/2024"},
	}}
	for _, phone := range strangers.phones {
		c.want[phone] = []string{"Welcome all of Kevadia"}
	}
	for i, phone := range fellows.phones {
		c.want[phone] = []string{fellows.body(i)}
	}
	c.requests = []int64{
		s.queueRule(welcomeRule, asha, "Subject", asha), s.queueRule(welcomeRule, ramesh, "Subject", ramesh),
		s.queueRule(workerRule, asha, "User", meena),
		s.queuePlain(s.asha.AddGroup("all", strangers.contacts...)), s.queueNamed(s.asha.AddGroup("camp", fellows.contacts...)),
	}
	return c
}

// patient are settings under which time alone never proves that a message was not
// accepted: only judge lets it pass.
func patient(o *Options) { o.Settings.UncertainGrace = time.Hour }

// beside runs one more replica, on a pool of its own.
func (s *stage) beside(change ...func(*Options)) *Dispatcher {
	s.Helper()
	pool := s.pool()
	d, _ := s.start(append(change, func(o *Options) { o.Pool = pool })...)
	return d
}

// doubtful are the deliveries of unknown outcome that nobody is looking at: whoever waited
// for the others could wait in a circle.
const doubtful = `request_id in (select request_id from messenger.delivery where state = 'uncertain' for update skip locked)`

// ask has Glific asked now about the sends of unknown outcome.
func (s *stage) ask() {
	s.Helper()
	s.execOwn(`update messenger.delivery set next_attempt_at = now() where ` + doubtful)
}

// judge does so as if the grace period were over: nothing sent so far may still be on its
// way to Glific.
func (s *stage) judge() {
	s.Helper()
	s.execOwn(`update messenger.delivery set next_attempt_at = now(), sending_since = sending_since - interval '2 hours' where ` + doubtful)
}

// inState is how many deliveries are in one of the states at the same moment.
func (s *stage) inState(states ...state) (n int) {
	s.Helper()
	s.must(s.db.Pool().QueryRow(context.Background(), `select count(*) from messenger.delivery where state = any($1)`, states).Scan(&n))
	return n
}

// unsent is how many requests of the cast are still to be sent.
func (s *stage) unsent(c cast) (n int) {
	s.Helper()
	s.must(s.db.Pool().QueryRow(context.Background(), `
		select count(*) from public.message_request_queue q left join messenger.delivery d on d.request_id = q.id
		 where q.id = any($1) and (q.delivery_status <> 'Sent' or d.state is distinct from 'accepted')`, c.requests).Scan(&n))
	return n
}

// end waits until every request of the cast is sent, and checks who got what.
func (s *stage) end(c cast) {
	s.Helper()
	s.await("everything is sent", func() bool { s.judge(); return s.unsent(c) == 0 })
	s.broadcast()
	got := make(map[string][]string)
	for _, d := range s.glific.Ledger() {
		got[d.Phone] = append(got[d.Phone], d.Body)
	}
	if diff := cmp.Diff(c.want, got); diff != "" {
		s.Errorf("messages (-want +got):\n%s", diff)
	}
}

// asked is how often an operation stands in the requests that Asha Gramin's Glific got.
func (s *stage) asked(operation string) (n int) {
	count := glifictest.Operation("asha", operation)
	for _, r := range s.glific.Requests() {
		n += count(r)
	}
	return n
}

// executed tells whether Glific has done all that it was asked of a kind.
func (s *stage) executed(c cast, operation string) bool {
	s.Helper()
	done := 0
	switch operation {
	case "optinContact":
		_, known := s.asha.Contact(ashaPhone)
		return known
	case "createAndSendMessageToGroup":
		s.broadcast()
		done = s.reached(c, true) / len(c.passedOn)
	case "createAndSendMessage":
		done = s.reached(c, false)
	}
	return done == s.asked(operation) // in this order: what is asked meanwhile is not done
}

// reached counts the messages that Glific passed on to groups, or the others.
func (s *stage) reached(c cast, passedOn bool) (n int) {
	for _, d := range s.glific.Ledger() {
		if slices.Contains(c.passedOn, d.Phone) == passedOn {
			n++
		}
	}
	return n
}

// victim runs a replica and returns what ends it as SIGKILL does: from then on it writes
// nothing, and what it was asking of Glific is cut off.
func (s *stage) victim(change ...func(*Options)) (kill func()) {
	s.Helper()
	pool := s.pool()
	_, stop := s.start(append(change, func(o *Options) { o.Pool, o.Settings.StopGrace = pool, time.Millisecond })...)
	return func() { pool.Close(); stop() }
}
