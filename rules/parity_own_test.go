package rules

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// fromFull registers a subject in mode full, for which we queue a message at that time, and
// goes back to shadow mode.
func (s *shadow) fromFull(at time.Time) int64 {
	s.Helper()
	s.dir.treat(avnitest.AshaGramin, Write)
	s.compare()
	s.both(at)
	subject := must[int64](s)(s.register(s.avni))
	s.created(cdc.Individual, subject)
	if n := s.count(`select count(*) from message_request_queue where entity_id = $1 and message_rule_id = 601 and uuid like '`+OwnRequests+`%'`, subject); n != 1 {
		s.Fatalf("%d requests of ours", n)
	}
	s.dir.treat(avnitest.AshaGramin, Compare)
	s.compare()
	return subject
}

// What we have queued in mode full is not avni-server's, until avni-server gives it another time.
func TestParityOfOwnRequests(t *testing.T) {
	s := openCalmShadow(t)
	subject := s.fromFull(march)
	s.save(cdc.Individual, s.saveSubject(subject))
	s.expect(601, cdc.Individual, subject, found{"would_leave", "own", "", "NotSent"})
	s.ours.At = march.Add(time.Hour) // avni-server says march still, or nothing, or is not asked
	s.save(cdc.Individual, s.saveSubject(subject))
	s.expect(601, cdc.Individual, subject, found{"would_move", "own", "", "NotSent"})
	s.ours = Schedule{}
	s.save(cdc.Individual, s.saveSubject(subject))
	s.expect(601, cdc.Individual, subject, found{"would_void", "own", "", "NotSent"})
	if same := testutil.ToFloat64(s.worker.options.Metrics.comparisons.WithLabelValues("same")); same != 0 {
		t.Errorf("%v are counted as the same", same)
	}

	s.both(march.Add(2 * time.Hour))
	s.save(cdc.Individual, s.saveSubject(subject))
	s.expect(601, cdc.Individual, subject, found{"would_leave", "same", "", "NotSent"})
	s.both(march.Add(3 * time.Hour))
	s.ours.At = march
	s.save(cdc.Individual, s.saveSubject(subject))
	s.expectCause(601, cdc.Individual, subject, "")
}

// The stream may tell of what avni-server has written after we have looked.
func TestParityOfOwnRequestThatIsMovedLater(t *testing.T) {
	s := openCalmShadow(t)
	subject := s.fromFull(march)
	s.ours.At = march.Add(time.Hour)
	s.save(cdc.Individual, s.saveSubject(subject))
	s.expect(601, cdc.Individual, subject, found{"would_move", "own", "", "NotSent"})
	s.sql(`update message_request_queue set scheduled_date_time = scheduled_date_time + interval '1 hour', last_modified_date_time = now() + interval '1 second' where entity_id = $1`, subject)
	s.worker.RequestChanged(avnitest.AshaGramin, s.request(601, subject).ID)
	s.expect(601, cdc.Individual, subject, found{"would_move", "same", "", "NotSent"})
}

// An attempt of avni-server's to send what we have queued gives it no time.
func TestParityOfOwnRequestThatIsSent(t *testing.T) {
	s := openCalmShadow(t)
	subject := s.fromFull(time.Now().Add(-time.Minute).Truncate(time.Second))
	if n := must[int](t)(s.server.SendDue(t.Context())); n == 0 {
		t.Fatal("avni-server has sent nothing")
	}
	s.sql(`update message_request_queue set delivered_date_time = delivered_date_time - interval '1 second' where entity_id = $1`, subject)
	s.save(cdc.Individual, s.saveSubject(subject))
	s.expect(601, cdc.Individual, subject, found{"would_leave_delivered", "own", "", "Sent"})
}

// What we do wrong ourselves is wrong whoever has queued the message.
func TestParityOfOwnRequestHidesNoFault(t *testing.T) {
	s := openCalmShadow(t)
	subject := s.fromFull(march)
	s.failure = &Failure{Kind: FailedThrow, Message: "nothing.here"}
	s.save(cdc.Individual, s.saveSubject(subject))
	s.expectCause(601, cdc.Individual, subject, CauseFailedHere)
	s.failure = nil
	s.save(cdc.Individual, s.saveSubject(subject))
	s.sql(`update individual set is_voided = true where id = $1`, subject) // unseen
	s.expectCause(601, cdc.Individual, subject, "")
}
