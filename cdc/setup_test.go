package cdc

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestSetupMayBeRunAgain(t *testing.T) {
	f := newFixture(t)
	var wg sync.WaitGroup
	results := make(chan Installed, 3)
	for range 3 {
		conn := f.connect(f.db.URL())
		wg.Go(func() {
			installed, err := Setup(f.ctx, conn, f.names)
			if err != nil {
				t.Error(err)
			}
			results <- installed
		})
	}
	wg.Wait()
	close(results)
	publications, slots := 0, 0
	for r := range results {
		if r.PublicationCreated {
			publications++
		}
		if r.SlotCreated {
			slots++
		}
		if in := f.inspect(); r.Position == 0 || r.Position != in.Position.LSN || r.Position != in.Slot.ConfirmedLSN {
			t.Errorf("position %s, stored %s, slot at %s", r.Position, in.Position.LSN, in.Slot.ConfirmedLSN)
		}
	}
	if publications != 1 || slots != 1 {
		t.Errorf("%d publications and %d slots were created, want one each", publications, slots)
	}
	in := f.inspect()
	if d := in.Publication.Differences; len(d) != 0 {
		t.Errorf("differences of a fresh publication: %v", d)
	}
	if in.ServerVersion >= 170000 && f.queryInt(`select count(*) from pg_replication_slots where slot_name = $1 and failover`, f.names.Slot) != 1 {
		t.Error("the slot is not copied to standbys")
	}
}

// What a DBA is given works without any further right of ours but REPLICATION.
func TestSetupSQL(t *testing.T) {
	f := newFixture(t)
	script, err := SetupSQL(f.names, f.inspect().ServerVersion)
	if err != nil {
		t.Fatal(err)
	}
	dba := f.connect(f.db.SuperuserURL())
	for statement := range strings.SplitSeq(script, ";\n") {
		if _, err := dba.Exec(f.ctx, statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	id := f.register(f.avni) // before anybody has stored a position
	f.startStreaming()
	f.take(subject(id))
}

func TestImpossibleNames(t *testing.T) {
	for _, names := range []Names{
		{"Upper", "p"}, {"", "p"}, {"semi;colon", "p"}, {strings.Repeat("s", 64), "p"}, {"s", ""}, {"s", `a"b`}, {"s", "1p"},
	} {
		if err := names.Validate(); err == nil {
			t.Errorf("%+v is accepted", names)
		}
		if _, err := SetupSQL(names, 150000); err == nil {
			t.Errorf("script for %+v", names)
		}
		if err := NewReader(Options{Slot: names.Slot, Publication: names.Publication}).Run(t.Context()); err == nil {
			t.Errorf("Run accepts %+v", names)
		}
	}
}

// Everything that is missing is reported at once, with the SQL that mends it; running
// that SQL mends it, and a reader that was waiting goes on by itself.
func TestMissingRights(t *testing.T) {
	f := newFixture(t)
	role := "plain_" + f.names.Slot
	f.superuser(`create role ` + role + ` login`)
	t.Cleanup(func() {
		conn, err := pgx.Connect(context.Background(), f.db.SuperuserURL())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(context.Background())
		for _, sql := range []string{`drop publication if exists ` + f.names.Publication, `drop owned by ` + role, `drop role ` + role} {
			if _, err := conn.Exec(context.Background(), sql); err != nil {
				t.Errorf("%s: %v", sql, err)
			}
		}
	})
	f.superuser(`grant usage on schema messenger to ` + role + `; grant all on all tables in schema messenger to ` + role +
		`; grant all on all sequences in schema messenger to ` + role)
	url := strings.Replace(f.db.URL(), "avni_messenger", role, 1)
	_, err := Setup(f.ctx, f.connect(url), f.names)
	mends := []string{
		`alter role "` + role + `" replication;`,
		`grant "openchs" to "` + role + `";`,
		`grant create on database "` + f.connect(url).Config().Database + `" to "` + role + `";`,
	}
	for _, want := range append(mends, "setup --print") {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %s: %v", want, err)
		}
	}
	if in := f.inspect(); in.Publication.Exists || in.Slot.Exists {
		t.Error("something was created nevertheless")
	}
	pool := f.pool(url)
	r := f.start(func(r *Reader) { r.options.Pool = pool })
	if detail := r.await(Misconfigured).Detail; !strings.Contains(detail, mends[0]) {
		t.Errorf("detail %s", detail)
	}
	for _, sql := range mends {
		f.superuser(sql)
	}
	r.await(Streaming)
	f.take(subject(f.register(f.avni)))
	r.stop()
	pool.Close()
}

func TestServerWithoutLogicalReplication(t *testing.T) {
	t.Parallel()
	f := newFixtureOn(t, newServer(t, map[string]string{"wal_level": "replica", "max_replication_slots": "0"}))
	_, err := Setup(f.ctx, f.connect(f.db.URL()), f.names)
	for _, want := range []string{"alter system set wal_level = logical", "alter system set max_replication_slots = 5"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q: %v", want, err)
		}
	}
	r := f.start()
	if detail := r.await(Misconfigured).Detail; !strings.Contains(detail, "alter system set wal_level = logical") {
		t.Errorf("detail %s", detail)
	}
}

