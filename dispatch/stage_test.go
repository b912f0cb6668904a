package dispatch

import (
	"context"
	"flag"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

func TestMain(m *testing.M) {
	// Parallel tests spend their time waiting, so more of them fit than there are processors.
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	avnitest.Main(m)
}

// Rows of the sample organisations.
const (
	welcomeRule = 601 // Asha Gramin: a subject, to that subject
	workerRule  = 602 // Asha Gramin: an enrolment, to the worker
	nepalRule   = 611 // Seva Nepal: a visit, to the subject

	asha, ramesh, noPhone, badPhone, voided = 1001, 1002, 1003, 1006, 1005
	maya                                    = 1101 // Seva Nepal
	meena                                   = 202  // a user of Asha Gramin
	admin                                   = 201

	ashaPhone, rameshPhone, meenaPhone, mayaPhone = "919876500001", "919876500002", "919876543210", "9779841000011"
)

// stage is a database, a Glific and what a dispatcher needs to know of them.
type stage struct {
	*testing.T
	db         *avnitest.DB
	avni       *avnitest.Avni
	glific     *glifictest.Server
	asha, seva *glifictest.Organisation
	render     renderFunc
	log        *logBook
	metrics    *prometheus.Registry

	mu            sync.Mutex
	organisations []Organisation
}

type renderFunc func(context.Context, Request) (Rendered, error)

func (f renderFunc) Render(ctx context.Context, r Request) (Rendered, error) { return f(ctx, r) }

// newStage has nothing to deliver, and a Glific without limits.
func newStage(t *testing.T) *stage {
	t.Helper()
	return newStageOf(t, glifictest.Options{NoLimits: true, BroadcastEvery: never})
}

// never is longer than any test: Glific works off messages to groups when it is told to.
const never = 100 * 365 * 24 * time.Hour

// newStageOf is one with such a Glific.
func newStageOf(t *testing.T, options glifictest.Options) *stage {
	t.Helper()
	s := &stage{T: t, db: avnitest.New(t), log: &logBook{}, metrics: prometheus.NewRegistry()}
	s.avni = s.db.Avni()
	server, err := glifictest.New(options)
	s.must(err)
	t.Cleanup(server.Close)
	s.glific = server
	s.asha = server.AddOrganisation("asha", "919999900001", "glific-asha-pw",
		glifictest.Template{ID: 7001, Body: "Welcome {{1}} of {{2}}"}, glifictest.Template{ID: 7002, Body: "{{1}} enrolled on {{2}}"},
		glifictest.Template{ID: 7009, Body: "Dear {{1}}, {{2}}"}, glifictest.Template{ID: 7010, Body: "Look: {{1}}", Media: true})
	s.seva = server.AddOrganisation("seva", "977999900002", "glific-seva-pw", glifictest.Template{ID: 8001, Body: "Come with {{1}}"})
	s.organisations = []Organisation{
		{ID: avnitest.AshaGramin, Name: "asha_gramin", Region: "IN", VisibleIDs: []int32{101}, ActingUserID: admin,
			Glific: glific.Account{BaseURL: server.URL("asha"), Phone: "919999900001", Password: "glific-asha-pw"}},
		{ID: avnitest.SevaNepal, Name: "seva_nepal", Region: "NP", VisibleIDs: []int32{103, 102}, ActingUserID: 211,
			Glific: glific.Account{BaseURL: server.URL("seva"), Phone: "977999900002", Password: "glific-seva-pw"}},
	}
	s.render = func(_ context.Context, r Request) (Rendered, error) { return sample[r.RuleID], nil }
	s.exec(`update message_request_queue set is_voided = true where id in (923, 924, 925)`)
	s.exec(`delete from message_request_queue where delivery_status = 'Sent'`) // or its like would not be sent again
	t.Cleanup(s.checkPrivacy)
	return s
}

// sample is what the sample's rules say.
var sample = map[int64]Rendered{
	welcomeRule: {[]string{"Asha", "Kevadia"}, "7001"},
	workerRule:  {[]string{"Asha Sharma", "15/01/2024"}, "7002"},
	nepalRule:   {[]string{"Maya"}, "8001"},
}

// brisk are settings that make everything happen soon.
func brisk() Settings {
	return Settings{
		PollInterval: 100 * time.Millisecond, RetryBase: 20 * time.Millisecond, MessagesPerSecond: -1,
		Lease: 500 * time.Millisecond, SendTimeout: time.Second, UncertainGrace: 1500 * time.Millisecond,
		ShortPause: 20 * time.Millisecond, LongPause: 100 * time.Millisecond, StopGrace: 2 * time.Second,
	}
}

func (s *stage) options() Options {
	return Options{
		Pool: s.db.Pool(), Renderer: s.render, Settings: brisk(), Log: slog.New(slog.NewJSONHandler(s.log, nil)),
		Glific: glific.Options{Timeout: time.Second, RequestsPerMinute: -1},
		Organisations: func() []Organisation {
			s.mu.Lock()
			defer s.mu.Unlock()
			return append([]Organisation(nil), s.organisations...)
		},
	}
}

// start runs a dispatcher until the test ends or the returned function is called,
// which waits for it.
func (s *stage) start(change ...func(*Options)) (d *Dispatcher, stop func()) {
	options := s.options()
	for _, f := range change {
		f(&options)
	}
	ctx, cancel := context.WithCancel(context.Background())
	d = NewDispatcher(options)
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.Errorf("Run: %v", err)
		}
	})
	s.Cleanup(stop)
	return d, stop
}

// pool is one more pool of the sidecar's role.
func (s *stage) pool() *pgxpool.Pool {
	s.Helper()
	pool, err := pgxpool.New(context.Background(), s.db.URL())
	s.must(err)
	s.Cleanup(pool.Close)
	return pool
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) exec(sql string, args ...any) {
	s.Helper()
	_, err := s.avni.Pool().Exec(context.Background(), sql, args...)
	s.must(err)
}

// execOwn writes in schema messenger, as the sidecar's role.
func (s *stage) execOwn(sql string, args ...any) {
	s.Helper()
	_, err := s.db.Pool().Exec(context.Background(), sql, args...)
	s.must(err)
}

// queueRule queues a message that has been due for some seconds.
func (s *stage) queueRule(rule, entity int64, kind string, receiver int64) int64 {
	s.Helper()
	return s.queueRuleAt(rule, entity, kind, receiver, time.Now().Add(-5*time.Second))
}

func (s *stage) queueRuleAt(rule, entity int64, kind string, receiver int64, at time.Time) int64 {
	s.Helper()
	id, err := s.avni.QueueRule(context.Background(), rule, entity, avnitest.Receiver{Type: kind, ID: receiver}, at)
	s.must(err)
	return id
}

func (s *stage) queueManual(organisation int32, kind string, receiver int64, template string, parameters ...string) int64 {
	s.Helper()
	id, err := s.avni.QueueManual(context.Background(), organisation, avnitest.Receiver{Type: kind, ID: receiver}, template, parameters, time.Now().Add(-5*time.Second))
	s.must(err)
	return id
}

// bodies are the messages that reached a phone, in order.
func (s *stage) bodies(phone string) []string {
	var bodies []string
	for _, d := range s.glific.Ledger() {
		if d.Phone == phone {
			bodies = append(bodies, d.Body)
		}
	}
	return bodies
}

// calls counts the API requests of an organisation that held an operation.
func (s *stage) calls(organisation, operation string) int {
	n := 0
	for _, r := range s.glific.Requests() {
		if r.Organisation == organisation && strings.Contains(strings.Join(r.Operations, " "), operation) {
			n++
		}
	}
	return n
}
