package rules

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// shadow is an office in shadow mode beside an avni-server. What the rules answer here
// and there is what the test says.
type shadow struct {
	*office
	server       *avnitest.AvniServer
	ours, theirs Schedule
	failure      error // of the rules here
	comparer     *comparer
}

func openShadow(t *testing.T, options ...func(*WorkerOptions)) *shadow {
	t.Helper()
	s := &shadow{}
	engine := engineFunc(func(context.Context, int32, string) (Schedule, error) { return s.ours, s.failure })
	options = append([]func(*WorkerOptions){withEngine(engine), settleFor(time.Microsecond)}, options...)
	s.office = openOffice(t, Compare, options...)
	s.server = &avnitest.AvniServer{Avni: s.avni, Bugsnag: func(err error) { t.Log("avni-server:", err) },
		Evaluate: func(context.Context, avnitest.ServerRule, avnitest.ServerEntity) (avnitest.ServerAnswer, error) {
			return avnitest.ServerAnswer{Send: s.theirs.Send, At: s.theirs.At}, nil
		},
		Send: func(context.Context, avnitest.ServerMessage) error { return nil }}
	s.comparer = &comparer{worker: s.worker}
	s.both(march)
	s.compare()
	return s
}

// openCalmShadow is a shadow whose rules were edited long ago.
func openCalmShadow(t *testing.T) *shadow {
	t.Helper()
	s := openShadow(t)
	s.saveRuleBy(`update message_rule set last_modified_date_time = '2023-01-01', is_voided = is_voided or id = 607`)
	return s
}

func settleFor(d time.Duration) func(*WorkerOptions) {
	return func(o *WorkerOptions) { o.SettleFor = d }
}

// both has the rules name the same time on both sides, or none if it is zero.
func (s *shadow) both(at time.Time) {
	s.ours = Schedule{Send: !at.IsZero(), At: at}
	s.theirs = s.ours
}

// save saves an entity through avni-server, whose rules run, and then runs ours.
func (s *shadow) save(table cdc.Table, do func(*avnitest.Avni) (int64, error)) int64 {
	s.Helper()
	id := must[int64](s)(s.server.Save(s.Context(), string(entityTypeOf(table)), do))
	s.saved(table, id)
	return id
}

func (s *shadow) register(a *avnitest.Avni) (int64, error) {
	return a.RegisterSubject(s.Context(), avnitest.SubjectFields{FirstName: "Gita", Phone: "9876500077"})
}

func (s *shadow) saveSubject(id int64) func(*avnitest.Avni) (int64, error) {
	return func(a *avnitest.Avni) (int64, error) { return id, a.SaveSubject(s.Context(), id) }
}

// planVisit schedules a visit of the sample's mother.
func (s *shadow) planVisit(a *avnitest.Avni) (int64, error) {
	return a.ScheduleVisit(s.Context(), 1001, 501, "ANC 7", march, march)
}

// hourAgo makes the requests of an entity an hour older.
func (s *shadow) hourAgo(entityID int64) {
	s.Helper()
	s.sql(`update message_request_queue set created_date_time = created_date_time - interval '1 hour',
		last_modified_date_time = last_modified_date_time - interval '1 hour' where entity_id = $1`, entityID)
}

func (s *shadow) sql(statement string, args ...any) {
	s.Helper()
	exec(s, s.avni.Pool(), statement, args...)
}

// saveRuleBy is sql that changes rules, which the catalogue hears of.
func (s *shadow) saveRuleBy(statement string, args ...any) {
	s.Helper()
	s.sql(statement, args...)
	if err := s.catalogue.Load(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// compare lets the comparer do its work once.
func (s *shadow) compare() {
	s.Helper()
	s.comparer.do(s.Context())
	if s.comparer.trouble != "" {
		s.Fatal(s.comparer.trouble)
	}
}

// compareAgain compares, and then once more what was put off.
func (s *shadow) compareAgain() {
	s.Helper()
	s.compare()
	exec(s, s.db.Pool(), `update messenger.parity set look_at = now() where verdict = 'waiting'`)
	s.compare()
}

// found is what came of the comparison of a rule and an entity.
type found struct{ Outcome, Verdict, Cause, Status string }

func (s *shadow) found(rule int64, table cdc.Table, id int64) found {
	s.Helper()
	rows, err := s.db.Pool().Query(s.Context(), `select our_outcome, verdict, coalesce(cause, ''), coalesce(their_status, '')
		from messenger.parity where rule_id = $1 and source_table = $2 and entity_id = $3`, rule, table, id)
	if err != nil {
		s.Fatal(err)
	}
	f, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByPos[found])
	if err != nil {
		s.Fatalf("comparison of rule %d and %s %d: %v", rule, table, id, err)
	}
	return f
}

func (s *shadow) expect(rule int64, table cdc.Table, id int64, want found) {
	s.Helper()
	s.compare()
	if diff := cmp.Diff(want, s.found(rule, table, id)); diff != "" {
		s.Errorf("rule %d and %s %d (-want +got):\n%s", rule, table, id, diff)
	}
}

func (s *shadow) expectCause(rule int64, table cdc.Table, id int64, want Cause) {
	s.Helper()
	s.compare()
	if got := s.found(rule, table, id); got.Verdict != "different" || got.Cause != string(want) {
		s.Errorf("rule %d and %s %d: %+v, want a difference by %q", rule, table, id, got, want)
	}
}
