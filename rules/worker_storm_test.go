package rules

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

func TestStormOnOneEntityIsEvaluatedOnce(t *testing.T) {
	var evaluations atomic.Int64
	o := openOffice(t, Write, withEngine(engineFunc(func(context.Context, int32, string) (Schedule, error) {
		evaluations.Add(1)
		return Schedule{Send: true, At: march}, nil
	})))
	for range 200 {
		o.arrive(cdc.ProgramEncounter, cdc.Update, 1001)
	}
	o.work()
	if n := evaluations.Load(); n != 1 {
		t.Errorf("%d evaluations", n)
	}
	o.expectLog(cdc.ProgramEncounter, 1001, "603 scheduled")
}

// TestSyncAttributesAreHarmless updates what avni-server updates in bulk and no rule
// looks at: everything is evaluated again, nothing is written to Avni's tables.
func TestSyncAttributesAreHarmless(t *testing.T) {
	o := openOffice(t, Write)
	o.always602()
	save := func() {
		t.Helper()
		for table, ids := range map[cdc.Table][]int64{cdc.Individual: {1001, 1002}, cdc.ProgramEnrolment: {1001}, cdc.ProgramEncounter: {1001, 1004}, cdc.Encounter: {1002}} {
			for _, id := range ids {
				o.saved(table, id)
			}
		}
	}
	save()
	written := func() (rows string) {
		t.Helper()
		err := o.db.Pool().QueryRow(t.Context(), `select string_agg(t || ' ' || id || ' ' || x, ', ' order by t, id) from (
			select 'request' as t, id, xmin::text as x from message_request_queue union all select 'receiver', id, xmin::text from message_receiver
			union all select 'failure', id, xmin::text from rule_failure_log) all_rows`).Scan(&rows)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	before, log, told := written(), o.count(`select count(*) from messenger.trigger_log`), len(o.queuedFor())
	for _, table := range []string{"individual", "program_enrolment", "program_encounter", "encounter"} {
		exec(t, o.avni.Pool(), `update `+table+` set sync_concept_1_value = 'Kevadia', sync_concept_2_value = 'North', last_modified_date_time = now(), last_modified_by_id = 203 where organisation_id = 101`)
	}
	save()
	if after := written(); after != before {
		t.Errorf("rows were written:\n%s\n%s", before, after)
	}
	if n := o.count(`select count(*) from messenger.trigger_log`) - log; n != log {
		t.Errorf("%d evaluations are logged, want %d", n, log)
	}
	if len(o.queuedFor()) != told {
		t.Error("the dispatcher was told of nothing")
	}
}

// TestReceiverIsTheCreator has somebody else than the creator save last.
func TestReceiverIsTheCreator(t *testing.T) {
	o := openOffice(t, Write)
	o.always602()
	enrolment := must[int64](t)(o.avni.As(203).Enrol(t.Context(), 1001, 401, time.Time{}, nil))
	if err := o.avni.As(202).ExitEnrolment(t.Context(), enrolment, time.Time{}, nil); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.ProgramEnrolment, enrolment)
	if r := o.request(602, enrolment); r.ReceiverType != "User" || r.ReceiverID != 203 || r.CreatedBy != 202 {
		t.Errorf("the request is %+v; want receiver 203, who created the row, and created by 202, who saved it", r)
	}
}

