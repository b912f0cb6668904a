package cdc

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// A commit that waits for a synchronous standby is streamed before anybody can see it.
// Nobody may be told of it before that. (The inbox cannot show this here: storing a
// change would wait for the same standby.)
func TestInvisibleCommitWaits(t *testing.T) {
	f := newFixtureOn(t, newServer(t, map[string]string{"synchronous_commit": "local"}))
	told := make(chan []Change, 10)
	r := f.startStreaming(func(r *Reader) {
		r.options.Reference = func(_ context.Context, changes []Change) error { told <- changes; return nil }
	})
	committed := f.commitInvisibly(r, `update concept set name = 'Seen' where id = 753`)
	if n := f.queryInt(`select count(*) from concept where name = 'Seen'`); n != 0 {
		t.Fatal("the commit is visible: this server does not show what is tested")
	}
	select {
	case changes := <-told:
		t.Errorf("told of %v before it was visible", changes)
	case <-time.After(300 * time.Millisecond): // nothing may come
	}

	f.superuser(`alter system reset synchronous_standby_names`)
	f.superuser(`select pg_reload_conf()`)
	if err := <-committed; err != nil {
		t.Fatal(err)
	}
	select {
	case changes := <-told:
		if len(changes) != 1 || changes[0].Table != Concept {
			t.Errorf("told of %v", changes)
		}
	case <-time.After(patience):
		t.Error("never told")
	}
}

// commitInvisibly commits a statement that waits for a synchronous standby which is not
// there, and returns once its transaction was streamed. The commit ends when the standby
// is not wanted any more.
func (f *fixture) commitInvisibly(r *running, sql string) (committed chan error) {
	f.t.Helper()
	f.superuser(`alter system set synchronous_standby_names = 'nobody'`)
	f.superuser(`select pg_reload_conf()`)
	writer := f.connect(f.db.OwnerURL())
	if _, err := writer.Exec(f.ctx, `set synchronous_commit = on`); err != nil {
		f.t.Fatal(err)
	}
	committed = make(chan error, 1)
	go func() {
		_, err := writer.Exec(f.ctx, sql)
		committed <- err
	}()
	eventually(f.t, "the transaction to be streamed", func() (bool, string) {
		return testutil.ToFloat64(r.options.Metrics.transactions) == 1, "not yet"
	})
	return committed
}

// Whoever waits for a commit to become visible keeps the lease, however long that takes.
func TestInvisibleCommitKeepsTheLease(t *testing.T) {
	f := newFixtureOn(t, newServer(t, map[string]string{"synchronous_commit": "local", "wal_sender_timeout": "1s"}))
	f.setup()
	const lease = time.Second
	short := func(r *Reader) { r.lease, r.pace.watch = lease, 100*time.Millisecond }
	leader := f.startStreaming(short)
	standby := f.start(short)
	standby.await(Standby)
	committed := f.commitInvisibly(leader, `update individual set last_name = 'Seen' where id = 1001`)
	begin := f.inspect()
	eventually(t, "renewals", func() (bool, string) {
		p := f.inspect().Position
		return p.LeaseUntil.After(begin.At.Add(5 * lease)), p.LeaseUntil.String()
	})
	if n := f.queryInt(`select count(*) from individual where last_name = 'Seen'`); n != 0 {
		t.Fatal("the commit is visible: this server does not show what is tested")
	}
	if a, b := f.connects(leader), f.connects(standby); a != 1 || b != 0 || f.inspect().Position.Holder != leader.holder {
		t.Errorf("streams: %d of the leader, %d of the standby", a, b)
	}
	f.superuser(`alter system reset synchronous_standby_names`)
	f.superuser(`select pg_reload_conf()`)
	if err := <-committed; err != nil {
		t.Fatal(err)
	}
	f.take(subject(1001))
}

// What waits for a transaction of a server that is gone would wait on its successor for
// one that may never be.
func TestTransactionsDoNotOutliveTheirStream(t *testing.T) {
	f := newFixture(t)
	f.startStreaming(func(r *Reader) { r.batch.open(1_000_000_000) }) // as a stream leaves it that breaks off
	f.take(subject(f.register(f.avni)))
}

// The stream tells 32 bits of a transaction's id; the server's counter has 64.
func TestVisibility(t *testing.T) {
	f := newFixture(t)
	s := &store{pool: f.db.Pool(), timeout: time.Second}
	open := f.connect(f.db.OwnerURL())
	var xid int64
	if _, err := open.Exec(f.ctx, `begin`); err != nil {
		t.Fatal(err)
	}
	if err := open.QueryRow(f.ctx, `select txid_current()`).Scan(&xid); err != nil {
		t.Fatal(err)
	}
	ask := func(xids ...uint32) bool {
		t.Helper()
		visible, err := s.visible(f.ctx, xids)
		if err != nil {
			t.Fatal(err)
		}
		return visible
	}
	if ask(uint32(xid-1), uint32(xid)) {
		t.Error("an open transaction is visible")
	}
	if !ask(uint32(xid-1)) || !ask() {
		t.Error("an ended transaction is not visible")
	}
	if ask(uint32(xid + 1000)) {
		t.Error("a transaction of the future is visible")
	}
	if _, err := open.Exec(f.ctx, `commit`); err != nil {
		t.Fatal(err)
	}
	if !ask(uint32(xid)) {
		t.Error("a committed transaction is not visible")
	}
}
