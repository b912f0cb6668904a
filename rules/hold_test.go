package rules

import (
	"context"
	"strings"
	"sync"
	"testing"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

const holdSQL = `insert into messenger.hold (organisation_id, kind, request_id, detail) values (101, 'foreign_request', 1, 'somebody')`

// A hold that comes while a rule is run keeps what it said from being written, although
// the directory does not know of it yet. The change waits, unharmed.
func TestHeldWhileRulesRun(t *testing.T) {
	var o *office
	hold := sync.OnceFunc(func() { exec(o, o.db.Pool(), holdSQL) })
	o = openOffice(t, Write, withEngine(engineFunc(func(context.Context, int32, string) (Schedule, error) {
		hold()
		return Schedule{Send: true, At: march}, nil
	})))
	o.saved(cdc.ProgramEncounter, 1001)
	if rows := o.requests(1001, 603); len(rows) != 0 || len(o.logged(cdc.ProgramEncounter, 1001)) != 0 {
		t.Errorf("during the hold %+v was written, and logged %v", rows, o.logged(cdc.ProgramEncounter, 1001))
	}
	if n := o.count(`select count(*) from messenger.inbox where attempts = 0`); n != 1 {
		t.Errorf("%d changes wait unharmed, want 1", n)
	}
	exec(t, o.db.Pool(), `update messenger.hold set released_at = now()`)
	exec(t, o.db.Pool(), releaseSQL, o.worker.id) // as the turn does once the directory knows
	o.work()
	o.expectLog(cdc.ProgramEncounter, 1001, "603 scheduled")
	o.request(603, 1001)
}

// Nor is anything voided, for the entity or for a rule that was changed.
func TestNothingIsVoidedDuringAHold(t *testing.T) {
	o := openOffice(t, Write, atOnce)
	o.followed()
	o.created(cdc.ProgramEncounter, 1001)
	visit := o.request(603, 1001)
	other := must[int64](t)(o.avni.ScheduleVisit(t.Context(), 1001, 501, "ANC", march, march))
	o.created(cdc.ProgramEncounter, other)
	exec(t, o.db.Pool(), holdSQL)
	if err := o.avni.VoidVisit(t.Context(), 1001); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.ProgramEncounter, 1001)
	if err := o.avni.VoidRule(t.Context(), 603); err != nil {
		t.Fatal(err)
	}
	o.followed()
	if after := o.request(603, 1001); after != visit {
		t.Errorf("during the hold the request became %+v", after)
	}
	if o.request(603, other).Voided {
		t.Error("during the hold the request of a voided rule was voided")
	}
	exec(t, o.db.Pool(), `update messenger.hold set released_at = now()`)
	exec(t, o.db.Pool(), releaseSQL, o.worker.id)
	o.work()
	o.followed()
	if !o.request(603, 1001).Voided || !o.request(603, other).Voided {
		t.Error("after it they were not voided")
	}
}

// In shadow mode nothing is written that could be held back.
func TestShadowModeKnowsNoHold(t *testing.T) {
	o := openOffice(t, Compare)
	exec(t, o.db.Pool(), holdSQL)
	o.saved(cdc.ProgramEncounter, 1001)
	o.expectLog(cdc.ProgramEncounter, 1001, "603 would_schedule")
}

// Our requests can be told from those of others by their uuid alone.
func TestRequestsBearOurMark(t *testing.T) {
	o := openOffice(t, Write)
	o.created(cdc.ProgramEncounter, 1001)
	const marked = `select count(*) from message_request_queue where uuid ~ '^6d657373-656e-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' and uuid like $1`
	if n := o.count(marked, OwnRequests+"%"); n != 1 {
		t.Errorf("%d requests bear our mark, want 1", n)
	}
	foreign := must[int64](t)(o.avni.QueueRule(t.Context(), 603, 1002, avnitest.Receiver{Type: "Subject", ID: 1002}, march))
	if n := o.count(marked+` and id = $2`, OwnRequests+"%", foreign); n != 0 {
		t.Error("avni-server's request bears our mark")
	}
	if a, b := newRequestUUID(), newRequestUUID(); a == b || !strings.HasPrefix(a, OwnRequests) {
		t.Errorf("uuids are %s and %s", a, b)
	}
}
