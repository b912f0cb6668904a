package cdc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// member is a process that reads, with a network and a pool of its own.
type member struct {
	*running
	network *proxy
	pool    *pgxpool.Pool
	asleep  sync.RWMutex // locked while the stream's goroutine stands still
}

// leaseOfMembers is how long a member that does not move keeps the slot.
const leaseOfMembers = time.Second

func (run *randomRun) join() *member {
	run.t.Helper()
	m := &member{}
	m.network, m.pool = newProxy(run.fixture)
	m.running = run.start(quick, func(r *Reader) {
		r.options.Pool, r.lease = m.pool, leaseOfMembers
		r.options.Keep = func(Change) bool {
			m.asleep.RLock()
			defer m.asleep.RUnlock()
			return true
		}
		r.pace.batchRows, r.pace.partRows, r.pace.watch = batchRows, partRows, 100*time.Millisecond
		r.pace.silence, r.pace.survey = time.Millisecond, time.Second // wal_sender_timeout counts for the first
		r.pace.finish, r.pace.newSlot = 300*time.Millisecond, 5*time.Second
		r.pace.scan = scanPace{rows: 100, window: 500, pause: time.Millisecond}
	})
	return m
}

// fault is something that goes wrong.
type fault struct {
	name   string
	happen func(*randomRun)
}

