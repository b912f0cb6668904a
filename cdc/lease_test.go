package cdc

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// otherProcess is the environment variable by which the test binary knows that it is
// to be a reader.
const otherProcess = "CDC_TEST_READER"

// A reader in a process of its own, that can be killed and frozen. It is started by the
// tests below as a process of the test binary.
func TestOtherProcess(t *testing.T) {
	given, set := os.LookupEnv(otherProcess)
	if !set {
		return // it is not that process
	}
	arguments := strings.Fields(given)
	pool, err := pgxpool.New(t.Context(), arguments[0])
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	lease, err := time.ParseDuration(arguments[2])
	if err != nil {
		t.Fatal(err)
	}
	r := NewReader(Options{Slot: arguments[1], Publication: "avni_messenger", Pool: pool, Lease: lease})
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// process starts a reader in a process of its own and waits until it streams.
func (f *fixture) process(lease time.Duration) *os.Process {
	f.t.Helper()
	command := exec.Command(os.Args[0], "-test.run=^TestOtherProcess$")
	// The pool's sessions shall not look like ours: only the walsender does.
	command.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s", otherProcess, f.db.URL(), f.names.Slot, lease))
	if err := command.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	f.awaitReader(command.Process.Pid)
	return command.Process
}

// awaitReader waits until the process reads the slot.
func (f *fixture) awaitReader(pid int) {
	f.t.Helper()
	eventually(f.t, "stream of the other process", func() (bool, string) {
		in := f.inspect()
		return in.Slot.Active && strings.HasSuffix(in.Slot.ActiveName, fmt.Sprintf(":%d", pid)) &&
			strings.Contains(in.Position.Holder, fmt.Sprintf(":%d:", pid)), fmt.Sprintf("%+v", in)
	})
}

func TestTakeoverAfterCrash(t *testing.T) {
	f := newFixture(t)
	f.setup()
	leader := f.process(time.Minute) // the lease is not what is waited for
	standby := f.start(func(r *Reader) { r.pace.standby = defaultPace().standby })
	standby.await(Standby)
	f.take(subject(f.register(f.avni)))
	begin := time.Now()
	if err := leader.Kill(); err != nil {
		t.Fatal(err)
	}
	id := f.register(f.avni)
	standby.await(Streaming)
	f.take(subject(id))
	if took := time.Since(begin); took > 3*time.Second+busy {
		t.Errorf("takeover took %s", took)
	}
}

// A frozen leader loses the stream when its lease has lapsed, not before. Woken, it
// commits nothing and stands by.
func TestTakeoverAfterFreeze(t *testing.T) {
	const lease = 3 * time.Second
	f := newFixture(t)
	f.setup()
	f.countStores()
	leader := f.process(lease)
	standby := f.start(func(r *Reader) { r.lease = lease })
	standby.await(Standby)
	f.take(subject(f.register(f.avni)))
	eventually(t, "renewal without changes", func() (bool, string) {
		in := f.inspect()
		return in.Position.LeaseUntil.Sub(in.At) > lease*9/10, fmt.Sprintf("%+v", in.Position)
	})
	renewed := f.inspect().Position.LeaseUntil
	eventually(t, "another one", func() (bool, string) {
		p := f.inspect().Position
		return p.LeaseUntil.After(renewed), fmt.Sprintf("%+v", p)
	})
	begin := time.Now()
	if err := leader.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = leader.Signal(syscall.SIGCONT) })
	first := f.register(f.avni)
	standby.await(Streaming)
	took := time.Since(begin)
	if took < lease/2 || took > lease+busy {
		t.Errorf("takeover took %s with a lease of %s", took, lease)
	}
	f.take(subject(first))
	token := f.queryInt(`select fencing_token from messenger.position`)
	if err := leader.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	f.take(subject(f.register(f.avni)))
	eventually(t, "notice of the woken process", func() (bool, string) {
		n := f.queryInt(`select count(*) from pg_stat_replication where application_name like '%:` + fmt.Sprint(leader.Pid) + `'`)
		return n == 0, fmt.Sprint(n)
	})
	f.take(subject(f.register(f.avni)))
	if standby.Status().State != Streaming {
		t.Errorf("new leader: %+v", standby.Status())
	}
	if now := f.queryInt(`select fencing_token from messenger.position`); now != token {
		t.Errorf("token went from %d to %d", token, now)
	}
	f.eachStoredOnce(4)
	// It is a standby now that takes over in its turn.
	standby.stop()
	f.awaitReader(leader.Pid)
	f.take(subject(f.register(f.avni)))
}

