package cdc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
)

// Loading may take longer than the server and the other readers wait for a sign of life.
func TestSlowStart(t *testing.T) {
	f := newFixture(t)
	f.superuser(`do $$ begin execute format('alter database %I set wal_sender_timeout = ''1s''', current_database()); end $$`)
	f.db.Pool().Reset()
	f.setup()
	id := f.register(f.avni)
	slow := func(r *Reader) {
		r.lease, r.pace.watch = 600*time.Millisecond, 50*time.Millisecond
		r.options.Started = func(ctx context.Context) error { rest(ctx, 2500*time.Millisecond); return ctx.Err() }
	}
	leader := f.start(slow)
	eventually(t, "a lease", func() (bool, string) {
		p := f.inspect().Position
		return p.Holder == leader.holder, fmt.Sprintf("%+v", p)
	})
	standby := f.start(slow)
	f.take(subject(id))
	if a, b := f.connects(leader), f.connects(standby); a != 1 || b != 0 {
		t.Errorf("streams: %d and %d", a, b)
	}
}

// A handler that does not return keeps neither lease nor stream for good, and is not
// hidden; the stream goes on, here or in another process, and nothing is lost.
func TestBlockedHandler(t *testing.T) {
	f := newFixture(t)
	f.setup()
	var calls atomic.Int32
	leader := f.startStreaming(func(r *Reader) {
		r.lease, r.pace.watch, r.pace.handler = 500*time.Millisecond, 50*time.Millisecond, 2*time.Second
		r.pace.retryMin, r.pace.retryMax = time.Minute, time.Minute // it stays away
		r.options.Reference = func(ctx context.Context, _ []Change) error {
			calls.Add(1)
			<-ctx.Done()
			return errors.New("table message_rule is locked")
		}
	})
	standby := f.start(func(r *Reader) { r.lease, r.pace.watch = 500*time.Millisecond, 50*time.Millisecond })
	standby.await(Standby)
	begin := time.Now()
	if err := f.saveRule(f.avni); err != nil {
		t.Fatal(err)
	}
	id := f.register(f.avni)
	detail := leader.await(Connecting).Detail
	if !strings.Contains(detail, "rules and settings could not be read in 2s: table message_rule is locked") {
		t.Errorf("detail %s", detail)
	}
	if took := time.Since(begin); took < 1500*time.Millisecond || calls.Load() != 1 {
		t.Errorf("it was given %s, %d times: the lease was not kept", took, calls.Load())
	}
	standby.await(Streaming)
	f.take(subject(id))
}

// A reader that another one has taken the stream from says so, even if it hangs where
// nothing can end it; and one that hangs alone does, too.
func TestHungReader(t *testing.T) {
	for _, replaced := range []bool{true, false} {
		t.Run(fmt.Sprint("replaced ", replaced), func(t *testing.T) {
			f := newFixture(t)
			f.setup()
			release := make(chan struct{})
			hung := f.startStreaming(func(r *Reader) {
				r.lease, r.pace.watch, r.pace.hang = 500*time.Millisecond, 50*time.Millisecond, time.Second
				r.options.Keep = func(Change) bool { <-release; return true }
			})
			id := f.register(f.avni)
			if !replaced {
				if s := hung.await(Connecting); !strings.Contains(s.Detail, "has stood still in this process") {
					t.Errorf("detail %s", s.Detail)
				}
			} else {
				other := f.start(func(r *Reader) { r.lease = 500 * time.Millisecond })
				other.await(Streaming)
				f.take(subject(id))
				if s := hung.await(Standby); s.Detail != errFenced.Error() {
					t.Errorf("detail %s", s.Detail)
				}
				other.stop()
			}
			close(release)
			hung.await(Streaming)
			f.take(subject(f.register(f.avni)))
		})
	}
}

// versioned returns a reader that does not run and counts how often it loads.
func (f *fixture) versioned() (r *Reader, loads *int) {
	loads = new(int)
	return f.reader(func(r *Reader) {
		r.options.Started = func(context.Context) error { *loads++; return nil }
	}), loads
}

