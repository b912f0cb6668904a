package rules

import (
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// TestParityBesideTheWork compares while changes of the same entities are evaluated by two
// workers, and parents are voided: nothing has to be put off, and all is compared in the end.
func TestParityBesideTheWork(t *testing.T) {
	const families, rounds = 12, 4
	brisk := func(o *WorkerOptions) { o.PollInterval = 10 * time.Millisecond }
	s := openShadow(t, brisk)
	ctx := t.Context()
	second := s.newWorker(s.db.Pool(), withEngine(s.worker.options.Engine), settleFor(time.Microsecond), brisk)
	s.sql(`update message_rule set is_voided = true where id = 607`)
	s.sql(`select setval(pg_get_serial_sequence('program_encounter', 'id'), 50000)`) // or avni-server voids by ids that are a subject's too
	twin := s.saveRule(avnitest.RuleFields{Name: "Second", EntityType: "ProgramEncounter", EntityTypeID: 501, ScheduleRule: `1`, MessageRule: `1`})
	s.run(s.worker)
	s.run(second)
	var saving sync.WaitGroup
	for range families {
		saving.Go(func() {
			save := func(table cdc.Table, do func(*avnitest.Avni) (int64, error)) int64 {
				id, err := s.server.Save(ctx, string(entityTypeOf(table)), do)
				if err != nil {
					t.Error(err)
					return 0
				}
				s.arrive(table, cdc.Insert, id)
				return id
			}
			subject := save(cdc.Individual, s.register)
			enrolment := save(cdc.ProgramEnrolment, func(a *avnitest.Avni) (int64, error) { return a.Enrol(ctx, subject, 401, time.Time{}, nil) })
			visit := save(cdc.ProgramEncounter, func(a *avnitest.Avni) (int64, error) {
				return a.ScheduleVisit(ctx, enrolment, 501, "ANC", march, march)
			})
			for round := range rounds {
				save(cdc.ProgramEncounter, func(a *avnitest.Avni) (int64, error) { return visit, a.RescheduleVisit(ctx, visit, march, march) })
				save(cdc.Individual, func(a *avnitest.Avni) (int64, error) {
					if round%2 == 0 {
						return subject, a.VoidSubject(ctx, subject)
					}
					return subject, a.UnvoidSubject(ctx, subject)
				})
				for id := int64(926); id < 926+3*families; id++ {
					s.worker.RequestChanged(avnitest.AshaGramin, id)
					second.RequestChanged(avnitest.AshaGramin, id)
				}
			}
			save(cdc.ProgramEncounter, func(a *avnitest.Avni) (int64, error) { return visit, a.RescheduleVisit(ctx, visit, march, march) })
		})
	}
	saving.Wait()
	s.eventually("compared", func() bool {
		return s.inbox() == 0 && s.count(`select count(*) from messenger.parity where verdict = 'waiting'`) == 0 &&
			s.count(`select count(*) from messenger.parity where rule_id in (603, $1) and verdict = 'same'`, twin) == 2*families
	})
	for _, w := range []*Worker{s.worker, second} {
		if n := testutil.ToFloat64(w.options.Metrics.retries); n != 0 {
			t.Errorf("%v changes were put off", n)
		}
	}
}
