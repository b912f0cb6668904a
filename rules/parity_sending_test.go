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
	err    error
	asked  []Sending
}

func (f *fakeRehearser) Rehearse(_ context.Context, s Sending) (Rehearsed, error) {
	f.asked = append(f.asked, s)
	return f.answer, f.err
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
	fake.err = errors.New("the database is away")
	s.comparer.do(ctx)
	if s.comparer.trouble == "" {
		t.Error("trouble is not told")
	}
	fake.err = nil
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
