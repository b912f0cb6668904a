package rules

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

func TestParityOfWhatIsTheSame(t *testing.T) {
	s := openShadow(t)
	subject := s.save(cdc.Individual, s.register)
	s.expect(601, cdc.Individual, subject, found{"would_leave", "same", "", "NotSent"})
	var row struct {
		Ours, Theirs         time.Time
		OurType, TheirType   string
		OurID, TheirID, Rows int64
		Request              int64
	}
	if err := s.db.Pool().QueryRow(t.Context(), `select our_scheduled_for, their_scheduled_for, our_receiver_type, their_receiver_type,
		our_receiver_id, their_receiver_id, their_rows, request_id from messenger.parity where entity_id = $1`, subject).
		Scan(&row.Ours, &row.Theirs, &row.OurType, &row.TheirType, &row.OurID, &row.TheirID, &row.Rows, &row.Request); err != nil {
		t.Fatal(err)
	}
	if !row.Ours.Equal(march) || !row.Theirs.Equal(march) || row.OurType != "Subject" || row.TheirType != "Subject" || row.OurID != subject ||
		row.TheirID != subject || row.Rows != 1 || row.Request != s.request(601, subject).ID {
		t.Errorf("recorded %+v", row)
	}

	s.both(time.Time{})
	none := s.save(cdc.Individual, s.register)
	s.expect(601, cdc.Individual, none, found{"would_skip", "same", "", ""})
	if got := testutil.ToFloat64(s.worker.options.Metrics.comparisons.WithLabelValues("same")); got != 2 {
		t.Errorf("%v comparisons are counted as same, want 2", got)
	}

	s.both(march.Add(400 * time.Millisecond)) // to the second
	s.theirs.At = march
	moved := s.save(cdc.Individual, s.register)
	s.expect(601, cdc.Individual, moved, found{"would_move", "same", "", "NotSent"})
}

// TestParityWaitsForAvniServer gives avni-server the time that it may take, and follows
// what it writes later.
func TestParityWaitsForAvniServer(t *testing.T) {
	s := openShadow(t, settleFor(time.Hour))
	subject := must[int64](t)(s.register(s.avni))
	s.created(cdc.Individual, subject)
	s.expect(601, cdc.Individual, subject, found{"would_schedule", "waiting", "", ""})
	request := must[int64](t)(s.avni.QueueRule(t.Context(), 601, subject, avnitest.Receiver{Type: "Subject", ID: subject}, march))
	s.expect(601, cdc.Individual, subject, found{"would_schedule", "waiting", "", ""}) // to be looked at in an hour
	exec(t, s.db.Pool(), `update messenger.parity set look_at = now()`)
	s.expect(601, cdc.Individual, subject, found{"would_schedule", "same", "", "NotSent"})

	s.sql(`update message_request_queue set scheduled_date_time = scheduled_date_time + interval '3 hours' where id = $1`, request)
	s.worker.RequestChanged(avnitest.AshaGramin, request)
	s.expect(601, cdc.Individual, subject, found{"would_schedule", "waiting", "", "NotSent"})
	exec(t, s.db.Pool(), `update messenger.parity set evaluated_at = now() - interval '2 hours', look_at = now()`)
	s.compare()
	if got := s.found(601, cdc.Individual, subject); got.Verdict != "different" {
		t.Errorf("after the hour: %+v", got)
	}

	s.ours.At = march.Add(3 * time.Hour) // a later evaluation replaces ours
	s.saved(cdc.Individual, subject)
	s.expect(601, cdc.Individual, subject, found{"would_leave", "same", "", "NotSent"})
	s.sql(`update message_request_queue set delivery_status = 'Failed' where id = $1`, request)
	s.worker.RequestChanged(avnitest.AshaGramin, request)
	s.expect(601, cdc.Individual, subject, found{"would_leave", "same", "", "Failed"})
}

// TestParityKeepsWhatWasSent leaves the comparison that was made before a message was sent
// as it was, as both leave the message alone.
func TestParityKeepsWhatWasSent(t *testing.T) {
	s := openShadow(t)
	s.both(time.Now().Add(-time.Minute).Truncate(time.Second))
	s.theirs.At = s.theirs.At.Add(-time.Hour)
	subject := s.save(cdc.Individual, s.register)
	s.expectCause(601, cdc.Individual, subject, "")
	if n := must[int](t)(s.server.SendDue(t.Context())); n == 0 {
		t.Fatal("avni-server has sent nothing")
	}
	s.sql(`update message_request_queue set delivered_date_time = delivered_date_time - interval '1 second' where entity_id = $1`, subject)
	s.worker.RequestChanged(avnitest.AshaGramin, s.request(601, subject).ID)
	s.ours = Schedule{} // whatever it says now
	s.saved(cdc.Individual, subject)
	s.expect(601, cdc.Individual, subject, found{"would_move", "different", "", "Sent"})

	s.saved(cdc.Individual, 1002) // was sent before shadow mode began
	s.expect(601, cdc.Individual, 1002, found{"would_skip", "same", "", "Sent"})
}

