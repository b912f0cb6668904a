package dispatch

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"avni-messenger/internal/avnitest"
)

func TestAlteredColumnDisturbsNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	first := s.queueRule(welcomeRule, asha, "Subject", asha)
	manual := s.queueManual(avnitest.AshaGramin, "Subject", asha, "7009", "@name", "camp")
	d, _ := s.start()
	s.awaitState(first, stateAccepted)
	s.awaitState(manual, stateAccepted)
	for _, statement := range []string{
		`alter table message_request_queue alter column scheduled_date_time type timestamptz(2)`,
		`alter table message_request_queue alter column created_date_time type timestamptz(2)`,
		`alter table individual alter column first_name type varchar(500)`,
		`alter table manual_message alter column message_template_id type varchar(500)`,
	} {
		s.exec(statement)
	}
	second := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	third := s.queueManual(avnitest.AshaGramin, "Subject", ramesh, "7009", "@name", "camp")
	d.Wake(avnitest.AshaGramin)
	for _, id := range []int64{second, third} {
		if r := s.awaitState(id, stateAccepted); r.Outcomes != "accepted" || r.Attempts != 1 {
			t.Errorf("the request is %+v", r)
		}
	}
	if log := s.log.String(); strings.Contains(log, "disturbed") {
		t.Errorf("the log tells of trouble:\n%s", log)
	}
}

func TestStalePlanOfTheRulesIsNoAttempt(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var runs atomic.Int32
	s.render = func(_ context.Context, r Request) (Rendered, error) {
		if runs.Add(1) < 3 {
			return Rendered{}, &pgconn.PgError{Code: "0A000", Message: "cached plan must not change result type"}
		}
		return sample[r.RuleID], nil
	}
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start()
	if r := s.awaitState(id, stateAccepted); r.Outcomes != "accepted" || r.Attempts != 1 {
		t.Errorf("the request is %+v", r)
	}
}
