package cdc

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// unseen is a commit that is in the WAL, and streamed, and that nobody can see yet: its
// session was stopped in between.
type unseen struct {
	f         *fixture
	pid       int
	committed chan error
}

// commitUnseen runs a statement of Avni's whose commit waits for a synchronous standby,
// stops its session there, and takes the standby back, so that nobody else waits for it.
func (f *fixture) commitUnseen(r *running, sql string) *unseen {
	f.t.Helper()
	f.awaitStandby("nobody")
	writer := f.connect(f.db.OwnerURL())
	u := &unseen{f: f, pid: int(writer.PgConn().PID()), committed: make(chan error, 1)}
	f.on(writer, `set synchronous_commit = on`)
	before := testutil.ToFloat64(r.options.Metrics.transactions)
	go func() {
		_, err := writer.Exec(f.ctx, sql)
		u.committed <- err
	}()
	eventually(f.t, "a commit that waits and is streamed", func() (bool, string) {
		waits := f.queryInt(`select count(*) from pg_stat_activity where pid = $1 and wait_event = 'SyncRep'`, u.pid)
		return waits == 1 && testutil.ToFloat64(r.options.Metrics.transactions) > before, fmt.Sprint(waits)
	})
	if err := syscall.Kill(u.pid, syscall.SIGSTOP); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(u.thaw)
	f.awaitStandby("")
	return u
}

func (u *unseen) thaw() { _ = syscall.Kill(u.pid, syscall.SIGCONT) }

// show lets the commit become visible.
func (u *unseen) show() {
	u.f.t.Helper()
	u.thaw()
	if err := <-u.committed; err != nil {
		u.f.t.Fatal(err)
	}
}

// awaitStandby names the standby that commits wait for, or none.
func (f *fixture) awaitStandby(name string) {
	f.t.Helper()
	f.superuser(`alter system set synchronous_standby_names = '` + name + `'`)
	f.superuser(`select pg_reload_conf()`)
	eventually(f.t, "the new setting", func() (bool, string) {
		conn, err := pgx.Connect(f.ctx, f.db.SuperuserURL())
		if err != nil {
			return false, err.Error()
		}
		defer conn.Close(f.ctx)
		var now string
		err = conn.QueryRow(f.ctx, `show synchronous_standby_names`).Scan(&now)
		return err == nil && now == name, now
	})
}

// A change that is streamed before anybody can see it does not enter the inbox before
// that: whoever works on the inbox would find the old row, and nothing would make him
// look again.
func TestInvisibleCommitDoesNotEnterTheInbox(t *testing.T) {
	f := newFixtureOn(t, newServer(t, map[string]string{"synchronous_commit": "local"}))
	r := f.startStreaming()
	u := f.commitUnseen(r, `update individual set last_name = 'Seen' where id = 1001`)
	f.exec(f.db.URL(), `set synchronous_commit = on; create table messenger.other ()`) // a store need not wait for anything
	before := f.queryInt(`select count(*) from individual where last_name = 'Seen'`)
	for deadline := time.Now().Add(300 * time.Millisecond); time.Now().Before(deadline) && !t.Failed(); {
		if got := f.inbox(); len(got) != 0 {
			t.Errorf("%+v entered the inbox; %d can see the change", got, before)
		}
	}
	if before != 0 || f.queryInt(`select count(*) from individual where last_name = 'Seen'`) != 0 {
		t.Fatal("the commit is visible: this server does not show what is tested")
	}
	u.show()
	f.take(subject(1001))
	if n := f.connects(r); n != 1 {
		t.Errorf("%d streams were needed", n)
	}
}

// A search by hand stands for all WAL up to its beginning: what is in there and not yet
// visible is waited for, or nothing would bring it.
func TestCatchUpByHandWaitsForWhatIsNotVisible(t *testing.T) {
	f := newFixtureOn(t, newServer(t, map[string]string{"synchronous_commit": "local"}))
	r := f.startStreaming()
	id := f.register(f.avni)
	f.take(subject(id))
	u := f.commitUnseen(r, fmt.Sprintf(`update individual set last_name = 'Seen', last_modified_date_time = clock_timestamp() where id = %d`, id))
	done := make(chan error, 1)
	go func() {
		_, err := CatchUpByHand(f.ctx, CatchUpOptions{Names: f.names, Pool: f.db.Pool(), Since: time.Now().Add(-time.Hour)})
		done <- err
	}()
	eventually(t, "the search's record", func() (bool, string) {
		n := f.queryInt(`select count(*) from messenger.gap where by_hand and finished_at is null`)
		return n == 1, fmt.Sprint(n)
	})
	select {
	case err := <-done:
		t.Fatalf("the search ended before the commit was visible: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	u.show()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	f.take(subject(id))
}