// Whoever evaluates has everything loaded that its changes need, and only then.
func TestRefresh(t *testing.T) {
	f := newFixture(t)
	r, loads := f.versioned()
	check := func(what string, want int, err error) {
		t.Helper()
		if err != nil || *loads != want {
			t.Errorf("%s: %d loads, want %d; %v", what, *loads, want, err)
		}
	}
	check("nothing has changed", 0, r.Refresh(f.ctx, 0))
	f.exec(f.db.URL(), `update messenger.reference_version set version = 7`)
	check("version 7", 1, r.Refresh(f.ctx, 7))
	check("again", 1, r.Refresh(f.ctx, 7))
	check("somebody's older one", 1, r.Refresh(f.ctx, 6))
	f.exec(f.db.URL(), `update messenger.reference_version set version = 2`)
	check("a database that was restored", 2, r.Refresh(f.ctx, 2))
	check("again", 2, r.Refresh(f.ctx, 2))

	f.exec(f.db.URL(), `update messenger.reference_version set version = 4`)
	check("told of something else", 2, r.referenced(f.ctx, nil, 3, 4))
	check("so that it is not up to date", 3, r.Refresh(f.ctx, 4))
	f.exec(f.db.URL(), `update messenger.reference_version set version = 5`)
	check("told of all that is new", 3, r.referenced(f.ctx, nil, 4, 5))
	check("so that it is", 3, r.Refresh(f.ctx, 5))

	broken := errors.New("no")
	r.options.Started = func(context.Context) error { return broken }
	f.exec(f.db.URL(), `update messenger.reference_version set version = 6`)
	for range 2 {
		if err := r.Refresh(f.ctx, 6); !errors.Is(err, broken) {
			t.Errorf("a load that fails: %v", err)
		}
	}
}

// The stored version changes with rules, settings and concepts, in the transaction that
// brings what came after them, and with every new stream; a change of the queue does not
// count. The reader that streams knows without loading.
func TestVersionIsStored(t *testing.T) {
	f := newFixture(t)
	f.exec(f.db.URL(), `
		create table messenger.versions (entity_id bigint, version bigint);
		create function messenger.note_version() returns trigger language plpgsql as $$
		begin
			insert into messenger.versions select new.entity_id, version from messenger.reference_version;
			return new;
		end $$;
		create constraint trigger note_version after insert on messenger.inbox deferrable initially deferred
			for each row execute function messenger.note_version()`)
	version := func() int { return f.queryInt(`select version from messenger.reference_version`) }
	var loads atomic.Int32
	told := make(chan Table, 10)
	r := f.startStreaming(func(r *Reader) {
		r.options.Started = func(context.Context) error { loads.Add(1); return nil }
		r.options.Reference = func(_ context.Context, changes []Change) error { told <- changes[0].Table; return nil }
	})
	if n := version(); n != 1 {
		t.Errorf("version %d of the first stream", n)
	}
	var id int64
	err := f.avni.InTx(f.ctx, func(tx *avnitest.Avni) error {
		id = f.register(tx)
		return f.saveRule(tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	<-told
	if n := f.queryInt(`select version from messenger.versions where entity_id = $1`, id); n != 2 {
		t.Errorf("a change came with version %d of the rules", n)
	}
	f.exec(f.db.OwnerURL(), `update concept set name = 'Other' where id = 753`)
	if table := <-told; table != Concept || version() != 3 {
		t.Errorf("version %d after a change of %s", version(), table)
	}
	if _, err := f.avni.QueueRule(f.ctx, 601, id, avnitest.Receiver{Type: "Subject", ID: id}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if table := <-told; table != MessageRequestQueue || version() != 3 {
		t.Errorf("version %d after a change of %s", version(), table)
	}
	eventually(t, "its own version", func() (bool, string) { return r.known.Load() == 3, fmt.Sprint(r.known.Load()) })
	before := loads.Load()
	if err := r.Refresh(f.ctx, 3); err != nil || loads.Load() != before {
		t.Errorf("%d loads more, %v", loads.Load()-before, err)
	}
	f.exec(f.db.URL(), `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '`+f.names.Slot+`'`)
	eventually(t, "a version for the next stream", func() (bool, string) { return version() == 4, fmt.Sprint(version()) })
}
