package rules

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// fakeRehearser answers as the test says.
type fakeRehearser struct {
	answer Rehearsed
	broken map[int64]bool // requests that cannot be rehearsed
	asked  []Sending
}

func (f *fakeRehearser) Rehearse(_ context.Context, s Sending) (Rehearsed, error) {
	f.asked = append(f.asked, s)
	if f.broken[s.RequestID] {
		return Rehearsed{}, errors.New("cannot be rehearsed")
	}
	return f.answer, nil
}

// TestParityOfSending records what would have been said when avni-server sends.
func TestParityOfSending(t *testing.T) {
	fake := &fakeRehearser{answer: Rehearsed{TemplateID: "7001", Parameters: []string{"Gita", "Kevadia"}}}
	s := openShadow(t, func(o *WorkerOptions) { o.Rehearser = fake })
	ctx := t.Context()
	s.both(time.Now().Add(-time.Minute).Truncate(time.Second))
	wanted := s.save(cdc.Individual, s.register)
	s.ours = Schedule{}
	unwanted := s.save(cdc.Individual, s.register)
	s.compare()
	if n := must[int](t)(s.server.SendDue(ctx)); n < 2 {
		t.Fatalf("avni-server has sent %d messages", n)
	}
	first, second := s.request(601, wanted).ID, s.request(601, unwanted).ID
	for _, id := range []int64{first, second} {
		s.worker.RequestChanged(avnitest.AshaGramin, id)
	}
	s.compare()

	type sending struct {
		Request    int64
		Template   string
		Parameters []string
		Reason     string
		Detail     string
		Lag        bool
	}
	rows, err := s.db.Pool().Query(ctx, `select request_id, template_id, parameters, coalesce(reason, ''), coalesce(detail, ''), recorded_at >= sent_at
		from messenger.parity_sending order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	want := []sending{{first, "7001", []string{"Gita", "Kevadia"}, "", "", true},
		{second, "7001", []string{"Gita", "Kevadia"}, NoRequest, saidNotToSend, true}}
	if diff := cmp.Diff(want, must[[]sending](t)(pgx.CollectRows(rows, pgx.RowToStructByPos[sending]))); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	last := fake.asked[len(fake.asked)-1]
	if last.RequestID != second || last.RuleID != 601 || last.EntityID != unwanted || last.ReceiverType != "Subject" || last.ReceiverID != unwanted {
		t.Errorf("asked for %+v", last)
	}
	asked := len(fake.asked)
	s.worker.RequestChanged(avnitest.AshaGramin, first)
	s.compare()
	if len(fake.asked) != asked {
		t.Error("it is asked twice about one message")
	}
}

// sent has avni-server send a message each about some new subjects, and returns the requests.
func (s *shadow) sent(n int) (requests []int64) {
	s.Helper()
	s.both(time.Now().Add(-time.Minute).Truncate(time.Second))
	for range n {
		requests = append(requests, s.request(601, s.save(cdc.Individual, s.register)).ID)
	}
	s.compare()
	must[int](s)(s.server.SendDue(s.Context()))
	for _, id := range requests {
		s.worker.RequestChanged(avnitest.AshaGramin, id)
	}
	return requests
}

func (s *shadow) rehearsed(request int64) bool {
	s.Helper()
	return s.count(`select count(*) from messenger.parity_sending where request_id = $1`, request) == 1
}

// TestOneSendingThatCannotBeRehearsed keeps nothing else from being compared, is told of
// once, and is tried again.
func TestOneSendingThatCannotBeRehearsed(t *testing.T) {
	var log notebook
	clock := time.Now()
	fake := &fakeRehearser{}
	s := openShadow(t, withLog(&log), func(o *WorkerOptions) { o.Rehearser, o.Now = fake, func() time.Time { return clock } })
	requests := s.sent(3)
	fake.broken = map[int64]bool{requests[0]: true, requests[1]: true}
	s.compare()
	if s.rehearsed(requests[0]) || s.rehearsed(requests[1]) || !s.rehearsed(requests[2]) {
		t.Error("what can be rehearsed is not recorded, or something else is")
	}
	asked := len(fake.asked)
	s.compare()
	if len(fake.asked) != asked {
		t.Error("it is tried again at once")
	}
	// Another process has recorded one of them.
	exec(t, s.db.Pool(), `insert into messenger.parity_sending (request_id, organisation_id, rule_id, sent_at) values ($1, 101, 601, now())`, requests[1])
	for range 5 {
		clock = clock.Add(2 * longestRehearsalPause)
		s.compare()
	}
	if n := len(fake.asked) - asked; n != 5 {
		t.Errorf("it is tried %d times more, want 5", n)
	}
	if lines := log.lines("could not be rehearsed"); len(lines) != 1 {
		t.Errorf("the log says %q", lines)
	}
	fake.broken = nil
	clock = clock.Add(2 * longestRehearsalPause)
	s.compare()
	if !s.rehearsed(requests[0]) {
		t.Error("it is not recorded when it can be rehearsed")
	}
	asked = len(fake.asked)
	clock = clock.Add(2 * longestRehearsalPause)
	s.compare()
	if len(fake.asked) != asked || len(s.comparer.unrehearsed) != 0 {
		t.Error("it is asked for still")
	}
}

// TestSendingOfAnOrganisationThatIsNotInShadow asks nobody about it.
func TestSendingOfAnOrganisationThatIsNotInShadow(t *testing.T) {
	fake := &fakeRehearser{}
	s := openShadow(t, func(o *WorkerOptions) { o.Rehearser = fake })
	requests := s.sent(1)
	fake.broken = map[int64]bool{requests[0]: true}
	s.compare()
	s.comparer.early = append(s.comparer.early, requests...)
	s.worker.RequestChanged(avnitest.AshaGramin, requests[0])
	s.dir.forget(avnitest.AshaGramin)
	asked := len(fake.asked)
	s.compare()
	if len(fake.asked) != asked || len(s.comparer.early) != 0 || len(s.comparer.unrehearsed) != 0 {
		t.Errorf("asked %d times, %v and %v are kept", len(fake.asked)-asked, s.comparer.early, s.comparer.unrehearsed)
	}
}

// TestSendingWhileTheDatabaseIsAway blames no request.
func TestSendingWhileTheDatabaseIsAway(t *testing.T) {
	fake := &fakeRehearser{}
	s := openShadow(t, func(o *WorkerOptions) { o.Rehearser = fake })
	requests := s.sent(2)
	exec(t, s.db.Pool(), `alter table messenger.parity_sending rename to away`)
	s.comparer.do(t.Context())
	if s.comparer.trouble == "" || len(s.comparer.unrehearsed) != 0 {
		t.Errorf("trouble %q, blamed %v", s.comparer.trouble, s.comparer.unrehearsed)
	}
	exec(t, s.db.Pool(), `alter table messenger.away rename to parity_sending`)
	s.compare()
	if !s.rehearsed(requests[0]) || !s.rehearsed(requests[1]) {
		t.Error("what was sent is forgotten")
	}
}

// TestSendingWaitsForComparison does not say what would have been sent before it is known
// whether there would have been a request.
func TestSendingWaitsForComparison(t *testing.T) {
	fake := &fakeRehearser{answer: Rehearsed{TemplateID: "7001", Parameters: []string{"Gita"}}}
	s := openShadow(t, settleFor(time.Hour), func(o *WorkerOptions) { o.Rehearser = fake })
	s.both(time.Now().Add(-time.Minute))
	subject := must[int64](t)(s.server.Save(t.Context(), "Subject", s.register))
	if n := must[int](t)(s.server.SendDue(t.Context())); n == 0 {
		t.Fatal("avni-server has sent nothing")
	}
	s.worker.RequestChanged(avnitest.AshaGramin, s.request(601, subject).ID)
	s.compare()
	if len(fake.asked) != 0 {
		t.Fatal("it is said before the change was evaluated")
	}
	s.ours = Schedule{}
	s.saved(cdc.Individual, subject)
	s.sql(`update message_request_queue set delivered_date_time = now() + interval '1 minute' where entity_id = $1`, subject) // after the save
	exec(t, s.db.Pool(), `update messenger.parity set committed_at = now() - interval '2 hours', evaluated_at = now() - interval '2 hours'`)
	s.compare()
	if n := s.count(`select count(*) from messenger.parity_sending where reason = '` + NoRequest + `'`); n != 1 || len(fake.asked) != 1 {
		t.Errorf("%d sendings are recorded, and it was asked %d times", n, len(fake.asked))
	}
}
