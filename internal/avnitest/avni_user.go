package avnitest

import (
	"cmp"
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// UserFields are what an organisation's administrator fills in to create a user.
type UserFields struct {
	OrganisationID int32  // 0: Asha Gramin
	Username       string // "": one that nobody has
	Name           string
	Phone          string // in E.164, as Avni stores it; "": null
	GroupIDs       []int64
}

// administrators create users and rules of the sample organisations.
var administrators = map[int32]int64{AshaGramin: 201, SevaBase: 221, SevaNepal: 211}

// administrator is who acts for the organisation, where nobody else was named.
func (a *Avni) administrator(organisationID int32) int64 {
	if a.user != 0 {
		return a.user
	}
	return administrators[organisationID]
}

// CreateUser inserts a user, puts them into the groups and returns users.id.
func (a *Avni) CreateUser(ctx context.Context, f UserFields) (id int64, err error) {
	f.OrganisationID = cmp.Or(f.OrganisationID, AshaGramin)
	if f.Username == "" {
		f.Username = fmt.Sprintf("worker-%.8s@example", uuid.NewString())
	}
	from := origin{f.OrganisationID, a.administrator(f.OrganisationID)}
	err = a.inOrganisation(ctx, f.OrganisationID, func(tx pgx.Tx) error {
		id, err = insert(ctx, tx, "users", from, columns{
			"username": f.Username, "name": f.Name, "phone_number": orNull(f.Phone), "email": f.Username + ".example",
			"is_org_admin": false, "operating_individual_scope": "None", "disabled_in_cognito": false,
			"settings": columns{"locale": "en", "trackLocation": false, "disableAutoSync": true}, "sync_settings": columns{},
		})
		for _, group := range f.GroupIDs {
			if err == nil {
				_, err = insert(ctx, tx, "user_group", from, columns{"user_id": id, "group_id": group})
			}
		}
		return err
	})
	return id, err
}

// SetUserPhone edits a user's phone number. An empty one becomes null.
func (a *Avni) SetUserPhone(ctx context.Context, userID int64, number string) error {
	return a.update(ctx, "users", userID, columns{"phone_number": orNull(number)})
}

// SaveUser saves a user again, as Avni does often (settings, passwords), with nothing changed but
// who modified it when.
func (a *Avni) SaveUser(ctx context.Context, userID int64) error {
	return a.update(ctx, "users", userID, nil)
}

// VoidUser voids a user.
func (a *Avni) VoidUser(ctx context.Context, userID int64) error {
	return a.void(ctx, "users", userID)
}
