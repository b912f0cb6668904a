package cdc

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPublishedColumns(t *testing.T) {
	f := newFixture(t)
	f.setup()
	have, err := readPublishedTables(f.ctx, f.db.Pool(), f.names.Publication, f.inspect().ServerVersion)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for _, table := range have {
		got[table.name] = strings.Join(table.columns, " ")
	}
	if f.inspect().ServerVersion < 150000 {
		for name := range got {
			if got[name] != "" {
				t.Errorf("column list of %s on a server that has none: %s", name, got[name])
			}
		}
		return
	}
	want := map[string]string{
		"individual": "id organisation_id is_voided subject_type_id", "program_enrolment": "id program_id organisation_id is_voided",
		"encounter": "id encounter_type_id organisation_id is_voided", "program_encounter": "id encounter_type_id organisation_id is_voided",
		"users": "id organisation_id is_voided", "message_rule": "id organisation_id", "organisation_config": "id organisation_id",
		"external_system_config": "id organisation_id", "concept": "id organisation_id", "concept_answer": "id organisation_id",
		"message_request_queue": "id organisation_id", "flow_request_queue": "id organisation_id",
	}
	sorted := cmp.Transformer("sorted", func(s string) map[string]bool {
		set := make(map[string]bool)
		for _, word := range strings.Fields(s) {
			set[word] = true
		}
		return set
	})
	if diff := cmp.Diff(want, got, sorted); diff != "" {
		t.Errorf("published columns (-want +got):\n%s", diff)
	}
}

// An existing publication of another shape is not touched; the SQL in the message
// gives it ours.
func TestPublicationOfAnotherShape(t *testing.T) {
	for name, c := range map[string]struct {
		create, says string
		since        int // server version
	}{
		"a table is missing":     {`for table individual with (publish = 'insert, update')`, "table users is missing", 0},
		"updates are missing":    {`for table individual with (publish = 'insert')`, "does not publish both insert and update", 0},
		"a table too many":       {`for table individual, gender`, "table public.gender does not belong in it", 0},
		"all tables":             {`for all tables`, "FOR ALL TABLES", 0},
		"a column is missing":    {`for table individual (id, organisation_id, subject_type_id)`, "column is_voided of table individual is missing", 150000},
		"a column too many":      {`for table users (id, organisation_id, is_voided, username)`, "column username of table users does not belong in it", 150000},
		"a row filter":           {`for table individual where (id > 5)`, "table individual has a row filter", 150000},
		"all tables of a schema": {`for tables in schema public`, "FOR TABLES IN SCHEMA", 150000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			if f.inspect().ServerVersion < c.since {
				return // that server has no such publications
			}
			f.superuser(`create publication ` + f.names.Publication + ` ` + c.create)
			_, err := Setup(f.ctx, f.connect(f.db.URL()), f.names)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error does not say %q: %v", c.says, err)
			}
			_, rest, _ := strings.Cut(err.Error(), "Run `")
			mend, _, found := strings.Cut(rest, "`")
			if !found {
				t.Fatalf("no SQL in %v", err)
			}
			f.superuser(mend)
			f.setup()
			if d := f.inspect().Publication.Differences; len(d) != 0 {
				t.Errorf("still different: %v", d)
			}
		})
	}
}

// A publication under which Avni's own updates would fail is never there for others.
func TestPublicationThatWouldBreakUpdates(t *testing.T) {
	f := newFixture(t)
	f.superuser(`alter table concept replica identity nothing`)
	_, err := Setup(f.ctx, f.connect(f.db.URL()), f.names)
	for _, want := range []string{`"public"."concept"`, "replica identity", "nothing was changed"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error does not say %q: %v", want, err)
		}
	}
	if in := f.inspect(); in.Publication.Exists || in.Slot.Exists {
		t.Errorf("something was created: %+v", in)
	}
	f.exec(f.db.OwnerURL(), `update concept set id = id`)
}
