package dispatch

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"golang.org/x/time/rate"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// receiptStage is a stage whose Glific and dispatchers go by a clock that the test moves.
type receiptStage struct {
	*stage
	clock    *glifictest.Clock
	registry *prometheus.Registry
}

func newReceiptStage(t *testing.T, change ...func(*glifictest.Options)) *receiptStage {
	t.Helper()
	s := &receiptStage{stage: newStage(t), clock: glifictest.NewClock(time.Now()), registry: prometheus.NewRegistry()}
	options := glifictest.Options{NoLimits: true, Clock: s.clock, Now: s.clock.Now}
	for _, f := range change {
		f(&options)
	}
	server, err := glifictest.New(options)
	s.must(err)
	t.Cleanup(server.Close)
	s.glific = server
	s.asha = server.AddOrganisation("asha", "919999900001", "glific-asha-pw", glifictest.Template{ID: 7001, Body: "Welcome {{1}} of {{2}}"})
	s.organisations = s.organisations[:1]
	s.organisations[0].Glific.BaseURL = server.URL("asha")
	return s
}

// clocked makes a dispatcher go by the stage's clock.
func (s *receiptStage) clocked(o *Options) { o.Now = s.clock.Now }

// accepted is a request that Glific has accepted, delivered by a dispatcher that has
// ended since.
func (s *receiptStage) accepted() int64 { s.Helper(); return s.acceptedAll(1)[0] }

func (s *receiptStage) acceptedAll(n int) []int64 {
	s.Helper()
	ids := make([]int64, n)
	for i := range ids {
		ids[i] = s.queueManual(avnitest.AshaGramin, "Subject", asha, "7001", "Asha", "Kevadia")
	}
	_, stop := s.start(s.clocked)
	for _, id := range ids {
		s.awaitState(id, stateAccepted)
	}
	stop()
	return ids
}

// follower is one that looks only when it is told to.
func (s *receiptStage) follower(change ...func(*Options)) *follower {
	s.Helper()
	options := s.options()
	s.clocked(&options)
	s.registry = prometheus.NewRegistry()
	options.Metrics = NewMetrics(s.registry, QuietHours{})
	for _, f := range change {
		f(&options)
	}
	w := newWorker(options.withDefaults(), s.organisations[0])
	w.metrics.begin(w.name)
	f := newFollower(w)
	f.pace = rate.NewLimiter(rate.Inf, 1)
	return f
}

// lookAfter moves the clock and lets a follower look.
func (s *receiptStage) lookAfter(f *follower, d time.Duration) {
	s.Helper()
	s.clock.Advance(d)
	f.turn(s.Context())
}

// receiptRow is what messenger.receipt says of a request.
type receiptRow struct {
	Status, Reason, Detail string
	Code                   int
	ErrorSeen, Open        bool
	Looked                 bool
}

func (s *receiptStage) receipt(id int64) (r receiptRow) {
	s.Helper()
	s.must(s.db.Pool().QueryRow(context.Background(), `
		select status, coalesce(reason, ''), coalesce(detail, ''), coalesce(code, 0), error_at is not null, next_look_at is not null, looked_at is not null
		  from messenger.receipt where request_id = $1`, id).Scan(&r.Status, &r.Reason, &r.Detail, &r.Code, &r.ErrorSeen, &r.Open, &r.Looked))
	return r
}

func (s *receiptStage) wantReceipt(id int64, want receiptRow) {
	s.Helper()
	if got := s.receipt(id); got != want {
		s.Errorf("the receipt is %+v, want %+v", got, want)
	}
}

// asked counts how many messages Glific was asked about.
func (s *receiptStage) asked() int {
	n := 0
	for _, r := range s.glific.Requests() {
		for _, operation := range r.Operations {
			if operation == "message" {
				n++
			}
		}
	}
	return n
}

// metric is the value of one metric of the last follower.
func (s *receiptStage) metric(name string, labels ...string) float64 {
	s.Helper()
	families, err := s.registry.Gather()
	s.must(err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if f.GetName() == "messenger_dispatch_"+name && slices.Equal(values, labels) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	s.Fatalf("there is no metric %s %v", name, labels)
	return 0
}

// mute is a Glific that cannot tell what became of messages.
type mute struct {
	sender
	receipts func(context.Context, []string) (map[string]glific.Receipt, error)
}

func (m *mute) Receipts(ctx context.Context, ids []string) (map[string]glific.Receipt, error) {
	return m.receipts(ctx, ids)
}

func lint(t *testing.T, registry *prometheus.Registry) {
	t.Helper()
	problems, err := testutil.GatherAndLint(registry)
	if err != nil || len(problems) > 0 {
		t.Errorf("the metrics are not as they should be: %v %v", problems, err)
	}
}