// TestExitAndCancelAreTheRulesToDecide lets rules look at what happened.
func TestExitAndCancelAreTheRulesToDecide(t *testing.T) {
	o := openOffice(t, Write)
	ctx := t.Context()
	o.saveRule(avnitest.RuleFields{ID: 602, Name: "Until exit", EntityType: "ProgramEnrolment", EntityTypeID: 401, ReceiverType: "User", MessageRule: `x`,
		ScheduleRule: `({params}) => ({scheduledDateTime: '2030-03-10T04:30:00Z', shouldSend: !params.entity.programExitDateTime})`})
	o.saved(cdc.ProgramEnrolment, 1001)
	o.saved(cdc.ProgramEncounter, 1001)
	if err := o.avni.ExitEnrolment(ctx, 1001, time.Time{}, nil); err != nil {
		t.Fatal(err)
	}
	if err := o.avni.CancelVisit(ctx, 1001, time.Time{}, nil); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.ProgramEnrolment, 1001)
	o.saved(cdc.ProgramEncounter, 1001)
	if e, v := o.request(602, 1001), o.request(603, 1001); !e.Voided || !v.Voided {
		t.Errorf("after exit and cancellation: %+v, %+v", e, v)
	}
	o.expectLog(cdc.ProgramEnrolment, 1001, "602 scheduled", "602 voided")
	o.expectLog(cdc.ProgramEncounter, 1001, "603 scheduled", "603 voided")
}

// TestOrganisationsAreServedAtTheSameTime has each wait for the other.
func TestOrganisationsAreServedAtTheSameTime(t *testing.T) {
	var here sync.WaitGroup
	here.Add(2)
	once := map[int32]*sync.Once{101: {}, 103: {}}
	o := openOffice(t, Write, withEngine(engineFunc(func(ctx context.Context, organisation int32, _ string) (Schedule, error) {
		once[organisation].Do(here.Done)
		both := make(chan struct{})
		go func() { here.Wait(); close(both) }()
		select {
		case <-both:
			return Schedule{Send: true, At: march}, nil
		case <-ctx.Done():
			return Schedule{}, ctx.Err()
		}
	})))
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1001)
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1101)
	o.run(o.worker)
	o.eventually("both are served", func() bool { return o.inbox() == 0 })
}

// TestTwoWorkersUnderLoad has two workers share a database while visits are moved, done,
// voided and taken back at random, their subject and enrolment are voided and un-voided,
// the rule is edited, voided and broken, and evaluations and transactions fail. In the
// end there is one request for each visit, as the tables and the rule say.
func TestTwoWorkersUnderLoad(t *testing.T) {
	engine, err := sharedEngine()
	if err != nil {
		t.Fatal(err)
	}
	var calm atomic.Bool
	flaky := func(w *WorkerOptions) {
		w.Engine = flakyEngine{engine, &calm}
		w.FollowAfter, w.PollInterval, w.ClaimFor = time.Nanosecond, 20*time.Millisecond, 500*time.Millisecond
		w.Failures = NewFailures(FailuresOptions{Pool: w.Pool, Catalogue: w.Catalogue, Directory: w.Directory, Budget: Budget{Failures: 20}})
	}
	o := openOffice(t, Write, flaky)
	ctx := t.Context()
	other := o.newWorker(o.db.Pool(), flaky)
	for _, w := range []*Worker{o.worker, other} {
		if err := w.followChanged(ctx); err != nil {
			t.Fatal(err)
		}
		o.run(w)
	}
	m := o.mother()
	var visits []int64
	for range 40 {
		visit := must[int64](t)(o.avni.ScheduleVisit(ctx, m.enrolment, 501, "ANC", march, march))
		o.arrive(cdc.ProgramEncounter, cdc.Insert, visit)
		visits = append(visits, visit)
	}
	wake := func() { o.worker.Wake(); other.Wake() }
	texts := []string{reminderText(1), reminderText(2), `({params}) => { throw new Error('broken') }`}
	changeRule := func(r *rand.Rand) {
		o.saveRule(reminder(texts[r.IntN(len(texts))]))
		o.worker.RulesChanged(603)
		other.RulesChanged()
	}
	// Each goroutine has visits of its own, so that what it did last to one is known.
	var load errgroup.Group
	for part := range 4 {
		load.Go(func() error {
			r := rand.New(rand.NewPCG(uint64(part), 7))
			for range 150 {
				visit := visits[r.IntN(10)*4+part]
				if err := disturb(ctx, o, r, visit); err != nil {
					return err
				}
				o.arrive(cdc.ProgramEncounter, cdc.Update, visit)
				if part == 0 && r.IntN(12) == 0 {
					if err := flip(ctx, o, r, m); err != nil {
						return err
					}
				}
				if part == 1 && r.IntN(12) == 0 {
					changeRule(r)
				}
				wake()
			}
			return nil
		})
	}
	if err := load.Wait(); err != nil {
		t.Fatal(err)
	}
	calm.Store(true)
	exec(t, o.avni.Pool(), `update individual set is_voided = false where id = $1`, m.subject)
	m.unvoidEnrolment()
	// Nothing tells of the visits themselves any more: what failed, waited or was withdrawn
	// is evaluated when the rule is right, and what is pending follows its next change.
	for days := 4; days < 6; days++ {
		o.saveRule(reminder(reminderText(days)))
		o.worker.RulesChanged(603)
		other.RulesChanged()
		wrong := func() int {
			return o.count(`
				select count(*) from program_encounter v
				left join lateral (select count(*) as n, bool_and(q.is_voided) as voided, max(q.scheduled_date_time) as at, count(distinct q.message_receiver_id) as receivers
					from message_request_queue q where q.message_rule_id = 603 and q.entity_id = v.id) q on true
				where v.id = any($1) and not case
					when v.is_voided or v.encounter_date_time is not null then n = 0 or n = 1 and voided
					else n = 1 and not voided and receivers = 1 and at = v.earliest_visit_date_time + $2 * interval '1 day' end`, visits, days)
		}
		o.eventually("the queue is as the tables and the rule say", func() bool {
			return o.inbox() == 0 && wrong() == 0 && o.count(`select count(*) from messenger.rule_waiting`) == 0
		})
	}
	if n := o.count(`select count(*) from message_receiver where receiver_type = 'Subject' and receiver_id = $1`, m.subject); n != 1 {
		t.Errorf("the subject is %d receivers", n)
	}
}

