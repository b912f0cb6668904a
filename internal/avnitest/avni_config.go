package avnitest

import (
	"cmp"
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// RuleFields are a message rule as Avni's web app saves it.
type RuleFields struct {
	ID             int64 // 0: a new rule; else every field replaces that rule's
	OrganisationID int32 // 0: Asha Gramin
	Name           string
	EntityType     string // Subject, ProgramEnrolment, Encounter, ProgramEncounter, User
	EntityTypeID   int64  // of a User rule: 0, stored as -1
	ReceiverType   string // "": Subject
	TemplateID     string // Glific's
	ScheduleRule   string // JavaScript
	MessageRule    string // JavaScript
}

// SaveRule inserts or replaces a message rule and returns message_rule.id.
func (a *Avni) SaveRule(ctx context.Context, f RuleFields) (id int64, err error) {
	f.OrganisationID = cmp.Or(f.OrganisationID, AshaGramin)
	f.ReceiverType = cmp.Or(f.ReceiverType, "Subject")
	if f.EntityType == "User" && f.EntityTypeID == 0 {
		f.EntityTypeID = -1
	}
	values := columns{
		"name": f.Name, "entity_type": f.EntityType, "entity_type_id": f.EntityTypeID, "receiver_type": f.ReceiverType,
		"message_template_id": f.TemplateID, "schedule_rule": f.ScheduleRule, "message_rule": f.MessageRule,
	}
	if f.ID != 0 {
		return f.ID, a.update(ctx, "message_rule", f.ID, values)
	}
	err = a.inOrganisation(ctx, f.OrganisationID, func(tx pgx.Tx) error {
		id, err = insert(ctx, tx, "message_rule", origin{f.OrganisationID, a.administrator(f.OrganisationID)}, values)
		return err
	})
	return id, err
}

// VoidRule voids a message rule, the only way in which Avni takes one away.
func (a *Avni) VoidRule(ctx context.Context, ruleID int64) error {
	return a.void(ctx, "message_rule", ruleID)
}

// SetMessagingEnabled switches avni-server's own messaging for the organisation.
func (a *Avni) SetMessagingEnabled(ctx context.Context, organisationID int32, enabled bool) error {
	return a.configure(ctx, organisationID, `update organisation_config set settings = jsonb_set(settings, '{enableMessaging}', to_jsonb($2::bool)),
		last_modified_by_id = $3, last_modified_date_time = now() where organisation_id = $1`, enabled)
}

// SetGlific points the organisation at another Glific, which knows it by the login of the sample.
func (a *Avni) SetGlific(ctx context.Context, organisationID int32, baseURL string) error {
	return a.setGlific(ctx, organisationID, "baseUrl", baseURL)
}

// SetGlificPassword changes the password that Avni keeps for the organisation's Glific.
func (a *Avni) SetGlificPassword(ctx context.Context, organisationID int32, password string) error {
	return a.setGlific(ctx, organisationID, "password", password)
}

func (a *Avni) setGlific(ctx context.Context, organisationID int32, key, value string) error {
	return a.configure(ctx, organisationID, `update external_system_config set config = jsonb_set(config, '{`+key+`}', to_jsonb($2::text)),
		last_modified_by_id = $3, last_modified_date_time = now() where organisation_id = $1 and system_name = 'Glific'`, value)
}

// configure runs an update of the organisation's one row of configuration: $1 is the
// organisation, $2 the value, $3 the user.
func (a *Avni) configure(ctx context.Context, organisationID int32, statement string, value any) error {
	return a.inOrganisation(ctx, organisationID, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, statement, organisationID, value, a.administrator(organisationID))
		if err != nil {
			return fmt.Errorf("configure organisation %d: %w", organisationID, err)
		}
		if tag.RowsAffected() != 1 {
			return fmt.Errorf("configure organisation %d: %d rows instead of one", organisationID, tag.RowsAffected())
		}
		return nil
	})
}
