package avnitest

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

const subjectsPerOrganisation = `select organisation_id, count(*) from individual group by 1 order by 1`

type subjects struct {
	OrganisationID int32
	Count          int64
}

func query(t *testing.T, ctx context.Context, db interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
}) []subjects {
	t.Helper()
	rows, err := db.Query(ctx, subjectsPerOrganisation)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[subjects])
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestSidecarSeesEveryOrganisation(t *testing.T) {
	t.Parallel()
	db := New(t)
	want := []subjects{{101, 6}, {103, 1}}
	if diff := cmp.Diff(want, query(t, t.Context(), db.Pool())); diff != "" {
		t.Errorf("subjects that avni_messenger sees (-want +got):\n%s", diff)
	}
}

func TestOrganisationSeesItsOwnRowsOnly(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, New(t).OwnerURL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, `set role asha_gramin`); err != nil {
		t.Fatal(err)
	}
	want := []subjects{{101, 6}}
	if diff := cmp.Diff(want, query(t, ctx, conn)); diff != "" {
		t.Errorf("subjects that asha_gramin sees (-want +got):\n%s", diff)
	}
}