// The lease is not given to somebody else while it is renewed, and is after that; from
// then on the former holder can neither renew nor write.
func TestLease(t *testing.T) {
	f := newFixture(t)
	f.setup()
	pool := f.db.Pool()
	of := func(holder string) *store {
		return &store{pool: pool, slot: f.names.Slot, holder: holder, lease: time.Minute, timeout: patience}
	}
	acquires := func(s *store, want bool) {
		t.Helper()
		if got, err := s.acquire(f.ctx); err != nil || got != want {
			t.Errorf("%s acquires: %v, %v; want %v", s.holder, got, err, want)
		}
	}
	first, second := of("first"), of("second")
	acquires(first, true)
	acquires(second, false)
	acquires(first, true)
	if err := first.renew(f.ctx); err != nil {
		t.Error(err)
	}
	f.exec(f.db.URL(), `update messenger.position set lease_until = clock_timestamp() - interval '1 ms'`)
	acquires(second, true)
	if err := first.renew(f.ctx); !errors.Is(err, errFenced) {
		t.Errorf("former holder renews: %v", err)
	}
	if err := first.write(f.ctx, nil, position{lsn: 1}, news{}); !errors.Is(err, errFenced) {
		t.Errorf("former holder writes: %v", err)
	}
	if err := first.release(f.ctx); err != nil {
		t.Error(err)
	}
	acquires(first, false)
	if err := second.release(f.ctx); err != nil {
		t.Error(err)
	}
	acquires(first, true)
}

// Whoever else reads our slot is named and left alone, whatever the lease says.
func TestForeignReaderIsLeftAlone(t *testing.T) {
	f := newFixture(t)
	f.setup()
	f.exec(f.db.URL(), `update messenger.position set holder = 'somebody', lease_until = clock_timestamp() - interval '1 hour'`)
	config, err := pgxpool.ParseConfig(f.db.URL())
	if err != nil {
		t.Fatal(err)
	}
	foreign, err := connectAs(f.ctx, &config.ConnConfig.Config, f.names, "pg_recvlogical")
	if err != nil {
		t.Fatal(err)
	}
	defer foreign.close()
	pid := f.inspect().Slot.ActivePID
	var looks atomic.Int32
	r := f.start(func(r *Reader) {
		r.pace.watch = 10 * time.Millisecond
		r.options.Started = func(context.Context) error { looks.Add(1); return nil }
	})
	detail := r.await(Standby).Detail
	for _, want := range []string{fmt.Sprintf("pid %d", pid), `"pg_recvlogical"`, "is left alone"} {
		if !strings.Contains(detail, want) {
			t.Errorf("detail does not say %q: %s", want, detail)
		}
	}
	busy := r.options.Metrics.disconnects.WithLabelValues(string(reasonBusy))
	eventually(t, "further looks", func() (bool, string) { n := testutil.ToFloat64(busy); return n > 5, fmt.Sprint(n) })
	if got := f.inspect().Slot.ActivePID; got != pid {
		t.Errorf("slot is read by %d, not %d any more", got, pid)
	}
	eventually(t, "a concern", func() (bool, string) {
		concerns := fmt.Sprint(r.Status().Watch.Concerns)
		return strings.Contains(concerns, "pg_recvlogical"), concerns
	})
	foreign.close()
	r.await(Streaming)
}

// What a broken connection of our own has left behind is not waited for.
func TestOwnDeadReaderIsDisconnected(t *testing.T) {
	f := newFixture(t)
	f.setup()
	config, err := pgxpool.ParseConfig(f.db.URL())
	if err != nil {
		t.Fatal(err)
	}
	r := f.reader(func(r *Reader) { r.lease = time.Hour })
	dead, err := connect(f.ctx, &config.ConnConfig.Config, f.names)
	if err != nil {
		t.Fatal(err)
	}
	defer dead.close()
	if _, _, err := r.store(f.inspect()).takeOver(f.ctx); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(f.ctx)
	run := &running{Reader: r, t: t, cancel: cancel, done: make(chan error, 1)}
	go func() { run.done <- r.Run(ctx) }()
	t.Cleanup(run.stop)
	run.await(Streaming)
	f.take(subject(f.register(f.avni)))
}

// A standby looks closely only when the session that reads the slot has changed, or does
// not keep its lease.
func TestStandbyLooksCheaply(t *testing.T) {
	f := newFixture(t)
	leader := f.startStreaming()
	r := f.reader()
	keeper := func() int32 {
		t.Helper()
		pid, err := r.keeper(f.ctx)
		if err != nil {
			t.Fatal(err)
		}
		return pid
	}
	if pid := f.inspect().Slot.ActivePID; pid == 0 || keeper() != pid {
		t.Errorf("%d reads the slot, not %d", pid, keeper())
	}
	waiting, cancel := context.WithCancel(f.ctx)
	done := make(chan struct{})
	go func() { r.standBy(waiting); close(done) }()
	select {
	case <-done:
		t.Error("did not stand by")
	case <-time.After(200 * time.Millisecond): // it must not end
	}
	f.exec(f.db.URL(), `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '`+f.names.Slot+`'`)
	select {
	case <-done:
	case <-time.After(patience):
		t.Error("did not notice another session")
	}
	cancel()
	leader.stop()
	if pid := keeper(); pid != 0 {
		t.Errorf("%d keeps the lease of a slot that nobody reads", pid)
	}
}
