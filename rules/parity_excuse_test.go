package rules

import (
	"testing"
	"time"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// late makes what we have evaluated so old that no change of the entity is waited for.
func (s *shadow) late() {
	s.Helper()
	exec(s, s.db.Pool(), `update messenger.parity set evaluated_at = evaluated_at - interval '11 minutes',
		committed_at = committed_at - interval '11 minutes', verdict = 'waiting', look_at = now()`)
}

// secondRule adds a rule about the same subjects as rule 601.
func (s *shadow) secondRule() int64 {
	s.Helper()
	id := s.saveRule(avnitest.RuleFields{Name: "Second", EntityType: "Subject", EntityTypeID: 301, ScheduleRule: `1`, MessageRule: `1`})
	s.saveRuleBy(`update message_rule set last_modified_date_time = '2023-01-01' where id = $1`, id)
	return id
}

// TestParityExcusesNoFaultOfOurs makes faults of ours that look like differences with a
// known cause.
func TestParityExcusesNoFaultOfOurs(t *testing.T) {
	for _, row := range []struct {
		name string
		want Cause
		make func(*shadow) (rule int64, table cdc.Table, id int64)
	}{
		{"a void that we missed", "", func(s *shadow) (int64, cdc.Table, int64) {
			subject := s.save(cdc.Individual, s.register)
			must[int64](s)(s.server.Save(s.Context(), "Subject", func(a *avnitest.Avni) (int64, error) { return subject, a.VoidSubject(s.Context(), subject) }))
			s.late()
			return 601, cdc.Individual, subject
		}},
		{"a void of the subject that we missed", "", func(s *shadow) (int64, cdc.Table, int64) {
			visit := s.save(cdc.ProgramEncounter, s.planVisit)
			must[int64](s)(0, s.avni.VoidSubject(s.Context(), 1001))
			s.sql(`update message_request_queue set is_voided = true where entity_id = $1`, visit)
			s.late()
			return 603, cdc.ProgramEncounter, visit
		}},
		{"a void that we missed, and one of another type with the same id", "", func(s *shadow) (int64, cdc.Table, int64) {
			s.save(cdc.Individual, s.saveSubject(1003))
			must[int64](s)(0, s.avni.VoidEncounter(s.Context(), 1003))
			must[int64](s)(s.server.Save(s.Context(), "Subject", func(a *avnitest.Avni) (int64, error) { return 1003, a.VoidSubject(s.Context(), 1003) }))
			s.late()
			return 601, cdc.Individual, 1003
		}},
		{"a void that we missed, and a time that differs", "", func(s *shadow) (int64, cdc.Table, int64) {
			s.theirs.At = march.Add(5*time.Hour + 30*time.Minute)
			subject := s.save(cdc.Individual, s.register)
			must[int64](s)(0, s.avni.VoidSubject(s.Context(), subject))
			s.late()
			return 601, cdc.Individual, subject
		}},
		{"seconds apart, run together", "", func(s *shadow) (int64, cdc.Table, int64) {
			s.theirs.At = march.Add(25 * time.Second)
			return 601, cdc.Individual, s.save(cdc.Individual, s.register)
		}},
		{"seconds apart, run as much apart the other way round", "", func(s *shadow) (int64, cdc.Table, int64) {
			s.theirs.At = march.Add(25 * time.Second)
			return 601, cdc.Individual, s.saveRunLate(25 * time.Second)
		}},
		{"seconds apart, run as much apart", CauseCountsFromNow, func(s *shadow) (int64, cdc.Table, int64) {
			s.ours.At = march.Add(25 * time.Second)
			return 601, cdc.Individual, s.saveRunLate(25 * time.Second)
		}},
		{"a wrong skip, and theirs waits for a number", "", func(s *shadow) (int64, cdc.Table, int64) {
			subject := s.save(cdc.Individual, s.register)
			s.hourAgo(subject)
			s.sql(`update message_request_queue set delivery_status = 'NotSentInvalidPhoneNumberInAvni' where entity_id = $1`, subject)
			s.ours, s.theirs.At = Schedule{}, march.Add(time.Hour)
			s.save(cdc.Individual, s.saveSubject(subject))
			return 601, cdc.Individual, subject
		}},
		{"a wrong skip, and theirs could not be sent since", "", func(s *shadow) (int64, cdc.Table, int64) {
			s.ours = Schedule{}
			subject := s.save(cdc.Individual, s.register)
			s.sql(`update message_request_queue set delivery_status = 'Failed', last_modified_date_time = now() + interval '1 minute' where entity_id = $1`, subject)
			return 601, cdc.Individual, subject
		}},
		{"another rule failed there", CauseFailedHere, func(s *shadow) (int64, cdc.Table, int64) {
			s.secondRule()
			s.failure, s.theirs = &Failure{Kind: FailedThrow, Message: "TypeError: Object has no member 'ours' (line 2, column 7)"}, Schedule{}
			subject := s.save(cdc.Individual, s.register)
			s.logFailure(cdc.Individual, subject)
			return 601, cdc.Individual, subject
		}},
		{"some rule failed there, and none here", "", func(s *shadow) (int64, cdc.Table, int64) {
			s.secondRule()
			s.theirs = Schedule{}
			subject := s.save(cdc.Individual, s.register)
			s.logFailure(cdc.Individual, subject)
			return 601, cdc.Individual, subject
		}},
		{"the rule failed there at the save before", CauseFailedHere, func(s *shadow) (int64, cdc.Table, int64) {
			s.failure, s.theirs = &Failure{Kind: FailedThrow, Message: "nothing.here"}, Schedule{}
			subject := s.save(cdc.Individual, s.register)
			s.logFailure(cdc.Individual, subject)
			s.sql(`update rule_failure_log set last_modified_date_time = now() - interval '30 seconds'`)
			return 601, cdc.Individual, subject
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := openCalmShadow(t)
			rule, table, id := row.make(s)
			s.compareAgain()
			s.expectCause(rule, table, id, row.want)
		})
	}
}

// saveRunLate registers a subject, and has our rules run that much later than avni-server's.
func (s *shadow) saveRunLate(by time.Duration) int64 {
	s.Helper()
	subject := must[int64](s)(s.server.Save(s.Context(), "Subject", s.register))
	s.hourAgo(subject)
	s.sql(`update individual set created_date_time = now() - $2::interval, last_modified_date_time = now() - $2::interval where id = $1`, subject, by)
	s.saved(cdc.Individual, subject)
	exec(s, s.db.Pool(), `update messenger.parity p set evaluated_at = i.last_modified_date_time + $2::interval, verdict = 'waiting', look_at = now()
		from individual i where i.id = $1 and p.entity_id = i.id`, subject, by)
	return subject
}

// TestParityOfTwoRulesThatFail tells by the text which of them failed there.
func TestParityOfTwoRulesThatFail(t *testing.T) {
	s := openCalmShadow(t)
	second := s.secondRule()
	s.failure, s.theirs = &Failure{Kind: FailedThrow, Message: "Error: nothing.here (line 3, column 1)"}, Schedule{}
	subject := s.save(cdc.Individual, s.register)
	s.logFailure(cdc.Individual, subject)
	for _, rule := range []int64{601, second} {
		s.expect(rule, cdc.Individual, subject, found{"would_fail", "same", "", ""})
	}
}