// TestParityFindsWhatWasNotEvaluated finds requests of avni-server's that we would not
// have made, by the stream's word and without it.
func TestParityFindsWhatWasNotEvaluated(t *testing.T) {
	s := openShadow(t)
	told := must[int64](t)(s.server.Save(t.Context(), "Subject", s.register))
	old := must[int64](t)(s.server.Save(t.Context(), "Subject", s.register))
	s.sql(`update message_request_queue set created_date_time = now() - interval '1 day' where entity_id = $1`, old)
	s.worker.RequestChanged(avnitest.AshaGramin, s.request(601, told).ID)
	s.worker.RequestChanged(avnitest.AshaGramin, s.request(601, old).ID)
	s.compare()
	exec(t, s.db.Pool(), `update messenger.parity set look_at = now()`)
	s.expect(601, cdc.Individual, told, found{parityNotEvaluated, "different", "", "NotSent"})
	if n := s.count(`select count(*) from messenger.parity where entity_id = $1`, old); n != 0 {
		t.Error("a request from before shadow mode is compared")
	}
	if got := testutil.ToFloat64(s.worker.options.Metrics.differences.WithLabelValues("asha_gramin")); got != 1 {
		t.Errorf("%v unexplained differences are shown, want 1", got)
	}

	untold := must[int64](t)(s.server.Save(t.Context(), "Subject", s.register))
	s.comparer.swept = time.Time{}
	s.compare()
	exec(t, s.db.Pool(), `update messenger.parity set look_at = now()`)
	s.expect(601, cdc.Individual, untold, found{parityNotEvaluated, "different", "", "NotSent"})
	s.saved(cdc.Individual, untold) // the change came late
	s.expect(601, cdc.Individual, untold, found{"would_leave", "same", "", "NotSent"})
}

func TestParityOfRulesThatFailOnBothSides(t *testing.T) {
	s := openShadow(t)
	s.failure, s.theirs = &Failure{Kind: FailedThrow, Message: "nothing.here"}, Schedule{}
	subject := s.save(cdc.Individual, s.register)
	s.logFailure(cdc.Individual, subject)
	s.expect(601, cdc.Individual, subject, found{"would_fail", "same", "", ""})
	other := s.save(cdc.Individual, s.register)
	s.expectCause(601, cdc.Individual, other, CauseFailedHere)
}

// logFailure has avni-server log that a rule failed for an entity.
func (s *shadow) logFailure(table cdc.Table, id int64) {
	s.Helper()
	s.sql(`insert into rule_failure_log (uuid, form_id, rule_type, entity_type, entity_id, error_message, stacktrace, source, is_voided, version,
			organisation_id, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select gen_random_uuid(), uuid, $2, 'Rules : messageSchedule', uuid, 'nothing.here', 'at', 'Web', false, 0, 101, 202, 202, now(), now()
		from `+string(table)+` where id = $1`, id, entityTypeOf(table))
}

func TestParityIsForgottenByAge(t *testing.T) {
	s := openShadow(t)
	s.both(time.Time{})
	kept, gone := s.save(cdc.Individual, s.register), s.save(cdc.Individual, s.register)
	exec(t, s.db.Pool(), `update messenger.parity set evaluated_at = now() - interval '31 days' where entity_id = $1`, gone)
	exec(t, s.db.Pool(), `insert into messenger.parity_sending (request_id, organisation_id, rule_id, sent_at, recorded_at)
		values (1, 101, 601, now(), now() - interval '31 days'), (2, 101, 601, now(), now())`)
	s.comparer.swept = time.Time{}
	s.compare()
	if n := s.count(`select count(*) from messenger.parity where entity_id = $1`, kept); n != 1 {
		t.Error("a young comparison is gone")
	}
	if n := s.count(`select count(*) from messenger.parity where entity_id = $1`, gone); n != 0 {
		t.Error("an old comparison is kept")
	}
	if n := s.count(`select coalesce(sum(request_id), 0) from messenger.parity_sending`); n != 2 {
		t.Error("what was sent long ago is kept, or what was sent lately is not")
	}
}

func TestParityEndsWithShadowMode(t *testing.T) {
	s := openShadow(t)
	s.save(cdc.Individual, s.register)
	s.dir.treat(avnitest.AshaGramin, Write)
	s.compare()
	if n := s.count(`select count(*) from messenger.parity_since where organisation_id = 101`); n != 0 {
		t.Error("shadow mode goes on")
	}
	s.dir.treat(avnitest.AshaGramin, Compare)
	request := must[int64](t)(s.avni.QueueRule(t.Context(), 601, 1001, avnitest.Receiver{Type: "Subject", ID: 1001}, march)) // say, by ourselves
	s.compare()
	s.worker.RequestChanged(avnitest.AshaGramin, request)
	s.compare()
	if n := s.count(`select count(*) from messenger.parity where entity_id = 1001`); n != 0 {
		t.Error("a request that was made meanwhile is compared")
	}
}

// TestParityOfWhatWasSentUnseen takes a message that was sent before its change could be
// evaluated for one that both leave alone.
func TestParityOfWhatWasSentUnseen(t *testing.T) {
	s := openShadow(t, settleFor(time.Hour))
	s.both(time.Now().Add(-time.Minute))
	subject := must[int64](t)(s.server.Save(t.Context(), "Subject", s.register))
	if n := must[int](t)(s.server.SendDue(t.Context())); n == 0 {
		t.Fatal("avni-server has sent nothing")
	}
	s.sql(`update message_request_queue set delivered_date_time = delivered_date_time - interval '1 second' where entity_id = $1`, subject)
	s.worker.RequestChanged(avnitest.AshaGramin, s.request(601, subject).ID)
	s.expect(601, cdc.Individual, subject, found{parityNotEvaluated, "waiting", "", ""})
	s.ours = Schedule{}
	s.saved(cdc.Individual, subject)
	s.expect(601, cdc.Individual, subject, found{"would_skip", "same", "", "Sent"})
}
