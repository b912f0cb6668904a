package cdc

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// randomRun is a database in which everything happens at once: writers, two processes
// that read, workers that consume the inbox, and faults.
type randomRun struct {
	*fixture
	super   *pgxpool.Pool
	journal *journal
	choose  *rand.Rand // of the faults
	members []*member
	began   time.Time
	happen  map[string]int // faults by name
}

// Whatever is written, and whatever fails meanwhile, in the end the effects say of each
// entity what the tables say, and nothing was made up on the way. MESSENGER_TEST_SEED
// repeats the choices of a run that failed, as far as time does not matter;
// MESSENGER_TEST_ROUNDS is the number of faults.
func TestRandomChangesAndFaults(t *testing.T) {
	seed := fromEnvironment(t, "MESSENGER_TEST_SEED", time.Now().UnixNano())
	rounds := fromEnvironment(t, "MESSENGER_TEST_ROUNDS", int64(3*len(faults)/2))
	t.Logf("MESSENGER_TEST_SEED=%d", seed)
	run := newRandomRun(t, uint64(seed))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writers, workers sync.WaitGroup
	for i := range 3 {
		w := newRandomWriter(run, rand.New(rand.NewPCG(uint64(seed), uint64(i))))
		writers.Go(func() { w.write(ctx) })
	}
	working, stopWork := context.WithCancel(t.Context())
	defer stopWork()
	for i := range 2 {
		c := &consumer{randomRun: run, choose: rand.New(rand.NewPCG(uint64(seed), 10+uint64(i)))}
		workers.Go(func() { c.work(working) })
	}
	run.awaitFloor(run.members[0].running)
	run.failAtRandom(int(rounds))
	stop()
	writers.Wait()
	run.calmDown()
	stopWork()
	workers.Wait()
	run.check()
	for _, m := range run.members {
		m.crash() // it need not take leave
	}
	if t.Failed() {
		t.Logf("repeat with MESSENGER_TEST_SEED=%d MESSENGER_TEST_ROUNDS=%d", seed, rounds)
	}
}

func fromEnvironment(t *testing.T, name string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func newRandomRun(t *testing.T, seed uint64) *randomRun {
	t.Helper()
	f := newFixtureOn(t, newServer(t, map[string]string{
		"track_commit_timestamp": "on", // tells versions of rows
		"wal_sender_timeout":     "2s",
		"deadlock_timeout":       "50ms",
	}))
	run := &randomRun{fixture: f, super: f.pool(f.db.SuperuserURL()), journal: &journal{}, choose: rand.New(rand.NewPCG(seed, 99)), happen: map[string]int{}}
	t.Cleanup(run.super.Close)
	f.exec(f.db.URL(), effectsSQL)
	run.began = f.inspect().At
	f.setup()
	run.members = []*member{run.join(), run.join()}
	run.awaitStream()
	return run
}

// calmDown waits until all that was written has been worked on.
func (run *randomRun) calmDown() {
	run.t.Helper()
	run.mendPublication()
	run.awaitStream()
	last := newRandomWriter(run, run.choose).writeOne()
	eventually(run.t, "the end of all work", func() (bool, string) {
		run.anHourLater()
		if gap := run.inspect().gap(run.names); gap != nil {
			return false, fmt.Sprintf("nobody has seen yet that %v; %s", gap, run.states())
		}
		left, open := run.inboxRows(), run.queryInt(`select count(*) from messenger.gap where finished_at is null`)
		done := run.queryInt(`select count(*) from messenger.effect where source_table = $1 and entity_id = $2`, last.table, last.id)
		return left == 0 && open == 0 && done == 1, fmt.Sprintf("%d in the inbox, %d gaps, last change %v; %s", left, open, done == 1, run.states())
	})
}

// anHourLater lets a repair happen by itself again, if one has to wait for that.
func (run *randomRun) anHourLater() {
	run.t.Helper()
	for _, m := range run.members {
		if s := m.Status().State; s == SlotLost || s == SlotDropped {
			run.mustExec(`update messenger.gap set opened_at = opened_at - interval '1 hour' where not by_hand`)
			return
		}
	}
}

// awaitStream waits until one of the processes streams.
func (run *randomRun) awaitStream() {
	run.t.Helper()
	eventually(run.t, "a stream", func() (bool, string) {
		run.anHourLater()
		for _, m := range run.members {
			if m.Status().State == Streaming {
				return true, ""
			}
		}
		return false, run.states()
	})
}

func (run *randomRun) states() string {
	var text string
	for _, m := range run.members {
		s := m.Status()
		text += fmt.Sprintf("[%s: %s] ", s.State, s.Detail)
	}
	return text
}

// mustExec runs a statement as the superuser, again if a restart has broken the connection.
func (run *randomRun) mustExec(sql string, args ...any) {
	run.t.Helper()
	eventually(run.t, sql, func() (bool, string) {
		_, err := run.super.Exec(run.ctx, sql, args...)
		return err == nil, fmt.Sprint(err)
	})
}