var faults = []fault{
	{"reader stopped", func(run *randomRun) { run.replace((*member).leave) }},
	{"reader killed", func(run *randomRun) { run.replace((*member).crash) }},
	{"reader asleep", func(run *randomRun) { run.leader().sleep(run.freezeTime()) }},
	{"connections cut", func(run *randomRun) { run.leader().network.cut() }},
	{"connections swallowed", func(run *randomRun) { run.awaitStream(); run.leader().network.swallow() }},
	{"network frozen", func(run *randomRun) { run.leader().network.freeze(run.freezeTime()) }},
	{"standby's connections swallowed", func(run *randomRun) { run.other(run.leader()).network.swallow() }},
	{"walsender terminated", func(run *randomRun) {
		run.mustExec(`select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1 and active_pid is not null`, run.names.Slot)
	}},
	{"all sessions terminated", func(run *randomRun) {
		run.mustExec(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'avni_messenger' and datname = current_database()`)
	}},
	{"server crashed", func(run *randomRun) { run.restart("immediate"); run.super.Reset() }},
	{"server stopped and started", func(run *randomRun) {
		if err := run.db.Cluster().Halt(run.ctx, "fast"); err != nil {
			run.t.Fatal(err)
		}
		run.pause(200 * time.Millisecond)
		run.restart("fast")
		run.super.Reset()
	}},
	{"slot dropped", func(run *randomRun) { run.onIdleSlot(`select pg_drop_replication_slot($1)`) }},
	{"slot dropped and made anew", func(run *randomRun) {
		run.onIdleSlot(`select pg_drop_replication_slot($1)`)
		// A reader may be quicker.
		_, err := run.super.Exec(run.ctx, createSlotSQL(run.names, run.inspect().ServerVersion))
		if err != nil && !isCode(err, "42710") {
			run.t.Fatal(err)
		}
	}},
	{"slot advanced", func(run *randomRun) { run.onIdleSlot(`select pg_replication_slot_advance($1, pg_current_wal_lsn())`) }},
	{"publication dropped", func(run *randomRun) {
		run.insist(`drop publication if exists ` + run.names.Publication)
	}},
	{"publication made anew", func(run *randomRun) {
		run.insist(`begin; drop publication if exists ` + run.names.Publication + `; ` + createPublicationSQL(run.names, run.inspect().ServerVersion) + `; commit`)
	}},
	{"publication altered", func(run *randomRun) {
		table := randomTables[run.choose.IntN(len(randomTables))]
		if !run.insist(`alter publication ` + run.names.Publication + ` drop table ` + string(table)) {
			return // an earlier fault has dropped it, and nobody has made it anew yet
		}
		run.pause(100 * time.Millisecond)
		run.anHourLater()
		run.mendPublication()
	}},
	{"detached and attached", func(run *randomRun) {
		conn := run.connect(run.db.URL())
		for _, reshape := range []func(context.Context, *pgx.Conn, Names) error{Detach, Attach} {
			var refused *trouble
			err := reshape(run.ctx, conn, run.names)
			if errors.As(err, &refused) || isRaced(err) {
				return // an earlier fault has left no publication, and nobody has made it anew yet, or does so now
			}
			if err != nil {
				run.t.Fatal(err)
			}
			run.pause(100 * time.Millisecond)
		}
	}},
	{"catch-up by hand", func(run *randomRun) {
		_, err := CatchUpByHand(run.ctx, CatchUpOptions{Names: run.names, Pool: run.db.Pool(), Since: run.began})
		if err != nil {
			run.t.Fatal(err)
		}
	}},
}

// failAtRandom lets every fault happen once, in any order, then again.
func (run *randomRun) failAtRandom(rounds int) {
	run.t.Helper()
	var deck []fault
	for range rounds {
		if len(deck) == 0 {
			deck = slices.Clone(faults)
			run.choose.Shuffle(len(deck), func(i, j int) { deck[i], deck[j] = deck[j], deck[i] })
		}
		if run.choose.IntN(3) > 0 { // otherwise the next fault may meet the repair of the last
			run.awaitStream()
		}
		run.pause(300 * time.Millisecond)
		run.anHourLater()
		run.t.Logf("%s: %s", time.Now().Format("15:04:05.000"), deck[0].name)
		deck[0].happen(run)
		run.happen[deck[0].name]++
		deck = deck[1:]
	}
	run.pause(300 * time.Millisecond)
}

// pause lets some time go by, d at most.
func (run *randomRun) pause(d time.Duration) {
	<-time.After(time.Duration(run.choose.Int64N(int64(d))))
}

// freezeTime is sometimes longer than the lease.
func (run *randomRun) freezeTime() time.Duration {
	return leaseOfMembers/2 + time.Duration(run.choose.Int64N(int64(leaseOfMembers)))
}

// leader is the member that streams, or else any.
func (run *randomRun) leader() *member {
	for _, m := range run.members {
		if m.Status().State == Streaming {
			return m
		}
	}
	return run.members[run.choose.IntN(len(run.members))]
}

func (run *randomRun) other(than *member) *member {
	return run.members[(slices.Index(run.members, than)+1)%len(run.members)]
}

// replace ends the leader in some way, and starts another process in its place.
func (run *randomRun) replace(end func(*member)) {
	run.t.Helper()
	leader := run.leader()
	end(leader)
	leader.pool.Close()
	run.members[slices.Index(run.members, leader)] = run.join()
}

// leave ends a member in good order.
func (m *member) leave() {
	m.stop()
	m.network.close()
}

// crash ends a member at once: nothing that it has not sent gets anywhere.
func (m *member) crash() {
	m.network.close()
	m.stop()
}

// sleep stops the goroutine that streams, when the next row comes.
func (m *member) sleep(d time.Duration) {
	m.asleep.Lock()
	defer m.asleep.Unlock()
	<-time.After(d)
}

// onIdleSlot does something to the slot that cannot be done while it is read.
func (run *randomRun) onIdleSlot(sql string) {
	run.t.Helper()
	eventually(run.t, "a slot that nobody reads", func() (bool, string) { // readers come back soon
		run.mustExec(`select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1 and active_pid is not null`, run.names.Slot)
		_, err := run.super.Exec(run.ctx, sql, run.names.Slot)
		gone := isCode(err, "42704") // by an earlier fault
		return err == nil || gone, fmt.Sprint(err)
	})
}

// insist runs SQL about the publication, again as long as a reader is at it at the same
// moment. False: the publication, or the table in it, is not there.
func (run *randomRun) insist(sql string) bool {
	run.t.Helper()
	for {
		_, err := run.connect(run.db.URL()).Exec(run.ctx, sql, pgx.QueryExecModeSimpleProtocol)
		switch {
		case err == nil:
			return true
		case isCode(err, "42704"):
			return false
		case !isRaced(err):
			run.t.Fatalf("%s: %v", sql, err)
		}
	}
}

// isRaced is true of what Postgres says when two sessions make, alter or drop the same
// publication at the same moment: it exists, or "tuple concurrently updated".
func isRaced(err error) bool { return isCode(err, "23505", "42710", "XX000") }

// mendPublication does what the readers ask for.
func (run *randomRun) mendPublication() {
	run.t.Helper()
	if in := run.inspect(); in.Publication.Exists && describe(in.Publication.Differences, true) != "" {
		conn := run.connect(run.db.URL())
		for _, sql := range strings.Split(strings.TrimSuffix(mendPublicationSQL(run.names, in), ";"), "; ") {
			if _, err := conn.Exec(context.WithoutCancel(run.ctx), sql); err != nil && !isRaced(err) {
				run.t.Fatalf("%s: %v", sql, err)
			}
		}
	}
}
