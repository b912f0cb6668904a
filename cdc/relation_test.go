package cdc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
)

// A published table is read whatever it is called at the moment, and nothing is passed
// over while one of ours is missing.
func TestRenamedTable(t *testing.T) {
	void := fmt.Sprintf(`update individual_old set is_voided = true, last_modified_date_time = now() where id = %d`, 1001)
	voided := entry{Individual, 1001, avnitest.AshaGramin, 301, true}
	t.Run("in one transaction", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		r := f.startStreaming()
		f.superuser(`begin; alter table individual rename to individual_old; ` + void + `; alter table individual_old rename to individual; commit`)
		f.take(voided)
		if n := f.connects(r); n != 1 {
			t.Errorf("%d streams", n)
		}
	})
	t.Run("for a while", func(t *testing.T) {
		t.Parallel()
		f := newFixture(t)
		r := f.startStreaming(func(r *Reader) { r.pace.watch = time.Hour })
		f.superuser(`alter table individual rename to individual_old`)
		f.superuser(void)
		eventually(t, "a stream that does not go on", func() (bool, string) {
			s := r.Status()
			return s.State == Misconfigured && strings.Contains(s.Detail, "table individual is missing"), fmt.Sprintf("%+v", s)
		})
		f.superuser(`alter table individual_old rename to individual`)
		f.take(voided)
		r.await(Streaming)
	})
}

// A table that somebody has put into the publication is passed over, a partition of ours
// is not.
func TestTablesOfOtherNames(t *testing.T) {
	f := newFixture(t)
	r := f.startStreaming()
	f.superuser(`create table public.individual_late () inherits (individual); alter table individual_late add primary key (id);
		alter publication ` + f.names.Publication + ` add table gender, individual_late`)
	f.superuser(`update gender set name = name; insert into individual_late select * from individual where id = 1001; update individual_late set id = 777777`)
	f.take(entry{Individual, 777777, avnitest.AshaGramin, 301, false})
	f.take(subject(f.register(f.avni)))
	if n, done := f.connects(r), f.repairs(); n != 1 || len(done) != 0 {
		t.Errorf("%d streams, repairs %+v", n, done)
	}
}
