package avnitest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// row reads one row as a map, for a comparison in one piece.
func row(t *testing.T, db *DB, sql string, args ...any) map[string]any {
	t.Helper()
	rows, err := db.Pool().Query(t.Context(), sql, args...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectExactlyOneRow(rows, pgx.RowToMap)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func must[T any](t *testing.T) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func TestRegisteredSubjectIsWhatAvniWrites(t *testing.T) {
	t.Parallel()
	db := New(t)
	id := must[int64](t)(db.Avni().RegisterSubject(t.Context(), SubjectFields{
		OrganisationID: SevaNepal, FirstName: "Gita", Phone: "9841000022",
		RegistrationDate: time.Date(2024, 5, 6, 0, 0, 0, 0, time.UTC),
	}))
	got := row(t, db, `select organisation_id, subject_type_id, first_name, last_name, observations, version, is_voided, created_by_id,
		last_modified_by_id, registration_date::text, uuid ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4' as v4, created_date_time = last_modified_date_time as fresh
		from individual where id = $1`, id)
	want := map[string]any{
		"organisation_id": int32(103), "subject_type_id": int32(311), "first_name": "Gita", "last_name": nil,
		"observations": map[string]any{"f0000000-0000-4000-8000-000000000751": map[string]any{"phoneNumber": "9841000022", "verified": false, "skipVerification": false}},
		"version":      int32(0), "is_voided": false, "created_by_id": int64(212), "last_modified_by_id": int64(212),
		"registration_date": "2024-05-06", "v4": true, "fresh": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("individual (-want +got):\n%s", diff)
	}
}

func TestVisitIsInsertedEmptyAndCompletedByUpdate(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), New(t)
	avni := db.Avni().As(203)
	earliest := time.Date(2030, 3, 1, 4, 30, 0, 0, time.UTC)
	enrolment := must[int64](t)(avni.Enrol(ctx, 1002, 401, earliest.AddDate(0, -1, 0), nil))
	visit := must[int64](t)(avni.ScheduleVisit(ctx, enrolment, 501, "ANC 1", earliest, earliest.AddDate(0, 0, 7)))
	const columns = `select individual_id, program_enrolment_id = $2 as of_enrolment, created_by_id, encounter_date_time, observations,
		filled_by_id, address_id from program_encounter where id = $1`
	want := map[string]any{
		"individual_id": int64(1002), "of_enrolment": true, "created_by_id": int64(203), "encounter_date_time": nil,
		"observations": map[string]any{}, "filled_by_id": nil, "address_id": int64(53),
	}
	if diff := cmp.Diff(want, row(t, db, columns, visit, enrolment)); diff != "" {
		t.Errorf("scheduled visit (-want +got):\n%s", diff)
	}
	weight := map[string]any{"f0000000-0000-4000-8000-000000000712": 51.0}
	if err := avni.CompleteVisit(ctx, visit, earliest.Add(time.Hour), weight); err != nil {
		t.Fatal(err)
	}
	want["observations"], want["filled_by_id"] = weight, int32(203)
	got := row(t, db, columns, visit, enrolment)
	if at, ok := got["encounter_date_time"].(time.Time); !ok || !at.Equal(earliest.Add(time.Hour)) {
		t.Errorf("completed visit at %v", got["encounter_date_time"])
	}
	delete(got, "encounter_date_time")
	delete(want, "encounter_date_time")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("completed visit (-want +got):\n%s", diff)
	}
}

func TestEveryWriteIsAcceptedFromTheOrganisationsRole(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), New(t)
	avni, now := db.Avni(), time.Now()
	encounter := must[int64](t)(avni.ScheduleEncounter(ctx, 1001, 502, "Home visit", now, now))
	user := must[int64](t)(avni.CreateUser(ctx, UserFields{Name: "New Worker", Phone: "+919876512345", GroupIDs: []int64{151}}))
	rule := must[int64](t)(avni.SaveRule(ctx, RuleFields{Name: "r", EntityType: "User", TemplateID: "7001"}))
	must[int64](t)(avni.QueueRule(ctx, rule, user, Receiver{"User", user}, now))
	must[int64](t)(avni.QueueManual(ctx, AshaGramin, Receiver{"Group", 77}, "7009", []string{"@name"}, now))
	for name, err := range map[string]error{
		"CompleteEncounter":   avni.CompleteEncounter(ctx, encounter, now, nil),
		"CancelEncounter":     avni.CancelEncounter(ctx, encounter, now, nil),
		"VoidEncounter":       avni.VoidEncounter(ctx, encounter),
		"RescheduleVisit":     avni.RescheduleVisit(ctx, 1001, now, now),
		"CancelVisit":         avni.CancelVisit(ctx, 1001, now, nil),
		"VoidVisit":           avni.VoidVisit(ctx, 1001),
		"ExitEnrolment":       avni.ExitEnrolment(ctx, 1001, now, nil),
		"VoidEnrolment":       avni.VoidEnrolment(ctx, 1001),
		"SetPhone":            avni.SetPhone(ctx, 1001, "9876500099"),
		"SaveSubject":         avni.SaveSubject(ctx, 1001),
		"VoidSubject":         avni.VoidSubject(ctx, 1001),
		"UnvoidSubject":       avni.UnvoidSubject(ctx, 1001),
		"SetUserPhone":        avni.SetUserPhone(ctx, user, ""),
		"SaveUser":            avni.SaveUser(ctx, user),
		"VoidUser":            avni.VoidUser(ctx, user),
		"VoidRule":            avni.VoidRule(ctx, rule),
		"SetMessagingEnabled": avni.SetMessagingEnabled(ctx, AshaGramin, false),
		"SetGlific":           avni.SetGlific(ctx, SevaNepal, "http://127.0.0.1:1"),
		"SetGlificPassword":   avni.SetGlificPassword(ctx, SevaNepal, "other"),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestInTxIsOneTransaction(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), New(t)
	failure := errors.New("change of mind")
	err := db.Avni().InTx(ctx, func(avni *Avni) error {
		id, err := avni.RegisterSubject(ctx, SubjectFields{FirstName: "Nobody"})
		if err != nil {
			return err
		}
		if _, err := avni.Enrol(ctx, id, 401, time.Time{}, nil); err != nil {
			return err
		}
		return failure
	})
	if !errors.Is(err, failure) {
		t.Fatalf("InTx: %v", err)
	}
	if got := row(t, db, `select count(*) as n from individual where first_name = 'Nobody'`); got["n"] != int64(0) {
		t.Errorf("%v subjects of a rolled back transaction", got["n"])
	}
}

func TestWriteToMissingRowSaysWhich(t *testing.T) {
	t.Parallel()
	_, err := New(t).Avni().Enrol(context.Background(), 999999, 401, time.Time{}, nil)
	if err == nil || err.Error() != "find individual 999999: no rows in result set" {
		t.Errorf("Enrol of a subject that is not there: %v", err)
	}
}
