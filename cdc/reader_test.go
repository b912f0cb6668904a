package cdc

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
)

// Every insert, update and void of the five entity tables enters the inbox with its
// columns, with and without column lists (PostgreSQL before 15 has none).
func TestChangesOfEveryEntityReachTheInbox(t *testing.T) {
	for name, create := range map[string]func(*fixture){
		"as set up": func(*fixture) {},
		"without column lists": func(f *fixture) {
			f.exec(f.db.URL(), createPublicationSQL(f.names, 120000))
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			create(f)
			f.startStreaming()
			changeEverything(f)
			if rest := f.inbox(); len(rest) != 0 {
				t.Errorf("inbox holds more: %+v", rest)
			}
		})
	}
}

func changeEverything(f *fixture) {
	f.t.Helper()
	ctx, avni, now := f.ctx, f.avni, time.Now()
	do := func(err error) {
		f.t.Helper()
		if err != nil {
			f.t.Fatal(err)
		}
	}
	large := map[string]any{"story": strings.Repeat("a long one, kept out of line: ", 4000)}
	person, err := avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Asha", Observations: large})
	do(err)
	f.take(subject(person))
	do(avni.SaveSubject(ctx, person))
	f.take(subject(person))

	enrolment, err := avni.Enrol(ctx, person, 401, now, nil)
	do(err)
	enrolled := entry{ProgramEnrolment, enrolment, avnitest.AshaGramin, 401, false}
	f.take(enrolled)
	do(avni.ExitEnrolment(ctx, enrolment, now, nil))
	f.take(enrolled)

	visit, err := avni.ScheduleVisit(ctx, enrolment, 501, "ANC", now, now)
	do(err)
	visited := entry{ProgramEncounter, visit, avnitest.AshaGramin, 501, false}
	f.take(visited)
	do(avni.CompleteVisit(ctx, visit, now, nil))
	f.take(visited)

	encounter, err := avni.ScheduleEncounter(ctx, person, 502, "Home visit", now, now)
	do(err)
	encountered := entry{Encounter, encounter, avnitest.AshaGramin, 502, false}
	f.take(encountered)
	do(avni.CompleteEncounter(ctx, encounter, now, nil))
	f.take(encountered)

	user, err := avni.CreateUser(ctx, avnitest.UserFields{Name: "Sita"})
	do(err)
	f.take(entry{Users, user, avnitest.AshaGramin, 0, false})

	do(avni.VoidEncounter(ctx, encounter))
	f.take(entry{Encounter, encounter, avnitest.AshaGramin, 502, true})
	do(avni.VoidVisit(ctx, visit))
	f.take(entry{ProgramEncounter, visit, avnitest.AshaGramin, 501, true})
	do(avni.VoidEnrolment(ctx, enrolment))
	f.take(entry{ProgramEnrolment, enrolment, avnitest.AshaGramin, 401, true})
	do(avni.VoidSubject(ctx, person))
	f.take(entry{Individual, person, avnitest.AshaGramin, 301, true})
	do(avni.VoidUser(ctx, user))
	f.take(entry{Users, user, avnitest.AshaGramin, 0, true})
}

func TestUpdateOfAUserDoesNotEnterUnlessVoided(t *testing.T) {
	f := newFixture(t)
	f.startStreaming()
	if err := f.avni.SaveUser(f.ctx, 202); err != nil {
		t.Fatal(err)
	}
	marker := f.register(f.avni)
	f.take(subject(marker)) // whatever came before it would be there
	if got := f.inbox(); len(got) != 0 {
		t.Errorf("inbox holds %+v", got)
	}
}

func TestKeepFilters(t *testing.T) {
	f := newFixture(t)
	f.startStreaming(func(r *Reader) {
		r.options.Keep = func(c Change) bool { return c.OrganisationID == avnitest.AshaGramin && c.Op == Insert }
	})
	if _, err := f.avni.RegisterSubject(f.ctx, avnitest.SubjectFields{OrganisationID: avnitest.SevaNepal, FirstName: "Maya"}); err != nil {
		t.Fatal(err)
	}
	first := f.register(f.avni)
	f.take(subject(first))
	if err := f.avni.SaveSubject(f.ctx, first); err != nil {
		t.Fatal(err)
	}
	f.take(subject(f.register(f.avni)))
	if got := f.inbox(); len(got) != 0 {
		t.Errorf("inbox holds %+v", got)
	}
}

