package avnitest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// SendDue sends what is due of every organisation that has messaging, and returns how many
// messages Send has accepted. Trouble with one organisation is Bugsnag's, and its whole transaction is
// rolled back, whatever was sent in it.
func (s *AvniServer) SendDue(ctx context.Context) (sent int, err error) {
	rows, err := s.Avni.pool.Query(ctx, `select organisation_id from organisation_config where settings -> 'enableMessaging' = 'true' order by organisation_id`)
	if err != nil {
		return 0, fmt.Errorf("list organisations: %w", err)
	}
	organisations, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		return 0, fmt.Errorf("list organisations: %w", err)
	}
	for _, organisation := range organisations {
		n, err := s.sendDueOf(ctx, organisation)
		if err != nil {
			s.swallow(fmt.Errorf("send messages of organisation %d: %w", organisation, err))
		}
		sent += n
	}
	return sent, ctx.Err()
}

// sendDueOf is the one transaction of an organisation.
func (s *AvniServer) sendDueOf(ctx context.Context, organisationID int32) (sent int, err error) {
	err = s.Avni.inOrganisation(ctx, organisationID, func(tx pgx.Tx) error {
		user, err := systemUser(ctx, tx, organisationID)
		if err != nil {
			return err
		}
		due, err := s.due(ctx, tx)
		if err != nil {
			return err
		}
		for _, message := range due {
			failure := s.Send(ctx, message)
			if failure == nil {
				sent++
			}
			if err := markOutcome(ctx, tx, message.RequestID, user, failure); err != nil {
				return err
			}
		}
		return nil
	})
	return sent, err
}

// systemUser is whom the job acts as.
func systemUser(ctx context.Context, tx pgx.Tx, organisationID int32) (id int64, err error) {
	err = tx.QueryRow(ctx, `select u.id from external_system_config c join users u on u.username = c.config ->> 'avniSystemUser'
		where c.system_name = 'Glific' and c.organisation_id = $1`, organisationID).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("authenticate avniSystemUser: %w", err)
	}
	return id, nil
}

const serverWindow = 4 // days

func (s *AvniServer) due(ctx context.Context, tx pgx.Tx) ([]ServerMessage, error) {
	rows, err := tx.Query(ctx, `
		select q.id, q.organisation_id, coalesce(q.message_rule_id, 0), coalesce(q.manual_message_id, 0), coalesce(q.entity_id, 0),
			r.receiver_type, coalesce(r.receiver_id, nullif(r.external_id, '')::bigint, 0)
		from message_request_queue q join message_receiver r on r.id = q.message_receiver_id
		where q.delivery_status <> 'Sent' and not q.is_voided
			and q.scheduled_date_time between now() - make_interval(days => $1) and now()`, cmp.Or(s.SinceDays, serverWindow))
	if err != nil {
		return nil, fmt.Errorf("read due requests: %w", err)
	}
	due, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (m ServerMessage, err error) {
		err = row.Scan(&m.RequestID, &m.OrganisationID, &m.RuleID, &m.ManualMessageID, &m.EntityID, &m.Receiver.Type, &m.Receiver.ID)
		return m, err
	})
	if err != nil {
		return nil, fmt.Errorf("read due requests: %w", err)
	}
	return due, nil
}

func markOutcome(ctx context.Context, tx pgx.Tx, requestID, user int64, failure error) error {
	now := time.Now().UTC().Truncate(time.Millisecond)
	status, delivered := "Sent", &now
	switch {
	case errors.Is(failure, ErrNoPhone):
		status, delivered = "NotSentNoPhoneNumberInAvni", nil
	case failure != nil:
		status, delivered = "Failed", nil
	}
	_, err := tx.Exec(ctx, `update message_request_queue set delivery_status = $2, delivered_date_time = $3, last_modified_by_id = $4, last_modified_date_time = $5
		where id = $1`, requestID, status, delivered, user, now)
	if err != nil {
		return fmt.Errorf("mark request %d %s: %w", requestID, status, err)
	}
	return nil
}
