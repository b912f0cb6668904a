package rules

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// TestParityCauses makes each difference happen as it does beside avni-server, and has
// its cause found in Avni's tables.
func TestParityCauses(t *testing.T) {
	for _, row := range []struct {
		cause Cause
		name  string
		make  func(*shadow) (rule int64, table cdc.Table, id int64)
	}{
		{CauseUserCreated, "user", func(s *shadow) (int64, cdc.Table, int64) {
			user := must[int64](s)(s.avni.CreateUser(s.Context(), avnitest.UserFields{Name: "New"}))
			s.created(cdc.Users, user)
			return 605, cdc.Users, user
		}},
		{CauseVisitPlanned, "visit", func(s *shadow) (int64, cdc.Table, int64) {
			first := s.save(cdc.ProgramEncounter, s.planVisit)
			var next int64
			must[int64](s)(s.server.Save(s.Context(), "ProgramEncounter", func(a *avnitest.Avni) (id int64, err error) {
				if err = a.CompleteVisit(s.Context(), first, time.Time{}, nil); err == nil {
					next, err = s.planVisit(a)
				}
				return first, err
			}))
			s.created(cdc.ProgramEncounter, next)
			return 603, cdc.ProgramEncounter, next
		}},
		{CauseWrittenAlong, "observations of the enrolment", func(s *shadow) (int64, cdc.Table, int64) {
			visit := s.save(cdc.ProgramEncounter, s.planVisit)
			must[int64](s)(s.server.Save(s.Context(), "ProgramEncounter", func(a *avnitest.Avni) (int64, error) {
				return visit, errors.Join(a.CompleteVisit(s.Context(), visit, time.Time{}, nil), a.ExitEnrolment(s.Context(), 1001, time.Time{}, nil))
			}))
			s.saved(cdc.ProgramEnrolment, 1001)
			return 602, cdc.ProgramEnrolment, 1001
		}},
		{CauseBulkUpdate, "sync attributes", func(s *shadow) (int64, cdc.Table, int64) {
			s.sql(`update individual set sync_concept_1_value = 'x', last_modified_date_time = now() where id in (1001, 1003)`)
			s.saved(cdc.Individual, 1001)
			return 601, cdc.Individual, 1001
		}},
		{CauseNothingDirty, "a time that moved", func(s *shadow) (int64, cdc.Table, int64) {
			subject := s.save(cdc.Individual, s.register)
			s.compare()
			s.sql(`update message_request_queue set scheduled_date_time = scheduled_date_time + interval '1 day',
				last_modified_date_time = now() + interval '1 minute' where entity_id = $1`, subject)
			s.worker.RequestChanged(avnitest.AshaGramin, s.request(601, subject).ID)
			return 601, cdc.Individual, subject
		}},
		{CauseNothingDirty, "a request out of nothing", func(s *shadow) (int64, cdc.Table, int64) {
			request := must[int64](s)(s.avni.QueueRule(s.Context(), 601, 1001, avnitest.Receiver{Type: "Subject", ID: 1001}, march))
			s.worker.RequestChanged(avnitest.AshaGramin, request)
			s.compare()
			return 601, cdc.Individual, 1001
		}},
		{CauseNotWithdrawn, "shouldSend is false", func(s *shadow) (int64, cdc.Table, int64) {
			subject := s.save(cdc.Individual, s.register)
			s.hourAgo(subject)
			s.both(time.Time{})
			s.save(cdc.Individual, s.saveSubject(subject))
			return 601, cdc.Individual, subject
		}},
		{CauseChildOfVoided, "the subject", func(s *shadow) (int64, cdc.Table, int64) {
			visit := s.save(cdc.ProgramEncounter, s.planVisit)
			s.compare()
			s.save(cdc.Individual, func(a *avnitest.Avni) (int64, error) { return 1001, a.VoidSubject(s.Context(), 1001) })
			return 603, cdc.ProgramEncounter, visit
		}},
		{CauseChildOfVoided, "saved under it", func(s *shadow) (int64, cdc.Table, int64) {
			s.save(cdc.Individual, func(a *avnitest.Avni) (int64, error) { return 1001, a.VoidSubject(s.Context(), 1001) })
			return 603, cdc.ProgramEncounter, s.save(cdc.ProgramEncounter, s.planVisit)
		}},
		{CauseVoidedBySQL, "the location", func(s *shadow) (int64, cdc.Table, int64) {
			subject := s.save(cdc.Individual, s.register)
			must[int64](s)(subject, s.avni.VoidSubject(s.Context(), subject))
			s.saved(cdc.Individual, subject)
			return 601, cdc.Individual, subject
		}},
		{CauseUnvoided, "the subject", func(s *shadow) (int64, cdc.Table, int64) {
			subject := s.save(cdc.Individual, s.register)
			s.save(cdc.Individual, func(a *avnitest.Avni) (int64, error) { return subject, a.VoidSubject(s.Context(), subject) })
			s.expect(601, cdc.Individual, subject, found{"would_void", "same", "", ""})
			s.save(cdc.Individual, func(a *avnitest.Avni) (int64, error) { return subject, a.UnvoidSubject(s.Context(), subject) })
			return 601, cdc.Individual, subject
		}},
		{CauseVoidedByID, "a visit", func(s *shadow) (int64, cdc.Table, int64) {
			s.save(cdc.Individual, s.saveSubject(1003))
			s.save(cdc.Encounter, func(a *avnitest.Avni) (int64, error) { return 1003, a.VoidEncounter(s.Context(), 1003) })
			s.worker.RequestChanged(avnitest.AshaGramin, s.request(601, 1003).ID)
			return 601, cdc.Individual, 1003
		}},
		{CauseRuleVoided, "by an administrator", func(s *shadow) (int64, cdc.Table, int64) {
			subject := s.save(cdc.Individual, s.register)
			must[int64](s)(601, s.avni.VoidRule(s.Context(), 601))
			return 601, cdc.Individual, subject
		}},
		{CauseRuleEdited, "after avni-server evaluated", func(s *shadow) (int64, cdc.Table, int64) {
			subject := must[int64](s)(s.server.Save(s.Context(), "Subject", s.register))
			s.saveRuleBy(`update message_rule set last_modified_date_time = now() + interval '1 second' where id = 601`)
			s.ours.At = march.AddDate(0, 0, 1)
			s.saved(cdc.Individual, subject)
			return 601, cdc.Individual, subject
		}},
		{CauseRuleEdited, "its receiver", func(s *shadow) (int64, cdc.Table, int64) {
			subject := s.save(cdc.Individual, s.register)
			s.saveRuleBy(`update message_rule set receiver_type = 'User', last_modified_date_time = now() + interval '1 second' where id = 601`)
			s.saved(cdc.Individual, subject)
			return 601, cdc.Individual, subject
		}},
		{CauseCancelDate, "the rule tests it", func(s *shadow) (int64, cdc.Table, int64) {
			visit := s.save(cdc.ProgramEncounter, s.planVisit)
			s.ours, s.theirs.At = Schedule{}, march.Add(time.Hour)
			s.save(cdc.ProgramEncounter, func(a *avnitest.Avni) (int64, error) {
				return visit, a.CancelVisit(s.Context(), visit, time.Time{}, nil)
			})
			return 603, cdc.ProgramEncounter, visit
		}},
		{CauseCountsFromNow, "and we were stopped meanwhile", func(s *shadow) (int64, cdc.Table, int64) {
			s.both(time.Now())
			subject := must[int64](s)(s.server.Save(s.Context(), "Subject", s.register))
			s.sql(`update individual set created_date_time = now() - interval '3 hours', last_modified_date_time = now() - interval '3 hours' where id = $1`, subject)
			s.ours.At = s.theirs.At.Add(3 * time.Hour)
			s.saved(cdc.Individual, subject)
			return 601, cdc.Individual, subject
		}},
		{CauseFresherData, "a sibling was saved between", func(s *shadow) (int64, cdc.Table, int64) {
			visit := must[int64](s)(s.server.Save(s.Context(), "ProgramEncounter", s.planVisit))
			s.sql(`update program_encounter set last_modified_date_time = now() - interval '1 second' where id = $1`, visit)
			must[int64](s)(1001, s.avni.SaveSubject(s.Context(), 1001))
			s.ours.At = march.AddDate(0, 0, 1)
			s.saved(cdc.ProgramEncounter, visit)
			return 603, cdc.ProgramEncounter, visit
		}},
		{CauseDuplicate, "two requests", func(s *shadow) (int64, cdc.Table, int64) {
			subject := s.save(cdc.Individual, s.register)
			s.compare()
			twin := must[int64](s)(s.avni.QueueRule(s.Context(), 601, subject, avnitest.Receiver{Type: "Subject", ID: subject}, march))
			s.worker.RequestChanged(avnitest.AshaGramin, twin)
			return 601, cdc.Individual, subject
		}},
		{CauseFailedThere, "as its log tells", func(s *shadow) (int64, cdc.Table, int64) {
			s.theirs = Schedule{}
			subject := must[int64](s)(s.server.Save(s.Context(), "Subject", s.register))
			s.logFailure(cdc.Individual, subject)
			s.saved(cdc.Individual, subject)
			return 601, cdc.Individual, subject
		}},
		{CauseFailedThere, "of a visit, as its log tells", func(s *shadow) (int64, cdc.Table, int64) {
			s.theirs = Schedule{}
			visit := must[int64](s)(s.server.Save(s.Context(), "ProgramEncounter", s.planVisit))
			s.logFailure(cdc.ProgramEncounter, visit)
			s.saved(cdc.ProgramEncounter, visit)
			return 603, cdc.ProgramEncounter, visit
		}},
		{CauseFailedThere, "a person without a gender", func(s *shadow) (int64, cdc.Table, int64) {
			s.theirs = Schedule{}
			subject := must[int64](s)(s.server.Save(s.Context(), "Subject", s.register))
			s.sql(`update individual set gender_id = null where id = $1`, subject)
			s.saved(cdc.Individual, subject)
			return 601, cdc.Individual, subject
		}},
		{CauseFailedHere, "and there is an answer there", func(s *shadow) (int64, cdc.Table, int64) {
			s.failure = &Failure{Kind: FailedThrow, Message: "nothing.here"}
			return 601, cdc.Individual, s.save(cdc.Individual, s.register)
		}},
		{CauseMessagingOff, "in the settings", func(s *shadow) (int64, cdc.Table, int64) {
			must[int64](s)(0, s.avni.SetMessagingEnabled(s.Context(), avnitest.AshaGramin, false))
			return 601, cdc.Individual, s.save(cdc.Individual, s.register)
		}},
		{CauseTimezone, "UTC there", func(s *shadow) (int64, cdc.Table, int64) {
			s.theirs.At = march.Add(5*time.Hour + 30*time.Minute)
			return 601, cdc.Individual, s.save(cdc.Individual, s.register)
		}},
		{"", "another time", func(s *shadow) (int64, cdc.Table, int64) {
			s.theirs.At = march.Add(time.Hour)
			return 601, cdc.Individual, s.save(cdc.Individual, s.register)
		}},
		{"", "only theirs", func(s *shadow) (int64, cdc.Table, int64) {
			s.ours = Schedule{}
			return 601, cdc.Individual, s.save(cdc.Individual, s.register)
		}},
		{"", "only ours", func(s *shadow) (int64, cdc.Table, int64) {
			s.theirs = Schedule{}
			return 601, cdc.Individual, s.save(cdc.Individual, s.register)
		}},
		{"", "another receiver", func(s *shadow) (int64, cdc.Table, int64) {
			subject := s.save(cdc.Individual, s.register)
			s.sql(`update message_request_queue set message_receiver_id = 901 where entity_id = $1`, subject)
			return 601, cdc.Individual, subject
		}},
	} {
		name := fmt.Sprintf("%s: %s", row.cause, row.name)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openCalmShadow(t)
			rule, table, id := row.make(s)
			s.compareAgain()
			s.expectCause(rule, table, id, row.cause)
		})
	}
}

// TestCausesAreDocumented keeps docs/parity.md as the code has it.
func TestCausesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/parity.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for _, line := range strings.Split(string(text), "\n") {
		if strings.HasPrefix(line, "| `") {
			rows++
		}
	}
	for _, c := range Causes() {
		open := "no"
		if c.Open() {
			open = "yes"
		}
		if row := fmt.Sprintf("\n| `%s` | %s | %s | %s |\n", c, c.Text(), c.Advice(), open); !strings.Contains(string(text), row) {
			t.Errorf("docs/parity.md lacks the row %s", row)
		}
	}
	if rows != len(Causes()) {
		t.Errorf("docs/parity.md has %d rows, there are %d causes", rows, len(Causes()))
	}
}