// A slot waits for open transactions; if that takes too long the message names them.
func TestSlotThatHasToWait(t *testing.T) {
	f := newFixture(t)
	tx, err := f.avni.Pool().Begin(f.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(f.ctx, `update individual set id = id where id = 1001`); err != nil {
		t.Fatal(err)
	}
	conn := f.connect(f.db.URL())
	_, err = createSlot(f.ctx, conn, f.names, f.inspect().ServerVersion, 200*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "of role openchs (idle in transaction) since") || !strings.Contains(err.Error(), "pg_terminate_backend") {
		t.Errorf("error %v", err)
	}
	if f.inspect().Slot.Exists {
		t.Error("a slot was left behind")
	}
	if err := tx.Rollback(f.ctx); err != nil {
		t.Fatal(err)
	}
	if lsn, err := createSlot(f.ctx, conn, f.names, f.inspect().ServerVersion, patience); err != nil || lsn == 0 {
		t.Errorf("slot at %s, %v", lsn, err)
	}
}

func TestTeardown(t *testing.T) {
	f := newFixture(t)
	conn := f.connect(f.db.URL())
	if err := Teardown(f.ctx, conn, f.names); err != nil {
		t.Errorf("with nothing there: %v", err)
	}
	r := f.startStreaming()
	if err := Teardown(f.ctx, conn, f.names); err != nil {
		t.Fatal(err)
	}
	if in := f.inspect(); in.Publication.Exists || in.Slot.Exists || in.Position.Exists {
		t.Errorf("left: %+v", in)
	}
	// The reader that was running does not make it all anew.
	eventually(t, "the reader's opinion", func() (bool, string) {
		s := r.Status()
		return s.State == SlotLost && strings.Contains(s.Detail, "restart avni-messenger"), s.Detail
	})
	if in := f.inspect(); in.Publication.Exists || in.Slot.Exists || in.Position.Exists {
		t.Errorf("made anew: %+v", in)
	}
	r.stop()
	f.startStreaming()
	f.take(subject(f.register(f.avni)))
}

func TestTeardownLeavesASlotAloneThatSomebodyElseReads(t *testing.T) {
	f := newFixture(t)
	f.setup()
	config, err := f.reader().config()
	if err != nil {
		t.Fatal(err)
	}
	other := config.Copy()
	conn, err := connectAs(f.ctx, other, f.names, "somebody else")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.close()
	err = Teardown(f.ctx, f.connect(f.db.URL()), f.names)
	if err == nil || !strings.Contains(err.Error(), `"somebody else"`) {
		t.Errorf("error %v", err)
	}
	if in := f.inspect(); !in.Slot.Active || !in.Publication.Exists || !in.Position.Exists {
		t.Errorf("something was removed: %+v", in)
	}
}

// Whoever sets up does not wait without end for one that is frozen.
func TestSetupWaitsForAnotherOneForALimitedTime(t *testing.T) {
	f := newFixture(t)
	frozen, second := f.connect(f.db.URL()), f.connect(f.db.URL())
	unlock, err := lockSetup(f.ctx, frozen, f.names)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lockSetupWithin(f.ctx, second, f.names, 50*time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "for more than 50ms another avni-messenger has been setting slot") {
		t.Errorf("got %v", err)
	}
	unlock()
	again, err := lockSetupWithin(f.ctx, second, f.names, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	again()
	var lockTimeout string
	if err := second.QueryRow(f.ctx, `select current_setting('lock_timeout')`).Scan(&lockTimeout); err != nil || lockTimeout != "0" {
		t.Errorf("lock_timeout stays %s, %v", lockTimeout, err)
	}
}
