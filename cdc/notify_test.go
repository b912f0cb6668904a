package cdc

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"avni-messenger/internal/avnitest"
)

// deaf is a process that does not stream, and what it was told.
type deaf struct {
	*running
	reloads, wakes atomic.Int32
	told           chan Change
}

func (f *fixture) standby() *deaf {
	f.t.Helper()
	d := &deaf{told: make(chan Change, 100)}
	d.running = f.start(func(r *Reader) {
		r.options.Started = func(context.Context) error { d.reloads.Add(1); return nil }
		r.options.Stored = func() { d.wakes.Add(1) }
		r.options.Reference = func(_ context.Context, changes []Change) error {
			for _, c := range changes {
				d.told <- c
			}
			return nil
		}
	})
	d.await(Standby)
	eventually(f.t, "listening", func() (bool, string) { return d.reloads.Load() > 0 && d.wakes.Load() > 0, "" })
	return d
}

func (d *deaf) hears(what string, count *atomic.Int32, before int32) {
	d.t.Helper()
	eventually(d.t, what, func() (bool, string) { n := count.Load(); return n > before, fmt.Sprint(n) })
}

// A process that does not stream learns of everything that it keeps, from the one that
// does, also after its own connection was lost and when another one begins to stream.
func TestStandbyIsKeptFresh(t *testing.T) {
	f := newFixture(t)
	leader := f.startStreaming()
	s := f.standby()
	wakes := s.wakes.Load()
	subject := f.register(f.avni)
	s.hears("wake for the inbox", &s.wakes, wakes)

	rule, err := f.avni.SaveRule(f.ctx, avnitest.RuleFields{Name: "New", EntityType: "Subject", EntityTypeID: 301})
	if err != nil {
		t.Fatal(err)
	}
	if got := <-s.told; got.Table != MessageRule || got.OrganisationID != avnitest.AshaGramin {
		t.Errorf("told %+v", got)
	}
	if _, err := f.avni.QueueRule(f.ctx, rule, subject, avnitest.Receiver{Type: "Subject", ID: subject}, f.inspect().At); err != nil {
		t.Fatal(err)
	}
	if got := <-s.told; got.Table != MessageRequestQueue || got.OrganisationID != avnitest.AshaGramin {
		t.Errorf("told %+v", got)
	}

	reloads := s.reloads.Load()
	f.superuser(`select pg_terminate_backend(pid) from pg_stat_activity where query = 'listen ` + channel + `' and datname = current_database()`)
	s.hears("reload after a lost connection", &s.reloads, reloads)

	eventually(t, "listening", func() (bool, string) {
		n := f.queryInt(`select count(*) from pg_stat_activity where query = 'listen ` + channel + `' and datname = current_database()`)
		return n == 2, fmt.Sprint(n)
	})
	reloads = s.reloads.Load()
	f.exec(f.db.URL(), `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '`+f.names.Slot+`'`)
	s.hears("reload for a new stream", &s.reloads, reloads)
	_ = leader
}

// What a process has read itself it is not told once more.
func TestOwnNoticesArePassedOver(t *testing.T) {
	f := newFixture(t)
	var reloads, wakes int
	r := f.reader(func(r *Reader) {
		r.options.Started = func(context.Context) error { reloads++; return nil }
		r.options.Stored = func() { wakes++ }
		r.options.Reference = func(context.Context, []Change) error { t.Error("told"); return nil }
	})
	for _, payload := range []string{"", "one", noticeText(r.holder, noticeInbox), noticeText(r.holder, noticeStream),
		noticeText(r.holder, "message_rule 101"), "other nonsense 101", "other message_rule x"} {
		if err := r.heed(f.ctx, payload); err != nil {
			t.Errorf("%q: %v", payload, err)
		}
	}
	if reloads != 0 || wakes != 0 {
		t.Errorf("%d reloads, %d wakes", reloads, wakes)
	}
	for _, payload := range []string{noticeText("other", noticeInbox), noticeText("other", noticeStream)} {
		if err := r.heed(f.ctx, payload); err != nil {
			t.Errorf("%q: %v", payload, err)
		}
	}
	if reloads != 1 || wakes != 1 {
		t.Errorf("%d reloads, %d wakes; want one each", reloads, wakes)
	}
}

// A process that is frozen while it listens keeps the notices of everybody on the server
// from being dropped. PostgreSQL is told to end its connection.
func TestFrozenListenerIsCutOff(t *testing.T) {
	f := newFixture(t)
	conn, err := f.reader().listening(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(f.ctx)
	var source string // a Unix socket shows 0
	if err := conn.QueryRow(f.ctx, `select source from pg_settings where name = 'tcp_user_timeout'`).Scan(&source); err != nil || source != "session" {
		t.Errorf("tcp_user_timeout is set by %q, %v", source, err)
	}
}
