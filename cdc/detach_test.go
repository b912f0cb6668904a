package cdc

import (
	"fmt"
	"strings"
	"testing"
)

// An upgrade of Avni that drops or retypes listed columns fails with a misleading text,
// works after Detach, and the stream goes on through it and through Attach.
func TestUpgradeOfAvni(t *testing.T) {
	f := newFixture(t)
	f.countStores()
	r := f.startStreaming()
	changes := []string{
		`alter table program_encounter alter column encounter_type_id type bigint`, // as V1_161 did
		`alter table encounter drop column is_voided; alter table encounter add column is_voided boolean not null default false`,
		`alter table concept_answer alter column id type bigint`,
	}
	lists := columnLists(f.inspect().ServerVersion)
	owner := f.connect(f.db.SuperuserURL())
	for _, change := range changes {
		_, err := owner.Exec(f.ctx, `begin; `+change+`; rollback`)
		if refused := err != nil; refused != lists {
			t.Errorf("%s, while it is listed: %v", change, err)
		}
		if _, err := owner.Exec(f.ctx, `rollback`); err != nil {
			t.Fatal(err)
		}
	}
	admin := f.connect(f.db.URL())
	for range 2 {
		if err := Detach(f.ctx, admin, f.names); err != nil {
			t.Fatal(err)
		}
	}
	if in := f.inspect(); in.Publication.Listed || in.Publication.Detached != lists || len(in.Publication.Differences) != 0 {
		t.Errorf("detached publication: %+v", in.Publication)
	}
	f.take(subject(f.register(f.avni)))
	for _, change := range changes {
		if _, err := owner.Exec(f.ctx, change); err != nil {
			t.Errorf("%s, when detached: %v", change, err)
		}
	}
	f.exec(f.db.OwnerURL(), `update encounter set is_voided = true where id = (select min(id) from encounter)`)
	voided := f.queryInt(`select min(id) from encounter`)
	kind, organisation := f.queryInt(`select encounter_type_id from encounter where id = $1`, voided), f.queryInt(`select organisation_id from encounter where id = $1`, voided)
	f.take(entry{Encounter, int64(voided), int32(organisation), int32(kind), true})
	for range 2 {
		if err := Attach(f.ctx, admin, f.names); err != nil {
			t.Fatal(err)
		}
	}
	if in := f.inspect(); in.Publication.Detached || in.Publication.Listed != lists || len(in.Publication.Differences) != 0 {
		t.Errorf("attached publication: %+v", in.Publication)
	}
	f.take(subject(f.register(f.avni)))
	if n := f.connects(r); n != 1 {
		t.Errorf("the stream was started %d times", n)
	}
	f.eachStoredOnce(3)
}

// A reader that starts meanwhile says that it reads more than it should, and works.
func TestStartWhileDetached(t *testing.T) {
	f := newFixture(t)
	f.setup()
	if err := Detach(f.ctx, f.connect(f.db.URL()), f.names); err != nil {
		t.Fatal(err)
	}
	f.setup() // finds nothing to complain of
	r := f.startStreaming()
	f.take(subject(f.register(f.avni)))
	note, err := Detached(f.ctx, f.db.Pool(), f.names)
	lists := columnLists(f.inspect().ServerVersion)
	if err != nil || strings.Contains(note, "avni-messenger attach") != lists {
		t.Errorf("note %q, %v", note, err)
	}
	r.stop()
	if r.warned != note {
		t.Errorf("warned %q", r.warned)
	}
}

// What the stream needs and an upgrade has taken away is named, and nothing is skipped.
func TestUpgradeThatTakesAColumnAway(t *testing.T) {
	f := newFixture(t)
	r := f.startStreaming()
	admin := f.connect(f.db.URL())
	if err := Detach(f.ctx, admin, f.names); err != nil {
		t.Fatal(err)
	}
	before := f.inspect().Publication
	f.superuser(`alter table individual rename column subject_type_id to kind_id; alter table users drop column is_voided cascade`)
	err := Attach(f.ctx, admin, f.names)
	for _, want := range []string{"table individual has no column subject_type_id any more", "table users has no column is_voided any more"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q: %v", want, err)
		}
	}
	if now := f.inspect().Publication; now.Listed || now.Detached != before.Detached {
		t.Errorf("publication was changed: %+v", now)
	}
	f.superuser(`update individual set last_name = 'X' where id = 1001`)
	if detail := r.await(Stuck).Detail; !strings.Contains(detail, "column subject_type_id of table individual is not in the stream") ||
		!strings.Contains(detail, "bring the column back") || !strings.Contains(detail, "looked up") {
		t.Errorf("detail %s", detail)
	}
	f.superuser(`alter table individual rename column kind_id to subject_type_id; alter table users add column is_voided boolean not null default false`)
	missed := f.register(f.avni)
	if err := Attach(f.ctx, admin, f.names); err != nil {
		t.Error(err)
	}
	f.take(subject(missed))
	f.take(subject(1001))
	r.await(Streaming)
	f.take(subject(f.register(f.avni)))
	if done := f.repairs(); len(done) != 1 || done[0].Reason != string(causeSlotUnreadable) {
		t.Errorf("repairs %+v", done)
	}
}

