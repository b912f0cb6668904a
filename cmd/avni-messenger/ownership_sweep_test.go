package main

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"avni-messenger/internal/avnitest"
	"avni-messenger/rules"
)

// newSweeper is a watcher that no stream tells anything.
func newSweeper(t *testing.T, n *neighbours, environ ...string) *watcher {
	t.Helper()
	cfg, err := parseConfig(environ)
	n.must(err)
	d := newDirectory(n.db.Pool(), cfg, slog.New(slog.DiscardHandler))
	owner := &ownership{pool: n.db.Pool(), slot: cfg.Slot}
	d.guard.Slot, d.own = cfg.Slot, owner.keep
	_, err = d.Load(t.Context())
	n.must(err)
	if org, _ := d.Organisation(101); org.Treatment != rules.Write {
		t.Fatalf("treatment is %v: %+v", org.Treatment, d.now.Load().byID[101])
	}
	a := &app{cfg: cfg, pools: pools{pool: n.db.Pool()}, directory: d, log: slog.New(slog.DiscardHandler)}
	w := newWatcher(a, prometheus.NewRegistry())
	w.judged, w.reload = func(int32) {}, func(ctx context.Context) error {
		_, err := d.Load(ctx)
		return err
	}
	return w
}

// What the stream has lost is found by the poll; what was marked Sent, if there is an index for it.
func TestSweepFindsWhatTheStreamLost(t *testing.T) {
	n := newNeighbours(t)
	ctx := t.Context()
	w := newSweeper(t, n, alone...)
	sweep := func(all bool, want string) {
		t.Helper()
		if err := w.look(ctx, nil, true, all); err != nil {
			t.Fatal(err)
		}
		if got := n.held(); got != want {
			t.Errorf("held for %q, want %q", got, want)
		}
	}
	sweep(true, "")
	foreign := n.saveThere(0)
	sweep(false, "foreign_request")
	sweep(false, "foreign_request")
	if seen := n.count(`select seen from messenger.hold`); seen != 1 {
		t.Errorf("what was seen twice counts %d times", seen)
	}
	n.release("asha_gramin is released", alone...)
	n.must(w.reload(ctx))
	n.must(n.sendThere(nil, nil))
	n.awaitSent(foreign)
	sweep(false, "")
	sweep(true, "foreign_sent")

	n.release("asha_gramin is released", alone...)
	n.must(w.reload(ctx))
	n.exec(queueIndexes[2].create())
	n.saveThere(1)
	n.release("nothing to do", alone...) // nobody has looked yet; it excuses nothing
	n.must(n.sendThere(nil, nil))
	sweep(false, "foreign_sent")
}

// The line up to which requests are judged follows, but not past a transaction that is open.
func TestJudgedLineWaitsForOpenTransactions(t *testing.T) {
	n := newNeighbours(t)
	ctx := t.Context()
	w := newSweeper(t, n, alone...)
	judged := func() int { t.Helper(); return n.count(`select judged_to from messenger.ownership`) }
	sweep := func() {
		t.Helper()
		w.ageMark()
		if err := w.look(ctx, nil, true, false); err != nil {
			t.Fatal(err)
		}
	}
	first := judged()
	other, err := n.avni.Pool().Begin(ctx)
	n.must(err)
	defer func() { _ = other.Rollback(context.WithoutCancel(ctx)) }()
	var late int64
	n.must(other.QueryRow(ctx, `insert into message_request_queue (uuid, organisation_id, message_rule_id, message_receiver_id, entity_id, scheduled_date_time, delivery_status,
		version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select 'late', organisation_id, 601, message_receiver_id, 1001, now(), 'NotSent', 0, 202, 202, now(), now()
		from message_request_queue where organisation_id = 101 limit 1 returning id`).Scan(&late))
	n.exec(`insert into message_request_queue (uuid, organisation_id, message_rule_id, message_receiver_id, entity_id, scheduled_date_time, delivery_status,
		version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select $1, organisation_id, 601, message_receiver_id, 1002, now(), 'NotSent', 0, 202, 202, now(), now()
		from message_request_queue where organisation_id = 101 limit 1`, rules.OwnRequests+"000-8000-000000000000")
	for range 3 {
		sweep()
	}
	if now := judged(); now != first {
		t.Errorf("the line went from %d to %d although request %d is not committed", first, now, late)
	}
	n.must(other.Commit(ctx))
	sweep()
	if n.held() != "foreign_request" {
		t.Errorf("held for %q: the request that was committed late was passed over", n.held())
	}
	within(t, func() string { // others on the server have transactions too
		sweep()
		if now := judged(); now != int(late)+1 {
			return fmt.Sprintf("the line is at %d, not at %d", now, late+1)
		}
		return ""
	})
}

