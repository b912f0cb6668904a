package avnitest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// entityQueries read what was saved: its organisation, type, subject, creator, last modifier, and
// whether it is voided.
var entityQueries = map[string]string{
	"Subject":          `select organisation_id, subject_type_id, id, created_by_id, last_modified_by_id, is_voided from individual where id = $1`,
	"ProgramEnrolment": `select organisation_id, program_id, individual_id, created_by_id, last_modified_by_id, is_voided from program_enrolment where id = $1`,
	"Encounter":        `select organisation_id, encounter_type_id, individual_id, created_by_id, last_modified_by_id, is_voided from encounter where id = $1`,
	"ProgramEncounter": `select organisation_id, encounter_type_id, individual_id, created_by_id, last_modified_by_id, is_voided from program_encounter where id = $1`,
}

// saved is a ServerEntity with what only Save needs.
type saved struct {
	ServerEntity
	typeID     int64
	modifiedBy int64
	voided     bool
}

// Save runs save, which returns the id of the row that it saved in the table of the entity type,
// and then evaluates the rules about it, all in one transaction. It returns that id. The error is
// what the field worker would see: nothing is saved then.
func (s *AvniServer) Save(ctx context.Context, entityType string, save func(*Avni) (int64, error)) (id int64, err error) {
	err = s.Avni.InTx(ctx, func(avni *Avni) error {
		if id, err = save(avni); err != nil {
			return err
		}
		return s.afterSave(ctx, avni.tx, entityType, id)
	})
	if err != nil {
		return 0, fmt.Errorf("save %s: %w", entityType, err)
	}
	return id, nil
}

// afterSave is the aspect. Java's exceptions end in it, but what PostgreSQL has refused has
// aborted the transaction, so that its commit fails.
func (s *AvniServer) afterSave(ctx context.Context, tx pgx.Tx, entityType string, id int64) error {
	query, ok := entityQueries[entityType]
	if !ok {
		return fmt.Errorf("avni-server has no messages about entity type %q", entityType)
	}
	e := saved{ServerEntity: ServerEntity{Type: entityType, ID: id}}
	if err := tx.QueryRow(ctx, query, id).Scan(&e.OrganisationID, &e.typeID, &e.SubjectID, &e.CreatedBy, &e.modifiedBy, &e.voided); err != nil {
		return fmt.Errorf("read %s %d: %w", entityType, id, err)
	}
	enabled, err := messagingEnabled(ctx, tx, e.OrganisationID)
	if err != nil || !enabled {
		return err
	}
	inTx := &Avni{pool: s.Avni.pool, tx: tx}
	var refused *pgconn.PgError
	return inTx.inOrganisation(ctx, e.OrganisationID, func(tx pgx.Tx) error {
		err := s.onEntitySave(ctx, tx, e)
		if err != nil && !errors.As(err, &refused) {
			s.swallow(err)
			return nil
		}
		return err
	})
}

func messagingEnabled(ctx context.Context, tx pgx.Tx, organisationID int32) (enabled bool, err error) {
	err = tx.QueryRow(ctx, `select exists (select from organisation_config where organisation_id = $1 and settings -> 'enableMessaging' = 'true')`, organisationID).
		Scan(&enabled)
	if err != nil {
		return false, fmt.Errorf("read enableMessaging: %w", err)
	}
	return enabled, nil
}

func (s *AvniServer) onEntitySave(ctx context.Context, tx pgx.Tx, e saved) error {
	if e.voided {
		return onEntityDelete(ctx, tx, e)
	}
	rows, err := tx.Query(ctx, `select id, entity_type, receiver_type, coalesce(schedule_rule, '') from message_rule
		where entity_type = $1 and entity_type_id = $2 and not is_voided`, e.Type, e.typeID)
	if err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	rules, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ServerRule])
	if err != nil {
		return fmt.Errorf("read rules: %w", err)
	}
	for _, rule := range rules {
		if err := s.schedule(ctx, tx, rule, e); err != nil {
			return fmt.Errorf("rule %d: %w", rule.ID, err)
		}
	}
	return nil
}

// schedule inserts the receiver, evaluates the rule and writes what it says.
func (s *AvniServer) schedule(ctx context.Context, tx pgx.Tx, rule ServerRule, e saved) error {
	to := Receiver{Type: rule.ReceiverType, ID: e.SubjectID}
	if to.Type == "User" {
		to.ID = e.CreatedBy
	}
	by := origin{e.OrganisationID, e.modifiedBy}
	receiverRow, err := receiver(ctx, tx, by, to)
	if err != nil {
		return err
	}
	answer, err := s.Evaluate(ctx, rule, e.ServerEntity)
	if err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	if !answer.Send || answer.At.IsZero() {
		return nil
	}
	return createOrUpdate(ctx, tx, by, columns{"message_rule_id": rule.ID, "entity_id": e.ID, "message_receiver_id": receiverRow},
		answer.At.UTC().Truncate(time.Millisecond))
}

// createOrUpdate finds the one request of the rule and the entity. More than one is an exception,
// one that was delivered stays as it is, and another one gets the new time and nothing else.
func createOrUpdate(ctx context.Context, tx pgx.Tx, by origin, of columns, at time.Time) error {
	rows, err := tx.Query(ctx, `select id, scheduled_date_time, delivered_date_time is not null from message_request_queue
		where entity_id = $1 and message_rule_id = $2`, of["entity_id"], of["message_rule_id"])
	if err != nil {
		return fmt.Errorf("find request: %w", err)
	}
	type request struct {
		ID        int64
		At        time.Time
		Delivered bool
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[request])
	switch {
	case err != nil:
		return fmt.Errorf("find request: %w", err)
	case len(found) > 1:
		return fmt.Errorf("query did not return a unique result: %d results were returned", len(found))
	case len(found) == 0:
		of["scheduled_date_time"], of["delivery_status"] = at, "NotSent"
		_, err = insert(ctx, tx, "message_request_queue", by, of)
		return err
	case found[0].Delivered || found[0].At.Equal(at):
		return nil
	}
	_, err = tx.Exec(ctx, `update message_request_queue set scheduled_date_time = $2, last_modified_by_id = $3, last_modified_date_time = $4 where id = $1`,
		found[0].ID, at, by.CreatedBy, time.Now().UTC().Truncate(time.Millisecond))
	if err != nil {
		return fmt.Errorf("move request %d: %w", found[0].ID, err)
	}
	return nil
}

// onEntityDelete voids what was queued for the bare id, of whatever type the entity was, and for
// a subject its receiver. What hangs under the entity stays.
func onEntityDelete(ctx context.Context, tx pgx.Tx, e saved) error {
	const voided = ` set is_voided = true, last_modified_by_id = $2, last_modified_date_time = now() where `
	if _, err := tx.Exec(ctx, `update message_request_queue`+voided+`entity_id = $1`, e.ID, e.modifiedBy); err != nil {
		return fmt.Errorf("void requests: %w", err)
	}
	if e.Type != "Subject" {
		return nil
	}
	if _, err := tx.Exec(ctx, `update message_receiver`+voided+`receiver_id = $1`, e.ID, e.modifiedBy); err != nil {
		return fmt.Errorf("void receiver: %w", err)
	}
	return nil
}
