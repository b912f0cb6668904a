package cdc

import (
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// A crash of the server must not hand a token out twice, nor move the position back
// behind what was acknowledged, whatever is set for our role. What it may undo does not
// wait, so that the lease is kept while commits wait for a standby.
func TestCommitsThatMatterAreDurable(t *testing.T) {
	f := newFixture(t)
	f.superuser(`do $$ begin execute format('alter role avni_messenger in database %I set synchronous_commit = off', current_database()); end $$`)
	f.db.Pool().Reset()
	f.exec(f.db.URL(), `
		create table messenger.commits (matters boolean, synchrony text);
		create function messenger.note_commit() returns trigger language plpgsql as $$
		begin
			insert into messenger.commits values (
				tg_op = 'INSERT' or (old.fencing_token, old.lsn) is distinct from (new.fencing_token, new.lsn), current_setting('synchronous_commit'));
			return new;
		end $$;
		create trigger note_commit after insert or update on messenger.position for each row execute function messenger.note_commit()`)
	r := f.startStreaming(func(r *Reader) {
		r.lease, r.pace.watch = 300*time.Millisecond, 50*time.Millisecond
	})
	if _, err := r.store(f.inspect()).acquire(f.ctx); err != nil {
		t.Fatal(err)
	}
	f.take(subject(f.register(f.avni)))
	eventually(t, "renewals", func() (bool, string) {
		return f.queryInt(`select count(*) from messenger.commits where not matters and synchrony = 'off'`) > 5, ""
	})
	if n := f.queryInt(`select count(*) from messenger.commits where matters and synchrony = 'on'`); n < 4 { // set up, taken over, acquired, written
		t.Errorf("%d durable ones", n)
	}
	if n := f.queryInt(`select count(*) from messenger.commits where matters and synchrony <> 'on'`); n != 0 {
		t.Errorf("%d that a crash would undo", n)
	}
}

func TestCommit(t *testing.T) {
	f := newFixture(t)
	var got string
	if err := commit(f.ctx, f.db.Pool(), quickly, `select current_setting('synchronous_commit') || $1`, []any{"!"}, &got); err != nil || got != "off!" {
		t.Errorf("%q, %v", got, err)
	}
	if err := commit(f.ctx, f.db.Pool(), durably, `select 1 where false`, nil, &got); !errors.Is(err, pgx.ErrNoRows) {
		t.Error(err)
	}
	if err := commit(f.ctx, f.db.Pool(), durably, `select 1/0`, nil, &got); !isCode(err, "22012") {
		t.Error(err)
	}
}