// ageMark lets the last mark be relied on, if there is one.
func (w *watcher) ageMark() {
	if w.sweeper.seen != nil {
		w.sweeper.seen.at = w.sweeper.seen.at.Add(-2 * markAge)
	}
}

// A run of avni-server's sender commits long after it has marked what it sent.
func TestSweepFindsWhatIsCommittedLate(t *testing.T) {
	n := newNeighbours(t)
	ctx := t.Context()
	w := newSweeper(t, n, alone...)
	n.exec(queueIndexes[len(queueIndexes)-1].create())
	n.save(0)
	ours := rules.OwnRequests + "000-8000-000000000000"
	n.exec(`insert into message_request_queue (uuid, organisation_id, message_rule_id, message_receiver_id, entity_id, scheduled_date_time, delivery_status,
		version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select $1, organisation_id, 601, message_receiver_id, 1002, now(), 'NotSent', 0, 202, 202, now(), now()
		from message_request_queue where organisation_id = 101 limit 1`, ours)
	execAs(t, n.db.URL(), `update messenger.ownership set sent_since = now() - interval '5 hours', swept_at = now() - interval '4 hours'`)
	job := beginAs(t, n.db, "openchs", fmt.Sprintf(`update message_request_queue set delivery_status = 'Sent', delivered_date_time = now() - interval '3 hours' where uuid = '%s'`, ours))
	for range 3 {
		w.ageMark()
		n.must(w.look(ctx, nil, true, true))
	}
	if n.held() != "" {
		t.Errorf("held for %s", n.held())
	}
	end(t, job, `commit`)
	n.must(w.look(ctx, nil, true, false))
	if n.held() != "foreign_sent" {
		t.Errorf("held for %q: what was committed late was passed over", n.held())
	}
	within(t, func() string {
		w.ageMark()
		n.must(w.look(ctx, nil, true, true))
		return unless(n.count(`select count(*) from messenger.ownership where swept_at > now() - interval '1 hour'`) == 1, "the line does not follow")
	})
}

// An index that is half built is none.
func TestSweepDoesWithoutHalfBuiltIndex(t *testing.T) {
	n := newNeighbours(t)
	w := newSweeper(t, n, alone...)
	n.exec(queueIndexes[len(queueIndexes)-1].create())
	execAs(t, n.db.SuperuserURL(), `update pg_index set indisvalid = false where indexrelid = 'public.`+deliveredIndex+`'::regclass`)
	n.exec(`update message_request_queue set delivery_status = 'Sent', delivered_date_time = now() + interval '1 minute' where organisation_id = 101`)
	n.must(w.look(t.Context(), nil, true, false))
	if n.held() != "" {
		t.Errorf("held for %s: the whole table was read", n.held())
	}
	n.must(w.look(t.Context(), nil, true, true))
	if n.held() != "foreign_sent" {
		t.Errorf("held for %q", n.held())
	}
}

// A sweep that does not get through is not repeated at once, and may take longer then.
func TestSweepThatDoesNotGetThroughRests(t *testing.T) {
	n := newNeighbours(t)
	w := newSweeper(t, n, alone...)
	n.saveThere(0)
	w.sweeper.base = time.Nanosecond
	if next := w.turn(t.Context(), true); next < troublePause || w.sweeper.failed != 1 || w.sweeper.limit() != 2*time.Nanosecond {
		t.Errorf("comes back after %s, %d failed, may take %s", next, w.sweeper.failed, w.sweeper.limit())
	}
	w.sweeper.base, w.sweeper.until = sweepLimit, time.Now().Add(time.Hour)
	w.turn(t.Context(), true)
	if n.held() != "" {
		t.Error("it does not rest")
	}
	w.sweeper.until = time.Time{}
	w.turn(t.Context(), false) // what was missed is made up for
	if n.held() != "foreign_request" || w.sweeper.failed != 0 {
		t.Errorf("held for %q, %d failed", n.held(), w.sweeper.failed)
	}
}

// More rows than are kept are looked for in the queue.
func TestTooManyChangesAreSwept(t *testing.T) {
	n := newNeighbours(t)
	w := newSweeper(t, n, alone...)
	w.take() // everything, at the start
	for id := range mostChanged {
		w.Look(avnitest.AshaGramin, int64(id))
	}
	if changed, all := w.take(); len(changed) != mostChanged || all {
		t.Errorf("%d changes wait, and it looks back: %v", len(changed), all)
	}
	for id := range mostChanged + 1 {
		w.Look(avnitest.AshaGramin, int64(id))
	}
	if changed, all := w.take(); len(changed) != mostChanged || !all {
		t.Errorf("%d changes wait, and it looks back: %v", len(changed), all)
	}
}
