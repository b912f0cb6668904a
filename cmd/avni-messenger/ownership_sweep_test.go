package main

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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
	a := &app{cfg: cfg, pool: n.db.Pool(), directory: d, log: slog.New(slog.DiscardHandler)}
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
		if w.seen != nil {
			w.seen.at = w.seen.at.Add(-2 * markAge)
		}
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

// An organisation that must wait for others begins after a while all the same.
func TestSettlingEnds(t *testing.T) {
	n := newNeighbours(t)
	ctx := t.Context()
	other, err := n.avni.Pool().Begin(ctx)
	n.must(err)
	defer func() { _ = other.Rollback(context.WithoutCancel(ctx)) }()
	_, err = other.Exec(ctx, `select 1`)
	n.must(err)
	d, _ := testDirectory(t, n.db, alone...)
	owner := &ownership{pool: n.db.Pool(), slot: "s"}
	d.guard.Slot, d.own = "s", owner.keep
	load := func() rules.Treatment {
		t.Helper()
		_, err := d.Load(ctx)
		n.must(err)
		org, _ := d.Organisation(101)
		return org.Treatment
	}
	if got := load(); got != rules.Wait || !d.settling() {
		t.Errorf("beside an open transaction the treatment is %v", got)
	}
	_, err = n.db.Pool().Exec(ctx, `update messenger.ownership set noticed_at = noticed_at - $1::interval`, settleLimit+time.Second)
	n.must(err)
	if got := load(); got != rules.Write || d.settling() {
		t.Errorf("after %s the treatment is %v", settleLimit, got)
	}
}
