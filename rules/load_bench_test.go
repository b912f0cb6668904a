package rules

import (
	"fmt"
	"testing"

	"avni-messenger/internal/avnitest"
)

// benchSubjects is how many subjects are in the inbox: four batches.
const benchSubjects = 4 * batchSize

// BenchmarkInbox measures the way from the inbox into the queue with a rule that looks at
// nothing but the subject, for subjects of whom little and of whom much is known.
func BenchmarkInbox(b *testing.B) {
	for _, encounters := range []int{0, 5, 50} {
		b.Run(fmt.Sprintf("%d_encounters", encounters), func(b *testing.B) {
			inZone(b, "Asia/Kolkata")
			db := avnitest.New(b)
			seedEncounters(b, db, encounters)
			w := benchWorker(b, db)
			fillInbox(b, db)
			w.drain(b)
			for b.Loop() {
				b.StopTimer()
				fillInbox(b, db)
				b.StartTimer()
				w.drain(b)
			}
			b.ReportMetric(benchSubjects*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// seedEncounters adds subjects with so many encounters of ten observations each.
func seedEncounters(b *testing.B, db *avnitest.DB, encounters int) {
	b.Helper()
	if err := db.AlwaysActive(b.Context()); err != nil {
		b.Fatal(err)
	}
	pool := db.Avni().Pool()
	exec(b, pool, `insert into individual (uuid, organisation_id, subject_type_id, first_name, last_name, registration_date, gender_id, address_id, observations, date_of_birth_verified,
			version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select 'bench-' || n, 101, 301, 'Bench', 'Number ' || n, '2030-01-10', s.gender_id, s.address_id, s.observations, false, 0, 202, 202, now(), now()
		from individual s, generate_series(1, $1) n where s.id = 1001`, benchSubjects)
	exec(b, pool, `insert into encounter (uuid, organisation_id, individual_id, encounter_type_id, name, encounter_date_time, observations,
			version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select 'bench-' || i.id || '-' || n, 101, i.id, 502, 'Home visit', now(), o.observations, 0, 202, 202, now(), now()
		from individual i, generate_series(1, $1) n,
			(select jsonb_object_agg(uuid, 12.5) as observations from (select uuid from concept where organisation_id = 101 and data_type <> 'QuestionGroup' order by id limit 10) c) o
		where i.uuid like 'bench-%'`, encounters)
	exec(b, pool, `vacuum analyze individual, encounter`)
}

func fillInbox(b *testing.B, db *avnitest.DB) {
	b.Helper()
	exec(b, db.Pool(), `insert into messenger.inbox (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn)
		select 'individual', id, 101, 301, false, now(), pg_current_wal_lsn() from individual where uuid like 'bench-%'`)
}

type inboxBench struct{ *Worker }

func benchWorker(b *testing.B, db *avnitest.DB) inboxBench {
	b.Helper()
	dir := seedDirectory(Write)
	return inboxBench{NewWorker(WorkerOptions{Pool: db.Pool(), Catalogue: loadedCatalogue(b, db, dir), Engine: testEngine(b), Directory: dir, Loader: NewLoader(db.Pool())})}
}

func (w inboxBench) drain(b *testing.B) {
	b.Helper()
	for range benchSubjects / batchSize {
		w.turn(b.Context(), avnitest.AshaGramin)
	}
}

// BenchmarkBatch measures loading a batch and running the rule on each of its entities.
func BenchmarkBatch(b *testing.B) {
	for _, encounters := range []int{0, 5, 50} {
		b.Run(fmt.Sprintf("%d_encounters", encounters), func(b *testing.B) {
			db := avnitest.New(b)
			seedEncounters(b, db, encounters)
			l, e, asha := NewLoader(db.Pool()), testEngine(b), seedDirectory(Write).the(avnitest.AshaGramin)
			var ids []int64
			if err := db.Pool().QueryRow(b.Context(), `select array_agg(id) from (select id from individual where uuid like 'bench-%' order by id limit $1) s`, batchSize).Scan(&ids); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				found, err := l.load(b.Context(), asha, Subject, ids, lastSaver)
				if err != nil || len(found) != batchSize {
					b.Fatalf("%d of %d, %v", len(found), batchSize, err)
				}
				for _, id := range ids {
					if _, err := e.Schedule(b.Context(), asha.ID, benchScheduleRule, found[id].input(Subject)); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(batchSize*float64(b.N)/b.Elapsed().Seconds(), "evaluations/s")
		})
	}
}