// The same while the publication lists the column: it is said what is the matter, and
// when the column is back everything goes on.
func TestListedColumnRenamedAndBack(t *testing.T) {
	f := newFixture(t)
	r := f.startStreaming()
	f.superuser(`alter table individual rename column subject_type_id to kind_id`)
	f.superuser(`update individual set last_name = 'X' where id = 1001`)
	eventually(t, "what is missing", func() (bool, string) {
		s := r.Status()
		return (s.State == Stuck || s.State == Misconfigured) && strings.Contains(s.Detail, "table individual has no column subject_type_id any more") &&
			strings.Contains(s.Detail, "bring the column back"), fmt.Sprintf("%s: %s", s.State, s.Detail)
	})
	f.superuser(`alter table individual rename column kind_id to subject_type_id`)
	missed := f.register(f.avni)
	f.take(subject(missed))
	f.take(subject(1001))
	r.await(Streaming)
	f.take(subject(f.register(f.avni)))
}

func TestReshapeWhatIsNotOurs(t *testing.T) {
	f := newFixture(t)
	admin := f.connect(f.db.URL())
	for name, reshape := range map[string]func() error{
		"detach": func() error { return Detach(f.ctx, admin, f.names) },
		"attach": func() error { return Attach(f.ctx, admin, f.names) },
	} {
		if err := reshape(); err == nil || !strings.Contains(err.Error(), "does not exist: run `avni-messenger setup`") {
			t.Errorf("%s without publication: %v", name, err)
		}
	}
	f.exec(f.db.URL(), fmt.Sprintf(`create publication %s for table individual`, f.names.Publication))
	if err := Detach(f.ctx, admin, f.names); err == nil || !strings.Contains(err.Error(), "table users is missing") {
		t.Errorf("detach of another publication: %v", err)
	}
	f.superuser(`drop publication ` + f.names.Publication + `; ` + createPublicationSQL(f.names, f.inspect().ServerVersion))
	if !columnLists(f.inspect().ServerVersion) {
		return // nothing would be altered
	}
	if err := Detach(f.ctx, admin, f.names); err == nil || !strings.Contains(err.Error(), "Let its owner or a superuser run `alter publication") {
		t.Errorf("detach of somebody else's publication: %v", err)
	}
}

// While a repair makes the slot for the publication as it has seen it, nobody alters
// that: the new position would belong to one that is gone, and the next repair is an hour
// away.
func TestDetachDuringARepair(t *testing.T) {
	f := newFixture(t)
	f.streamOnce()
	missed := f.register(f.avni)
	f.dropSlot()
	open := f.behind(`update individual set first_name = 'late' where id = ` + fmt.Sprint(missed))
	r := f.start()
	eventually(t, "a slot in the making", func() (bool, string) {
		s := f.inspect().Slot
		return s.made(f.names), fmt.Sprintf("%+v", s)
	})
	done, operator := make(chan error, 1), f.connect(f.db.URL())
	go func() { done <- Detach(f.ctx, operator, f.names) }()
	eventually(t, "an operator who waits or is done", func() (bool, string) {
		n := f.queryInt(`select count(*) from pg_locks where locktype = 'advisory' and not granted and pid = $1`, operator.PgConn().PID())
		return n == 1 || len(done) == 1, r.Status().Detail
	})
	if _, err := open.Exec(f.ctx, `commit`); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	f.take(subject(missed))
	r.await(Streaming)
	if in := f.inspect(); in.altered() {
		t.Errorf("the position belongs to publication %d, and there is %d", in.Position.Fingerprint, in.Publication.Fingerprint)
	}
	f.take(subject(f.register(f.avni)))
}
