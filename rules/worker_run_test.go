package rules

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// TestTwoWorkersManyChanges lets two workers share an inbox while changes keep coming:
// in the end there is one request for each rule and entity, at the last time.
func TestTwoWorkersManyChanges(t *testing.T) {
	o := openOffice(t, Write)
	other := o.newWorker(o.db.Pool())
	o.run(o.worker)
	o.run(other)
	const visits, rounds = 60, 4
	var all []int64
	for range visits {
		all = append(all, must[int64](t)(o.avni.ScheduleVisit(t.Context(), 1001, 501, "ANC", march, march)))
	}
	last := map[int64]time.Time{}
	for round := range rounds {
		for i, id := range all {
			last[id] = march.AddDate(0, 0, round*10+i%7)
			if err := o.avni.RescheduleVisit(t.Context(), id, last[id], last[id]); err != nil {
				t.Fatal(err)
			}
			o.arrive(cdc.ProgramEncounter, cdc.Update, id)
			o.worker.Wake()
			other.Wake()
		}
	}
	o.eventually("the inbox is empty", func() bool { return o.inbox() == 0 })
	for _, id := range all {
		want := last[id].AddDate(0, 0, -1).Format("2006-01-02T15:04:05.000Z")
		if r := o.request(603, id); r.At != want || r.Voided {
			t.Errorf("visit %d: request %+v, want %s", id, r, want)
		}
	}
}

// TestOvertakenChange holds a worker between reading and writing while a newer change
// of the same entity arrives.
func TestOvertakenChange(t *testing.T) {
	evaluating, goOn := make(chan struct{}), make(chan struct{})
	first := sync.OnceFunc(func() {
		close(evaluating)
		<-goOn
	})
	o := openOffice(t, Write, withEngine(engineFunc(func(context.Context, int32, string) (Schedule, error) {
		first()
		return Schedule{Send: true, At: march}, nil
	})))
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1001)
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.worker.turn(t.Context(), avnitest.AshaGramin)
	}()
	<-evaluating
	o.arrive(cdc.ProgramEncounter, cdc.Update, 1001)
	close(goOn)
	<-done
	if rows := o.requests(1001, 603); len(rows) != 0 {
		t.Errorf("the overtaken change wrote %+v", rows)
	}
	if o.inbox() != 1 || len(o.logged(cdc.ProgramEncounter, 1001)) != 0 {
		t.Errorf("inbox %d, log %v", o.inbox(), o.logged(cdc.ProgramEncounter, 1001))
	}
	if n := o.count(`select attempts from messenger.inbox`); n != 0 {
		t.Errorf("being overtaken counts as %d failed attempts", n)
	}
	o.work()
	o.expectLog(cdc.ProgramEncounter, 1001, "603 scheduled")
	o.request(603, 1001)
}

// TestClaimOfDeadWorkerLapses has a worker die after it claimed.
func TestClaimOfDeadWorkerLapses(t *testing.T) {
	o := openOffice(t, Write)
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1001)
	dead := o.newWorker(o.db.Pool(), func(w *WorkerOptions) { w.ClaimFor = 400 * time.Millisecond })
	if claimed := must[[]change](t)(dead.claim(t.Context(), 101)); len(claimed) != 1 {
		t.Fatalf("claimed %d changes", len(claimed))
	}
	if claimed := must[[]change](t)(o.worker.claim(t.Context(), 101)); len(claimed) != 0 {
		t.Fatalf("a claimed change was claimed again")
	}
	alive := o.newWorker(o.db.Pool(), func(w *WorkerOptions) { w.PollInterval = 50 * time.Millisecond })
	o.run(alive)
	o.eventually("the claim lapses and another worker takes over", func() bool { return o.inbox() == 0 })
	o.request(603, 1001)
}

func TestStoppedWorkerGivesItsClaimsBack(t *testing.T) {
	evaluating := make(chan struct{})
	o := openOffice(t, Write, withEngine(engineFunc(func(ctx context.Context, _ int32, _ string) (Schedule, error) {
		close(evaluating)
		<-ctx.Done()
		return Schedule{}, ctx.Err()
	})))
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1001)
	stop := o.run(o.worker)
	<-evaluating
	stop()
	if n := o.count(`select count(*) from messenger.inbox where claimed_by is null and claimed_until is null and attempts = 0`); n != 1 {
		t.Errorf("%d changes are free, want 1", n)
	}
}

func TestWakeNeedsNoPoll(t *testing.T) {
	o := openOffice(t, Write, func(w *WorkerOptions) { w.PollInterval = time.Hour })
	o.run(o.worker)
	for i := range 20 {
		id := must[int64](t)(o.avni.ScheduleVisit(t.Context(), 1001, 501, "ANC", march, march))
		o.arrive(cdc.ProgramEncounter, cdc.Insert, id)
		o.worker.Wake()
		if i%5 == 0 { // sometimes let it go idle, sometimes add while it works
			o.eventually("the change is dealt with", func() bool { return o.inbox() == 0 })
		}
	}
	o.eventually("every change is dealt with", func() bool { return o.inbox() == 0 })
}

func TestWaitingOrganisation(t *testing.T) {
	o := openOffice(t, Wait, func(w *WorkerOptions) { w.PollInterval = time.Hour })
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1001)
	o.dir.treat(103, Write)
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1101)
	o.run(o.worker)
	o.eventually("the other organisation is served", func() bool { return o.inbox() == 1 })
	if n := o.count(`select count(*) from messenger.inbox where organisation_id = 101 and claimed_by is null`); n != 1 {
		t.Error("the waiting organisation's change is claimed")
	}
	o.dir.treat(101, Write)
	o.worker.Wake()
	o.eventually("the change is dealt with", func() bool { return o.inbox() == 0 })
	o.request(603, 1001)
}

