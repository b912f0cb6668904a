package cdc

import (
	"fmt"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// COPY gives many rows the same position within one commit.
func TestCopy(t *testing.T) {
	f := newFixture(t)
	f.countStores()
	f.startStreaming()
	const rows = 20_000
	now := time.Now()
	n, err := f.avni.Pool().CopyFrom(f.ctx, pgx.Identifier{"individual"},
		[]string{"uuid", "version", "date_of_birth_verified", "organisation_id", "subject_type_id", "first_name", "observations",
			"created_by_id", "last_modified_by_id", "created_date_time", "last_modified_date_time"},
		pgx.CopyFromSlice(rows, func(int) ([]any, error) {
			return []any{uuid.NewString(), 0, false, 101, 301, "Copied", map[string]any{}, 202, 202, now, now}, nil
		}))
	if err != nil || n != rows {
		t.Fatalf("copied %d rows, %v", n, err)
	}
	eventually(t, "all rows", func() (bool, string) { n := f.inboxRows(); return n == rows, fmt.Sprint(n) })
	f.eachStoredOnce(rows)
	if n := f.queryInt(`select count(*) from messenger.inbox i join individual e on e.id = i.entity_id and e.first_name = 'Copied'`); n != rows {
		t.Errorf("%d of the copied rows", n)
	}
}

// WAL that is none of ours is let go of as it comes, while nothing of ours happens: 1 GB
// of it.
func TestForeignTraffic(t *testing.T) {
	f := newFixtureOn(t, newServer(t, map[string]string{"max_wal_size": "4GB"}))
	f.startStreaming(func(r *Reader) { r.pace.watch = 50 * time.Millisecond })
	f.foreignTraffic(1 << 30)
}

// foreignTraffic writes so many bytes of WAL into another table and into another
// database, by turns, and checks how much of it is kept for us.
func (f *fixture) foreignTraffic(bytes int) {
	f.t.Helper()
	const chunk, allowed = 16 << 20, 32 << 20
	elsewhere, err := f.db.Cluster().CreateDatabase(f.ctx, "elsewhere")
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(elsewhere.Pool().Close)
	f.t.Cleanup(elsewhere.Avni().Pool().Close)
	var others []*pgx.Conn
	for _, url := range []string{f.db.SuperuserURL(), elsewhere.SuperuserURL()} {
		conn := f.connect(url)
		f.on(conn, `create table public.other (t text); alter table public.other alter column t set storage plain`)
		others = append(others, conn)
	}
	retained, most, releases := 0, 0, 0
	sample := func() {
		before := retained
		retained = f.queryInt(`select pg_current_wal_lsn() - restart_lsn from pg_replication_slots where slot_name = $1`, f.names.Slot)
		most = max(most, retained)
		if retained < before {
			releases++
		}
	}
	begin := f.inspect().WrittenLSN
	for n := 0; int(f.inspect().WrittenLSN-begin) < bytes; n++ {
		conn := others[n%len(others)]
		f.on(conn, fmt.Sprintf(`insert into public.other select repeat('x', 8000) from generate_series(1, %d)`, chunk/8192))
		sample()
		f.on(conn, `truncate public.other`)
		f.on(conn, `checkpoint`) // what may go is decided then, or else every 15 s
		sample()
	}
	if releases == 0 {
		f.t.Errorf("nothing was let go of while it came: %s is kept", Bytes(retained))
	}
	eventually(f.t, "release of WAL", func() (bool, string) {
		f.on(others[0], `checkpoint`)
		sample()
		return retained < allowed, fmt.Sprint(retained, " bytes are kept")
	})
	f.t.Logf("of %s at most %s was kept, in the end %s", Bytes(f.inspect().WrittenLSN-begin), Bytes(most), Bytes(retained))
}

func (f *fixture) on(conn *pgx.Conn, sql string) {
	f.t.Helper()
	if _, err := conn.Exec(f.ctx, sql); err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
}

// A database in which storing takes longer than PostgreSQL waits for a sign of life
// from us costs time only.
func TestSlowStores(t *testing.T) {
	f := newFixture(t)
	f.superuser(`do $$ begin execute format('alter database %I set wal_sender_timeout = ''2s''', current_database()); end $$`)
	f.db.Pool().Reset()
	r := f.startStreaming()
	f.exec(f.db.URL(), `
		create function messenger.dawdle() returns trigger language plpgsql as $$ begin perform pg_sleep(0.005); return new; end $$;
		create trigger dawdle before insert on messenger.inbox for each row execute function messenger.dawdle()`)
	const rows = 500 // two and a half seconds of it, in one batch
	f.registerMany(rows)
	eventually(t, "all rows", func() (bool, string) { n := f.inboxRows(); return n == rows, fmt.Sprint(n, " ", r.Status().Detail) })
	f.exec(f.db.URL(), `drop trigger dawdle on messenger.inbox`)
	if n := f.connects(r); n != 1 {
		t.Errorf("%d streams were needed", n)
	}

	tx, err := f.db.Pool().Begin(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(f.ctx, `lock table messenger.inbox in access exclusive mode`); err != nil {
		t.Fatal(err)
	}
	const more = 100 // in parts that get smaller, each with a sign of life
	f.registerMany(more)
	<-time.After(2500 * time.Millisecond) // longer than wal_sender_timeout
	if err := tx.Rollback(f.ctx); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all rows", func() (bool, string) {
		n := f.inboxRows()
		return n == rows+more, fmt.Sprint(n, " ", r.Status().Detail)
	})
	if n := f.connects(r); n != 1 {
		t.Errorf("%d streams were needed in all", n)
	}
}

// runtimeMB is the memory that Go has of the system. The race detector's own is not in it.
func runtimeMB() float64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return float64(samples[0].Value.Uint64()-samples[1].Value.Uint64()) / (1 << 20)
}

// growth returns how many MB the program has grown by at most since it was called.
func growth(t testing.TB) (peak func() float64) {
	debug.FreeOSMemory()
	base := runtimeMB()
	stop, result := make(chan struct{}), make(chan float64, 1)
	go func() {
		most := 0.0
		for {
			most = max(most, runtimeMB()-base)
			select {
			case <-stop:
				result <- most
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return func() float64 {
		t.Helper()
		close(stop)
		return <-result
	}
}
