package schema_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/schema"
)

// Organisations that were served before they had a beginning go on: those that rules were
// run for, and those that messages were delivered for.
func TestOrganisationsThatWereServedBefore(t *testing.T) {
	pool, ctx := avnitest.New(t).Pool(), t.Context()
	do := func(sql string) {
		t.Helper()
		if _, err := pool.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	do(`drop schema messenger cascade`)
	if _, err := schema.MigrateTo(ctx, pool, 9); err != nil {
		t.Fatal(err)
	}
	do(`insert into messenger.trigger_log (at, source_table, entity_id, organisation_id, rule_id, outcome, committed_at, commit_lsn) values
		('2026-03-01', 'individual', 1, 101, 601, 'scheduled', now(), '0/1'), ('2026-02-01', 'individual', 1, 102, 601, 'would_schedule', now(), '0/1')`)
	do(`insert into messenger.delivery (request_id, organisation_id, state, created_at) values
		(1, 101, 'accepted', '2026-04-01'), (2, 103, 'accepted', '2026-01-15'), (3, 103, 'accepted', '2026-01-20')`)
	if _, err := schema.Migrate(ctx, pool); err != nil {
		t.Fatal(err)
	}
	rows, err := pool.Query(ctx, `select organisation_id, active_from from messenger.activation where rule_id = 0 and slot is null`)
	if err != nil {
		t.Fatal(err)
	}
	found := map[int32]string{}
	var id int32
	var at time.Time
	if _, err := pgx.ForEachRow(rows, []any{&id, &at}, func() error {
		found[id] = at.Format(time.DateOnly)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int32]string{101: "2026-03-01", 103: "2026-01-15"}, found); diff != "" {
		t.Errorf("active since (-want +got):\n%s", diff)
	}
}