func TestUnknownOrganisationWaits(t *testing.T) {
	o := openOffice(t, Write)
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1001)
	o.dir.orgs = map[int32]Organisation{}
	o.work()
	if o.inbox() != 1 {
		t.Error("the change of an unknown organisation was dropped")
	}
}

func TestIgnoredOrganisation(t *testing.T) {
	o := openOffice(t, Write)
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1001)
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1101)
	o.dir.treat(101, Ignore)
	o.work()
	o.expectLog(cdc.ProgramEncounter, 1001, "0 ignored")
	if rows := o.requests(1001, 603); len(rows) != 0 || o.inbox() != 0 {
		t.Errorf("requests %+v, inbox %d", rows, o.inbox())
	}
	o.request(611, 1101)
	if got := o.outcomes("ignored"); got != 1 {
		t.Errorf("outcomes_total{ignored} is %v", got)
	}
}

// TestTreatmentThatChangesInTheMiddle holds an organisation back while its third rule is
// running: nothing may be written for it from then on, not even what that rule said.
func TestTreatmentThatChangesInTheMiddle(t *testing.T) {
	var o *office
	evaluations := 0
	o = openOffice(t, Write, withEngine(engineFunc(func(context.Context, int32, string) (Schedule, error) {
		if evaluations++; evaluations == 3 {
			o.dir.treat(101, Wait)
		}
		return Schedule{Send: true, At: march}, nil
	})))
	for range 10 {
		id := must[int64](t)(o.avni.ScheduleVisit(t.Context(), 1001, 501, "ANC", march, march))
		o.arrive(cdc.ProgramEncounter, cdc.Insert, id)
	}
	o.work()
	// What the first two said may or may not have been written by then.
	free := o.count(`select count(*) from messenger.inbox where claimed_by is null`)
	written := o.count(`select count(*) from message_request_queue where message_rule_id = 603 and scheduled_date_time = $1`, march)
	if evaluations != 3 || written > 2 || free != 10-written {
		t.Errorf("%d evaluations, %d written, %d free changes; want 3, at most 2, and the rest", evaluations, written, free)
	}
}

// TestTreatmentThatChangesAtTheEnd does so during the last evaluation of a batch.
func TestTreatmentThatChangesAtTheEnd(t *testing.T) {
	var o *office
	o = openOffice(t, Write, withEngine(engineFunc(func(context.Context, int32, string) (Schedule, error) {
		o.dir.treat(101, Wait)
		return Schedule{Send: true, At: march}, nil
	})))
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1001)
	o.work()
	if free := o.count(`select count(*) from messenger.inbox where claimed_by is null`); free != 1 || len(o.requests(1001, 603)) != 0 {
		t.Errorf("%d free changes, requests %v; want one change and no request", free, o.requests(1001, 603))
	}
}

// TestLoopingOrganisationHoldsUpNobody has every rule of one organisation hang.
func TestLoopingOrganisationHoldsUpNobody(t *testing.T) {
	hanging := make(chan struct{})
	var once sync.Once
	o := openOffice(t, Write, withEngine(engineFunc(func(ctx context.Context, organisation int32, _ string) (Schedule, error) {
		if organisation == 101 {
			once.Do(func() { close(hanging) })
			<-ctx.Done()
			return Schedule{}, ctx.Err()
		}
		return Schedule{Send: true, At: march}, nil
	})), func(w *WorkerOptions) { w.PollInterval = time.Hour })
	for range batchSize * 2 {
		id := must[int64](t)(o.avni.ScheduleVisit(t.Context(), 1001, 501, "ANC", march, march))
		o.arrive(cdc.ProgramEncounter, cdc.Insert, id)
	}
	o.run(o.worker)
	<-hanging
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1101)
	o.worker.Wake()
	o.eventually("the other organisation is served", func() bool { return len(o.requests(1101, 611)) == 1 })
}

// TestOrganisationsTakeTurns serves one at a time, and still nobody waits for the end
// of another's backlog.
func TestOrganisationsTakeTurns(t *testing.T) {
	var mu sync.Mutex
	var order []int32
	o := openOffice(t, Write, func(w *WorkerOptions) { w.Parallel = 1 },
		withEngine(engineFunc(func(_ context.Context, organisation int32, _ string) (Schedule, error) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, organisation)
			return Schedule{Send: true, At: march}, nil
		})))
	for range batchSize + 20 {
		id := must[int64](t)(o.avni.ScheduleVisit(t.Context(), 1001, 501, "ANC", march, march))
		o.arrive(cdc.ProgramEncounter, cdc.Insert, id)
	}
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1101)
	o.run(o.worker)
	o.eventually("every change is dealt with", func() bool { return o.inbox() == 0 })
	mu.Lock()
	defer mu.Unlock()
	if len(order) != batchSize+21 || order[batchSize] != 103 {
		t.Errorf("%d evaluations; after the first batch it was the turn of %d", len(order), order[min(batchSize, len(order)-1)])
	}
}

// TestLockedChangeIsSkipped has somebody hold a change's row, as the stream does for
// the length of its batch.
func TestLockedChangeIsSkipped(t *testing.T) {
	o := openOffice(t, Write)
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1001)
	o.arrive(cdc.ProgramEncounter, cdc.Insert, 1004)
	tx := must[pgx.Tx](t)(o.db.Pool().Begin(t.Context()))
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	if _, err := tx.Exec(t.Context(), `select from messenger.inbox where entity_id = 1001 for update`); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	claimed := must[[]change](t)(o.worker.claim(ctx, 101))
	if len(claimed) != 1 || claimed[0].entityID != 1004 {
		t.Errorf("claimed %+v", claimed)
	}
}
