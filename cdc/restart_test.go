package cdc

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"avni-messenger/internal/avnitest"
)

// A crash of the server forgets acknowledgements; the stored position does not. After
// a stop all goes on by itself, too.
func TestServerRestarts(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"immediate", "fast"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			f := newFixtureOn(t, newServer(t, nil))
			f.countStores()
			r := f.startStreaming()
			for range 3 {
				for range 30 {
					f.register(f.avni)
				}
				f.restart(mode)
			}
			r.await(Streaming)
			want := f.queryInt(`select count(*) from individual where first_name = 'Asha' and last_name is null`)
			eventually(t, "all changes", func() (bool, string) {
				n := f.queryInt(`select count(*) from messenger.inbox`)
				return n == want, fmt.Sprint(n, " of ", want)
			})
			f.eachStoredOnce(want)
		})
	}
}

// restart stops the server with whoever is connected, starts it, and throws broken
// connections away.
func (f *fixture) restart(mode string) time.Duration {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, patience)
	defer cancel()
	begin := time.Now()
	if err := f.db.Cluster().Restart(ctx, mode); err != nil {
		f.t.Fatal(err)
	}
	took := time.Since(begin)
	f.db.Pool().Reset()
	f.avni.Pool().Reset()
	return took
}

// A server that is told to stop does not wait for us, whether there is much to do or
// the last thing it told us of was not worth storing. It would wait for
// wal_sender_timeout, 60 s.
func TestFastStopDoesNotWait(t *testing.T) {
	t.Parallel()
	f := newFixtureOn(t, newServer(t, nil))
	r := f.startStreaming()
	f.take(subject(f.register(f.avni)))
	f.superuser(`create table public.other (n int); insert into public.other select generate_series(1, 1000)`)
	f.stopFast("idle")
	r.await(Streaming)
	f.take(subject(f.register(f.avni)))

	writers, stop := make(chan error), make(chan struct{})
	for range 3 {
		go func() {
			for {
				if _, err := f.avni.RegisterSubject(f.ctx, avnitest.SubjectFields{FirstName: "Busy"}); err != nil {
					writers <- nil // the server has stopped
					return
				}
				select {
				case <-stop:
					writers <- errors.New("the server did not stop")
					return
				default:
				}
			}
		}()
	}
	eventually(t, "business", func() (bool, string) { return f.inboxRows() > 200, r.Status().Detail })
	f.stopFast("busy")
	close(stop)
	for range 3 {
		if err := <-writers; err != nil {
			t.Error(err)
		}
	}
	want := f.queryInt(`select count(*) from individual where first_name = 'Busy'`)
	eventually(t, "all changes", func() (bool, string) { n := f.inboxRows(); return n == want, fmt.Sprint(n, " of ", want) })
}

// stopFast stops the server as pg_ctl stop -m fast does, and starts it again.
func (f *fixture) stopFast(how string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, patience)
	defer cancel()
	begin := time.Now()
	if err := f.db.Cluster().Halt(ctx, "fast"); err != nil {
		f.t.Fatal(err)
	}
	if took := time.Since(begin); took > 2*time.Second+busy {
		f.t.Errorf("a stop with the reader attached and %s took %s", how, took)
	} else {
		f.t.Logf("a stop with the reader attached and %s took %s", how, took)
	}
	f.restart("fast")
}

// A server that has gone silent is given up, without its having closed anything.
func TestFrozenServer(t *testing.T) {
	f := newFixture(t)
	f.superuser(`do $$ begin execute format('alter database %I set wal_sender_timeout = ''1s''', current_database()); end $$`)
	f.db.Pool().Reset()
	r := f.startStreaming(func(r *Reader) { r.pace.silence = time.Millisecond })
	walsender := int(f.inspect().Slot.ActivePID)
	if err := syscall.Kill(walsender, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	thaw := func() { _ = syscall.Kill(walsender, syscall.SIGCONT) }
	defer thaw()
	r.await(Standby) // what is frozen still has the slot
	if n := testutil.ToFloat64(r.options.Metrics.disconnects.WithLabelValues(string(reasonSilent))); n != 1 {
		t.Errorf("%v streams ended for silence", n)
	}
	id := f.register(f.avni)
	thaw()
	f.take(subject(id))
}
