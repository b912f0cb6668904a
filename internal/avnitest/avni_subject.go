package avnitest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
)

// SubjectFields are what a registration form fills in. Zero values take the sample organisation's
// defaults: Asha Gramin, its Person subject type, its village, a woman, its field worker.
type SubjectFields struct {
	OrganisationID   int32
	SubjectTypeID    int64
	FirstName        string
	MiddleName       string // "": null
	LastName         string // "": null
	Phone            string // stored as an observation of the organisation's PhoneNumber concept; "": none
	AddressID        int64
	GenderID         int64
	UserID           int64     // who registers
	DateOfBirth      time.Time // zero: null
	RegistrationDate time.Time // zero: today
	Observations     map[string]any
}

// household are the rows of a sample organisation that a subject refers to.
type household struct{ user, subjectType, address, gender int64 }

var households = map[int32]household{
	AshaGramin: {user: 202, subjectType: 301, address: 53, gender: 32},
	SevaNepal:  {user: 212, subjectType: 311, address: 54, gender: 33},
}

func (f *SubjectFields) setDefaults(actingUser int64) error {
	f.OrganisationID = cmp.Or(f.OrganisationID, AshaGramin)
	usual := households[f.OrganisationID]
	f.UserID = cmp.Or(f.UserID, actingUser, usual.user)
	f.SubjectTypeID = cmp.Or(f.SubjectTypeID, usual.subjectType)
	f.AddressID = cmp.Or(f.AddressID, usual.address)
	f.GenderID = cmp.Or(f.GenderID, usual.gender)
	if f.UserID == 0 || f.SubjectTypeID == 0 {
		return fmt.Errorf("organisation %d has no default user or subject type: name both", f.OrganisationID)
	}
	f.RegistrationDate = orNow(f.RegistrationDate)
	return nil
}

// RegisterSubject inserts a subject and returns individual.id.
func (a *Avni) RegisterSubject(ctx context.Context, f SubjectFields) (id int64, err error) {
	if err := f.setDefaults(a.user); err != nil {
		return 0, err
	}
	err = a.inOrganisation(ctx, f.OrganisationID, func(tx pgx.Tx) error {
		observations := maps.Clone(orEmpty(f.Observations))
		if f.Phone != "" {
			concept, err := phoneConcept(ctx, tx)
			if err != nil {
				return err
			}
			observations[concept] = phoneObservation(f.Phone)
		}
		id, err = insert(ctx, tx, "individual", origin{f.OrganisationID, f.UserID}, columns{
			"subject_type_id": f.SubjectTypeID, "first_name": f.FirstName, "middle_name": orNull(f.MiddleName), "last_name": orNull(f.LastName),
			"address_id": orNull(f.AddressID), "gender_id": orNull(f.GenderID), "date_of_birth": orNull(f.DateOfBirth),
			"date_of_birth_verified": false, "registration_date": f.RegistrationDate, "observations": observations, "sync_disabled": false,
		})
		return err
	})
	return id, err
}

// phoneConcept is the uuid of the PhoneNumber concept that the organisation of the transaction's
// role sees: its own or an ancestor's.
func phoneConcept(ctx context.Context, tx pgx.Tx) (string, error) {
	var uuid string
	err := tx.QueryRow(ctx, `select uuid from concept where data_type = 'PhoneNumber' and not is_voided order by id limit 1`).Scan(&uuid)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", errors.New("the organisation has no PhoneNumber concept")
	}
	if err != nil {
		return "", fmt.Errorf("find PhoneNumber concept: %w", err)
	}
	return uuid, nil
}

func phoneObservation(number string) map[string]any {
	return map[string]any{"phoneNumber": number, "verified": false, "skipVerification": false}
}

// SetPhone edits a subject: its PhoneNumber observation becomes the given number, or is taken
// away if that is empty.
func (a *Avni) SetPhone(ctx context.Context, subjectID int64, number string) error {
	return a.InTx(ctx, func(a *Avni) error {
		var observations map[string]any
		err := a.under(ctx, "individual", subjectID, func(tx pgx.Tx, _ origin) error {
			concept, err := phoneConcept(ctx, tx)
			if err != nil {
				return err
			}
			if err := tx.QueryRow(ctx, `select coalesce(observations, '{}') from individual where id = $1`, subjectID).Scan(&observations); err != nil {
				return fmt.Errorf("read individual %d: %w", subjectID, err)
			}
			delete(observations, concept)
			if number != "" {
				observations[concept] = phoneObservation(number)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return a.update(ctx, "individual", subjectID, columns{"observations": observations})
	})
}

// SaveSubject saves a subject again, with nothing changed but who modified it when.
func (a *Avni) SaveSubject(ctx context.Context, subjectID int64) error {
	return a.update(ctx, "individual", subjectID, nil)
}

// VoidSubject voids a subject and, as avni-server does, nothing that hangs under it.
func (a *Avni) VoidSubject(ctx context.Context, subjectID int64) error {
	return a.void(ctx, "individual", subjectID)
}

// UnvoidSubject takes that back.
func (a *Avni) UnvoidSubject(ctx context.Context, subjectID int64) error {
	return a.update(ctx, "individual", subjectID, columns{"is_voided": false})
}
