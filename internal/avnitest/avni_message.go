package avnitest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Receiver is whom a message is for.
type Receiver struct {
	Type string // Subject, User or Group
	ID   int64  // individual.id or users.id; of a Group, Glific's id of it
}

// QueueRule queues a message of a rule, as avni-server does once the rule has named a time, and
// returns message_request_queue.id. The entity is the row that triggered the rule.
func (a *Avni) QueueRule(ctx context.Context, ruleID, entityID int64, to Receiver, at time.Time) (id int64, err error) {
	err = a.under(ctx, "message_rule", ruleID, func(tx pgx.Tx, from origin) error {
		id, err = queue(ctx, tx, from, to, at, columns{"message_rule_id": ruleID, "entity_id": entityID})
		return err
	})
	return id, err
}

// QueueManual queues a message that somebody wrote in Avni's web app and returns
// message_request_queue.id. A parameter "@name" stands for the receiver's name.
func (a *Avni) QueueManual(ctx context.Context, organisationID int32, to Receiver, templateID string, parameters []string, at time.Time) (id int64, err error) {
	from := origin{organisationID, a.administrator(organisationID)}
	err = a.inOrganisation(ctx, organisationID, func(tx pgx.Tx) error {
		message, err := insert(ctx, tx, "manual_message", from, columns{"message_template_id": templateID, "parameters": parameters})
		if err != nil {
			return err
		}
		id, err = queue(ctx, tx, from, to, at, columns{"manual_message_id": message})
		return err
	})
	return id, err
}

func queue(ctx context.Context, tx pgx.Tx, from origin, to Receiver, at time.Time, what columns) (int64, error) {
	receiver, err := receiver(ctx, tx, from, to)
	if err != nil {
		return 0, err
	}
	what["message_receiver_id"] = receiver
	what["scheduled_date_time"] = orNow(at)
	what["delivery_status"] = "NotSent"
	return insert(ctx, tx, "message_request_queue", from, what)
}

// receiver finds or inserts the message_receiver row.
func receiver(ctx context.Context, tx pgx.Tx, from origin, to Receiver) (id int64, err error) {
	column, value := "receiver_id", any(to.ID)
	if to.Type == "Group" {
		column, value = "external_id", fmt.Sprint(to.ID)
	}
	err = tx.QueryRow(ctx, `select id from message_receiver where receiver_type = $1 and organisation_id = $2 and `+column+` = $3`,
		to.Type, from.OrganisationID, value).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return insert(ctx, tx, "message_receiver", from, columns{"receiver_type": to.Type, column: value})
	}
	if err != nil {
		return 0, fmt.Errorf("find receiver: %w", err)
	}
	return id, nil
}
