package cdc

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Killed connections, replication and SQL alike, lose and repeat nothing.
func TestKilledConnections(t *testing.T) {
	f := newFixture(t)
	f.countStores()
	r := f.startStreaming()
	stop, registered := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for ; ; n++ {
			select {
			case <-stop:
				registered <- n
				return
			default:
				f.register(f.avni)
			}
		}
	}()
	super := f.connect(f.db.SuperuserURL())
	for i := range 8 {
		before, have := f.connects(r), len(f.inbox())
		eventually(t, "progress", func() (bool, string) { return len(f.inbox()) > have, r.Status().Detail })
		sql := `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = $1 and active_pid is not null`
		if i%2 == 1 {
			sql = `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'avni_messenger'
				and datname = current_database() and $1 <> '' and backend_type in ('client backend', 'walsender')`
		}
		eventually(t, "a new stream", func() (bool, string) {
			if _, err := super.Exec(f.ctx, sql, f.names.Slot); err != nil {
				t.Fatal(err)
			}
			r.await(Streaming)
			return f.connects(r) > before, r.Status().Detail
		})
	}
	close(stop)
	want := <-registered
	eventually(t, "all changes", func() (bool, string) { n := len(f.inbox()); return n == want, fmt.Sprint(n, " of ", want) })
	f.eachStoredOnce(want)
}

// A transaction larger than what is held in memory is stored in parts, but the
// position moves at its commit only, and what was rolled back within it is not stored.
func TestHugeTransaction(t *testing.T) {
	f := newFixture(t)
	const rows = 205_000
	var mu sync.Mutex
	seen := make(map[LSN]int) // rows in the inbox by stored position
	f.startStreaming(func(r *Reader) {
		r.options.Stored = func() {
			mu.Lock()
			defer mu.Unlock()
			if at := f.inspect().Position.LSN; at != 0 { // it is called before anything is set up, too
				seen[at] = f.inboxRows()
			}
		}
	})
	grown := growth(t)
	f.exec(f.db.OwnerURL(), `begin; `+insertSubjects(100_000)+`; savepoint s; `+insertSubjects(5_000)+`; rollback to savepoint s; `+insertSubjects(105_000)+`; commit`)
	eventually(t, "all rows", func() (bool, string) {
		mu.Lock()
		defer mu.Unlock()
		return slices.Contains(slices.Collect(maps.Values(seen)), rows), fmt.Sprint(seen)
	})
	if mb := grown(); mb >= 32 {
		t.Errorf("took %.0f MB", mb)
	}
	if n := f.queryInt(`select count(*) from messenger.inbox i join individual e on e.id = i.entity_id where i.source_table = 'individual'`); n != rows {
		t.Errorf("%d of the committed rows", n)
	}
	mu.Lock()
	defer mu.Unlock()
	// Before the transaction began to be read the idle position may have moved.
	if at := slices.Sorted(maps.Keys(seen)); len(at) < 2 || seen[at[len(at)-2]] != 200_000 {
		t.Errorf("rows by position: %v; want 200000 while the position stood", seen)
	}
}

func (f *fixture) registerMany(n int) {
	f.t.Helper()
	if _, err := f.avni.Pool().Exec(f.ctx, insertSubjects(n)); err != nil {
		f.t.Fatal(err)
	}
}

func insertSubjects(n int) string {
	return fmt.Sprintf(`
		insert into individual (uuid, version, date_of_birth_verified, organisation_id, subject_type_id, first_name, observations,
			created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select md5(random()::text), 0, false, 101, 301, 'Asha', '{}', 202, 202, now(), now() from generate_series(1, %d)`, n)
}

func TestRolledBackSavepoint(t *testing.T) {
	f := newFixture(t)
	f.startStreaming()
	err := pgx.BeginFunc(f.ctx, f.avni.Pool(), func(tx pgx.Tx) error {
		for i := range 3 {
			if _, err := tx.Exec(f.ctx, fmt.Sprintf(`savepoint s; update individual set last_name = 'L%d' where id = 1001; insert into individual
				(uuid, version, date_of_birth_verified, organisation_id, subject_type_id, first_name,
				 created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
				select md5(random()::text), 0, false, 101, 301, 'part %d', 202, 202, now(), now() from generate_series(1, 100)`, i, i)); err != nil {
				return err
			}
			if i == 1 {
				if _, err := tx.Exec(f.ctx, `rollback to savepoint s`); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	f.take(subject(1001))
	marker := f.register(f.avni)
	f.take(subject(marker))
	if n := f.queryInt(`select count(*) from messenger.inbox`); n != 200 {
		t.Errorf("%d rows, want 200", n)
	}
	if n := f.queryInt(`select count(*) from messenger.inbox i join individual e on e.id = i.entity_id where e.first_name in ('part 0', 'part 2')`); n != 200 {
		t.Errorf("%d of the committed rows, want 200", n)
	}
}
