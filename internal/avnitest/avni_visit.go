package avnitest

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Enrol inserts an enrolment and returns program_enrolment.id. A zero at is now.
func (a *Avni) Enrol(ctx context.Context, subjectID, programID int64, at time.Time, observations map[string]any) (id int64, err error) {
	err = a.under(ctx, "individual", subjectID, func(tx pgx.Tx, from origin) error {
		address, err := addressOf(ctx, tx, subjectID)
		if err != nil {
			return err
		}
		id, err = insert(ctx, tx, "program_enrolment", from, columns{
			"program_id": programID, "individual_id": subjectID, "enrolment_date_time": orNow(at), "address_id": address,
			"observations": orEmpty(observations), "program_exit_observations": columns{}, "sync_disabled": false,
		})
		return err
	})
	return id, err
}

// ExitEnrolment ends an enrolment. A zero at is now.
func (a *Avni) ExitEnrolment(ctx context.Context, enrolmentID int64, at time.Time, observations map[string]any) error {
	return a.update(ctx, "program_enrolment", enrolmentID,
		columns{"program_exit_date_time": orNow(at), "program_exit_observations": orEmpty(observations)})
}

// VoidEnrolment voids an enrolment and nothing that hangs under it.
func (a *Avni) VoidEnrolment(ctx context.Context, enrolmentID int64) error {
	return a.void(ctx, "program_enrolment", enrolmentID)
}

// ScheduleVisit inserts a programme encounter that is yet to happen, empty as Avni's app uploads
// it, and returns program_encounter.id.
func (a *Avni) ScheduleVisit(ctx context.Context, enrolmentID, encounterTypeID int64, name string, earliest, latest time.Time) (id int64, err error) {
	err = a.under(ctx, "program_enrolment", enrolmentID, func(tx pgx.Tx, from origin) error {
		var subjectID int64
		err := tx.QueryRow(ctx, `select individual_id from program_enrolment where id = $1`, enrolmentID).Scan(&subjectID)
		if err != nil {
			return fmt.Errorf("read program_enrolment %d: %w", enrolmentID, err)
		}
		values, err := scheduled(ctx, tx, subjectID, encounterTypeID, name, earliest, latest)
		if err != nil {
			return err
		}
		values["program_enrolment_id"] = enrolmentID
		id, err = insert(ctx, tx, "program_encounter", from, values)
		return err
	})
	return id, err
}

// ScheduleEncounter inserts a general encounter that is yet to happen and returns encounter.id.
func (a *Avni) ScheduleEncounter(ctx context.Context, subjectID, encounterTypeID int64, name string, earliest, latest time.Time) (id int64, err error) {
	err = a.under(ctx, "individual", subjectID, func(tx pgx.Tx, from origin) error {
		values, err := scheduled(ctx, tx, subjectID, encounterTypeID, name, earliest, latest)
		if err != nil {
			return err
		}
		id, err = insert(ctx, tx, "encounter", from, values)
		return err
	})
	return id, err
}

// scheduled are the columns of a visit, of either kind, that is yet to happen.
func scheduled(ctx context.Context, tx pgx.Tx, subjectID, encounterTypeID int64, name string, earliest, latest time.Time) (columns, error) {
	address, err := addressOf(ctx, tx, subjectID)
	if err != nil {
		return nil, err
	}
	return columns{
		"individual_id": subjectID, "encounter_type_id": encounterTypeID, "name": orNull(name), "address_id": address,
		"earliest_visit_date_time": orNull(earliest), "max_visit_date_time": orNull(latest),
		"encounter_date_time": nil, "cancel_date_time": nil, "filled_by_id": nil,
		"observations": columns{}, "cancel_observations": columns{}, "sync_disabled": false,
	}, nil
}

func addressOf(ctx context.Context, tx pgx.Tx, subjectID int64) (address *int64, err error) {
	if err := tx.QueryRow(ctx, `select address_id from individual where id = $1`, subjectID).Scan(&address); err != nil {
		return nil, fmt.Errorf("read individual %d: %w", subjectID, err)
	}
	return address, nil
}

// RescheduleVisit moves a programme encounter that is yet to happen.
func (a *Avni) RescheduleVisit(ctx context.Context, visitID int64, earliest, latest time.Time) error {
	return a.update(ctx, "program_encounter", visitID,
		columns{"earliest_visit_date_time": orNull(earliest), "max_visit_date_time": orNull(latest)})
}

// CompleteVisit fills in a scheduled programme encounter. A zero at is now.
func (a *Avni) CompleteVisit(ctx context.Context, visitID int64, at time.Time, observations map[string]any) error {
	return a.complete(ctx, "program_encounter", visitID, at, observations)
}

// CompleteEncounter fills in a scheduled general encounter. A zero at is now.
func (a *Avni) CompleteEncounter(ctx context.Context, encounterID int64, at time.Time, observations map[string]any) error {
	return a.complete(ctx, "encounter", encounterID, at, observations)
}

func (a *Avni) complete(ctx context.Context, table string, id int64, at time.Time, observations map[string]any) error {
	values := columns{"encounter_date_time": orNow(at), "observations": orEmpty(observations)}
	if a.user != 0 {
		values["filled_by_id"] = a.user
	}
	return a.update(ctx, table, id, values)
}

// CancelVisit cancels a scheduled programme encounter. A zero at is now.
func (a *Avni) CancelVisit(ctx context.Context, visitID int64, at time.Time, observations map[string]any) error {
	return a.update(ctx, "program_encounter", visitID, columns{"cancel_date_time": orNow(at), "cancel_observations": orEmpty(observations)})
}

// CancelEncounter cancels a scheduled general encounter. A zero at is now.
func (a *Avni) CancelEncounter(ctx context.Context, encounterID int64, at time.Time, observations map[string]any) error {
	return a.update(ctx, "encounter", encounterID, columns{"cancel_date_time": orNow(at), "cancel_observations": orEmpty(observations)})
}

// VoidVisit voids a programme encounter.
func (a *Avni) VoidVisit(ctx context.Context, visitID int64) error {
	return a.void(ctx, "program_encounter", visitID)
}

// VoidEncounter voids a general encounter.
func (a *Avni) VoidEncounter(ctx context.Context, encounterID int64) error {
	return a.void(ctx, "encounter", encounterID)
}