// A newer change of an entity replaces what waits, and whoever has claimed that loses it.
func TestNewestChangeWins(t *testing.T) {
	f := newFixture(t)
	f.startStreaming()
	id := f.register(f.avni)
	eventually(t, "first change", func() (bool, string) { return len(f.inbox()) == 1, "" })
	before := f.queryInt(`
		update messenger.inbox set claimed_by = '00000000-0000-4000-8000-000000000001', claimed_until = now() + interval '1 hour', attempts = 3, last_error = 'x'
		returning change_number`)
	if err := f.avni.VoidSubject(f.ctx, id); err != nil {
		t.Fatal(err)
	}
	eventually(t, "second change", func() (bool, string) {
		return f.queryInt(`select count(*) from messenger.inbox where change_number > $1 and is_voided and claimed_by is null
			and claimed_until is null and attempts = 0 and last_error is null`, before) == 1, fmt.Sprint(f.inbox())
	})
	if n := len(f.inbox()); n != 1 {
		t.Errorf("%d rows in the inbox", n)
	}
}

// A change of a queue row alone writes nothing of ours.
func TestQueueRowsDoNotMoveTheStoredPosition(t *testing.T) {
	f := newFixture(t)
	told := make(chan Change, 10)
	r := f.startStreaming(func(r *Reader) {
		r.options.Reference = func(_ context.Context, changes []Change) error {
			told <- changes[0]
			return nil
		}
	})
	before := r.Status().Position
	id := f.register(f.avni)
	f.take(subject(id))
	stored := f.inspect().Position.LSN
	if stored <= before {
		t.Errorf("position %s did not move from %s", stored, before)
	}
	for range 5 {
		if _, err := f.avni.QueueRule(f.ctx, 601, id, avnitest.Receiver{Type: "Subject", ID: id}, time.Now()); err != nil {
			t.Fatal(err)
		}
		if got := <-told; got.Table != MessageRequestQueue || got.OrganisationID != avnitest.AshaGramin {
			t.Errorf("told %+v", got)
		}
	}
	if now := f.inspect().Position.LSN; now != stored {
		t.Errorf("position moved from %s to %s", stored, now)
	}
}

// What was stored is not stored again by the next process, nor is anything left out.
func TestRestartedReaderGoesOnWhereItWas(t *testing.T) {
	f := newFixture(t)
	f.countStores()
	var want []entry
	for round := range 3 {
		r := f.startStreaming()
		for range 20 {
			want = append(want, subject(f.register(f.avni)))
		}
		if round > 0 { // the first time stop at any moment
			eventually(t, "all changes", func() (bool, string) { return len(f.inbox()) == len(want), fmt.Sprint(len(f.inbox())) })
		}
		r.stop()
		for range 20 {
			want = append(want, subject(f.register(f.avni)))
		}
	}
	f.startStreaming()
	eventually(t, "all changes", func() (bool, string) { return len(f.inbox()) == len(want), fmt.Sprint(len(f.inbox())) })
	if diff := cmp.Diff(want, f.inbox()); diff != "" {
		t.Errorf("inbox (-want +got):\n%s", diff)
	}
	f.eachStoredOnce(len(want))
}

// eachStoredOnce checks that changes were stored once each.
func (f *fixture) eachStoredOnce(want int) {
	f.t.Helper()
	if n := f.queryInt(`select count(*) from messenger.stores`); n != want {
		f.t.Errorf("%d changes were stored %d times in all, ending with: %s", want, n, f.lastStores())
	}
}

// lastStores lists the changes that were stored last.
func (f *fixture) lastStores() string {
	f.t.Helper()
	var list string
	err := f.db.Pool().QueryRow(f.ctx, `select coalesce(string_agg(format('%s %s %s', source_table, entity_id, commit_lsn), ', ' order by commit_lsn), 'none')
		from (select * from messenger.stores order by commit_lsn desc limit 20) s`).Scan(&list)
	if err != nil {
		f.t.Fatal(err)
	}
	return list
}