// reminderText is a schedule rule that says so many days after the visit is due.
func reminderText(days int) string {
	return `({params, imports}) => ({shouldSend: !params.entity.encounterDateTime,
		scheduledDateTime: imports.moment(params.entity.earliestVisitDateTime).add(` + string(rune('0'+days)) + `, 'days').toDate()})`
}

// disturb does something to a visit.
func disturb(ctx context.Context, o *office, r *rand.Rand, visit int64) error {
	switch r.IntN(6) {
	case 0:
		return o.avni.CompleteVisit(ctx, visit, march, nil)
	case 1:
		_, err := o.avni.Pool().Exec(ctx, `update program_encounter set encounter_date_time = null where id = $1`, visit)
		return err
	case 2:
		return o.avni.VoidVisit(ctx, visit)
	case 3:
		_, err := o.avni.Pool().Exec(ctx, `update program_encounter set is_voided = false where id = $1`, visit)
		return err
	default:
		at := march.AddDate(0, 0, r.IntN(300))
		return o.avni.RescheduleVisit(ctx, visit, at, at)
	}
}

// flip voids the subject or the enrolment of the visits, or takes that back.
func flip(ctx context.Context, o *office, r *rand.Rand, m mother) error {
	table, row, id := cdc.Individual, "individual", m.subject
	if r.IntN(2) == 0 {
		table, row, id = cdc.ProgramEnrolment, "program_enrolment", m.enrolment
	}
	if _, err := o.avni.Pool().Exec(ctx, `update `+row+` set is_voided = not is_voided where id = $1`, id); err != nil {
		return err
	}
	o.arrive(table, cdc.Update, id)
	return nil
}

// flakyEngine fails now and then, in every way, until all is calm.
type flakyEngine struct {
	*Engine
	calm *atomic.Bool
}

func (e flakyEngine) Schedule(ctx context.Context, organisationID int32, script string, in Input) (Schedule, error) {
	if !e.calm.Load() {
		switch rand.IntN(12) {
		case 0:
			return Schedule{}, context.DeadlineExceeded
		case 1:
			return Schedule{}, &Failure{Kind: FailedTimeout, Message: "the rule ran for more than 2s"}
		}
	}
	return e.Engine.Schedule(ctx, organisationID, script, in)
}
