package cdc

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// What the publication has missed is noticed although it is whole again, whether that
// happened between two looks at it or while avni-messenger was stopped.
func TestPublicationAlteredAndMended(t *testing.T) {
	for name, sql := range map[string][2]string{
		"a table":    {`drop table individual`, `add table individual`},
		"insertions": {`set (publish = 'update')`, `set (publish = 'insert, update')`},
	} {
		for _, streaming := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, streaming %t", name, streaming), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				r := f.startStreaming(func(r *Reader) { r.pace.watch = time.Second })
				f.take(subject(f.register(f.avni)))
				if !streaming {
					r.stop()
				}
				alter, mend := `alter publication `+f.names.Publication+` `+sql[0], `alter publication `+f.names.Publication+` `+sql[1]
				if strings.HasSuffix(mend, "add table individual") && columnLists(f.inspect().ServerVersion) {
					mend += ` (id, organisation_id, subject_type_id, is_voided)`
				}
				f.exec(f.db.URL(), alter)
				missed := f.register(f.avni)
				f.exec(f.db.URL(), mend)
				if d := f.inspect().Publication.Differences; len(d) != 0 {
					t.Fatalf("the publication is not whole: %v", d)
				}
				if !streaming {
					r = f.startStreaming()
				}
				f.take(subject(missed))
				eventually(t, "one repair", func() (bool, string) {
					done := f.repairs()
					return len(done) == 1 && done[0].Reason == string(causePublicationChanged) && done[0].Finished, fmt.Sprintf("%+v, %+v", done, r.Status())
				})
				r.await(Streaming)
				f.take(subject(f.register(f.avni)))
			})
		}
	}
}

// What misses nothing is not taken for it: another table, freezing, and what detach and
// attach do, at once or with a reader between them.
func TestHarmlessAlterations(t *testing.T) {
	f := newFixture(t)
	r := f.startStreaming(func(r *Reader) { r.pace.watch = 5 * time.Millisecond })
	admin := f.connect(f.db.URL())
	for range 5 {
		if err := Detach(f.ctx, admin, f.names); err != nil {
			t.Fatal(err)
		}
		if f.inspect().altered() {
			t.Error("detached, it is another one")
		}
		f.take(subject(f.register(f.avni)))
		if err := Attach(f.ctx, admin, f.names); err != nil {
			t.Fatal(err)
		}
	}
	before := f.inspect().Publication.Fingerprint
	f.superuser(`alter publication ` + f.names.Publication + ` add table gender`)
	f.superuser(`alter publication ` + f.names.Publication + ` drop table gender`)
	f.superuser(`vacuum freeze pg_publication`)
	f.superuser(`vacuum freeze pg_publication_rel`)
	f.superuser(`vacuum full pg_publication_rel`)
	if got := f.inspect().Publication.Fingerprint; got != before {
		t.Errorf("fingerprint %d became %d", before, got)
	}
	r.stop()
	f.startStreaming()
	f.take(subject(f.register(f.avni)))
	if n, done := f.connects(r), f.repairs(); n != 1 || len(done) != 0 {
		t.Errorf("%d streams, repairs %+v", n, done)
	}
}

// A publication that detach meets altered does not become a good one by it.
func TestDetachKeepsADoubt(t *testing.T) {
	f := newFixture(t)
	f.startStreaming().stop()
	f.exec(f.db.URL(), `begin; drop publication `+f.names.Publication+`; `+createPublicationSQL(f.names, f.inspect().ServerVersion)+`; commit`)
	if err := Detach(f.ctx, f.connect(f.db.URL()), f.names); err != nil {
		t.Fatal(err)
	}
	if !f.inspect().altered() {
		t.Error("it counts as the same publication")
	}
}

// Whatever else has happened, the search begins where the publication was last whole.
func TestAlteredPublicationWithoutSlot(t *testing.T) {
	f := newFixture(t)
	r := f.startStreaming(quick, func(r *Reader) { r.pace.watch = time.Hour })
	f.take(subject(f.register(f.avni)))
	drop := `alter publication ` + f.names.Publication + ` drop table encounter`
	list := ""
	if columnLists(f.inspect().ServerVersion) {
		list = ` (id, organisation_id, encounter_type_id, is_voided)`
	}
	f.exec(f.db.URL(), drop)
	visit, err := f.avni.ScheduleEncounter(f.ctx, 1001, 502, "Home visit", time.Now(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	f.take(subject(f.register(f.avni))) // the position is beyond what was missed
	f.awaitFloor(r)
	r.stop()
	f.exec(f.db.URL(), `alter publication `+f.names.Publication+` add table encounter`+list)
	f.dropSlot()
	f.startStreaming()
	eventually(t, "the visit", func() (bool, string) {
		n := f.queryInt(`select count(*) from messenger.inbox where source_table = 'encounter' and entity_id = $1`, visit)
		return n == 1, fmt.Sprintf("%+v", f.repairs())
	})
}
