package cdc

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// behind returns a session of somebody else that stays in its transaction, with these
// statements done.
func (f *fixture) behind(statements string) *pgx.Conn {
	f.t.Helper()
	busy := f.connect(f.db.OwnerURL())
	for _, sql := range []string{`set application_name = 'flyway'`, `begin`, statements} {
		if _, err := busy.Exec(f.ctx, sql); err != nil {
			f.t.Fatal(err)
		}
	}
	return busy
}

// noQueue lets a migration fail that has to wait for a lock; how busy the machine is does
// not matter.
const noQueue = `set lock_timeout = '1s'; `

// A migration of Avni that needs tables one after the other is never the victim of a
// deadlock with us, and gets through at once.
func TestMigrationMeetsAttach(t *testing.T) {
	for name, run := range map[string]func(*fixture) error{
		"attach": func(f *fixture) error {
			return reshape(f.ctx, f.connect(f.db.URL()), f.names, true, columnLists(f.inspect().ServerVersion), patience)
		},
		"probes": func(f *fixture) error {
			return reshape(f.ctx, f.connect(f.db.URL()), f.names, false, true, patience)
		},
		"setup": func(f *fixture) error {
			f.exec(f.db.URL(), `drop publication `+f.names.Publication)
			return createPublication(f.ctx, f.connect(f.db.URL()), f.names, f.inspect().ServerVersion)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.setup()
			migration := f.behind(`alter table users add column h int`)
			done := make(chan error, 1)
			go func() { done <- run(f) }()
			f.awaitLockWaiter("users")
			if _, err := migration.Exec(f.ctx, noQueue+`alter table individual add column h int`); err != nil {
				t.Errorf("the migration: %v", err)
			}
			if _, err := migration.Exec(f.ctx, `rollback`); err != nil {
				t.Error(err)
			}
			f.register(f.avni)
			if err := <-done; err != nil {
				t.Error(err)
			}
		})
	}
}

// awaitLockWaiter waits until one of us waits for the table.
func (f *fixture) awaitLockWaiter(table string) {
	f.t.Helper()
	eventually(f.t, "a session that waits for table "+table, func() (bool, string) {
		n := f.queryInt(`select count(*) from pg_locks where relation = to_regclass($1) and not granted`, "public."+table)
		return n > 0, ""
	})
}

// While a table is locked for long, others can be altered, and nobody queues behind us.
// In the end whoever was in the way is named, without what it works on.
func TestLockedTableStallsNobody(t *testing.T) {
	f := newFixture(t)
	f.setup()
	if err := Detach(f.ctx, f.connect(f.db.URL()), f.names); err != nil {
		t.Fatal(err)
	}
	before := f.inspect().Publication
	busy := f.behind(`lock table users in share update exclusive mode`)
	if _, err := busy.Exec(f.ctx, `select 'Asha Gramin'`); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- reshape(f.ctx, f.connect(f.db.URL()), f.names, true, true, 2*time.Second) }()
	f.awaitLockWaiter("users")
	f.superuser(noQueue + `alter table individual add column h int`)
	f.register(f.avni)
	err := <-done
	for _, want := range []string{"nothing was changed", "table users is held by pid", `application_name "flyway"`, "with a transaction since 20", time.Now().Format(" MST: "), "select pg_terminate_backend(pid)"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q: %v", want, err)
		}
	}
	if err != nil && strings.Contains(err.Error(), "Asha") {
		t.Errorf("the error tells data: %v", err)
	}
	if now := f.inspect().Publication; now.Fingerprint != before.Fingerprint {
		t.Error("the publication was changed")
	}
}

// Of what another session runs no more is told than what kind of statement it is.
func TestLockHolderTellsNoData(t *testing.T) {
	f := newFixture(t)
	for sql, want := range map[string]string{
		`update individual set first_name = 'Asha' where id = 1001; alter table individual add column h int`: ": update individual set …",
		`/* for Asha */ alter table individual add column h int`:                                             ": what it runs is hidden",
	} {
		busy := f.behind(sql)
		found, err := lockHolders(f.ctx, f.connect(f.db.SuperuserURL()), toPublish)
		if err != nil || len(found) != 1 || found[0].table != Individual || !strings.HasSuffix(found[0].who, want) {
			t.Errorf("%+v, %v; want %s", found, err, want)
		}
		if err := busy.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}
