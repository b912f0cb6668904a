package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
)

// queueIndex is an index on message_request_queue, which Avni leaves without any but
// its keys.
type queueIndex struct {
	name       string
	definition string
	why        string
}

var queueIndexes = []queueIndex{
	{
		name: "avni_messenger_queue_due",
		definition: "message_request_queue (organisation_id, scheduled_date_time) " +
			"where not is_voided and delivery_status <> 'Sent'",
		why: "what is due",
	}, {
		name: "avni_messenger_queue_modified",
		definition: "message_request_queue (organisation_id, last_modified_date_time) " +
			"where not is_voided and delivery_status <> 'Sent'",
		why: "what has just been written",
	}, {
		name:       "avni_messenger_queue_entity",
		definition: "message_request_queue (message_rule_id, entity_id)",
		why:        "the request of a rule and an entity",
	}, {
		name:       "avni_messenger_queue_receiver",
		definition: "message_request_queue (message_receiver_id, scheduled_date_time, id)",
		why:        "the messages of a person or a group, to explain them",
	}, {
		name:       "avni_messenger_queue_time",
		definition: "message_request_queue (organisation_id, scheduled_date_time, id)",
		why:        "the messages of an organisation, to list them",
	}, {
		name:       deliveredIndex,
		definition: "message_request_queue (organisation_id, delivered_date_time) where delivered_date_time is not null",
		why:        "what somebody else has sent",
	},
}

// deliveredIndex is the one without which only the stream, and not each poll, tells what
// somebody else has sent.
const deliveredIndex = "avni_messenger_queue_delivered"

// create is a statement that no transaction may hold.
func (i queueIndex) create() string {
	return "create index concurrently if not exists " + i.name + " on public." + i.definition
}

func (i queueIndex) drop() string {
	return "drop index concurrently if exists public." + i.name
}

// valid says whether the index is of use; nil: it is not there.
func (i queueIndex) valid(ctx context.Context, db cdc.Querier) (valid *bool, err error) {
	err = db.QueryRow(ctx, `select (select indisvalid from pg_index where indexrelid = to_regclass($1))`, "public."+i.name).Scan(&valid)
	if err != nil {
		return nil, fmt.Errorf("look for index %s: %w", i.name, err)
	}
	return valid, nil
}

// ensure makes the index unless it is there. One that an earlier attempt left half
// built is built anew. It gives up after a minute, because it has to wait for every
// transaction that is open; created says whether it made one.
func (i queueIndex) ensure(ctx context.Context, conn *pgx.Conn) (created bool, err error) {
	valid, err := i.valid(ctx, conn)
	if err != nil {
		return false, err
	}
	if valid != nil && *valid {
		return false, nil
	}
	if _, err := conn.Exec(ctx, `set statement_timeout = '1min'`); err != nil {
		return false, err
	}
	defer conn.Exec(context.WithoutCancel(ctx), `reset statement_timeout`)
	if valid != nil {
		if _, err := conn.Exec(ctx, i.drop()); err != nil {
			return false, fmt.Errorf("drop half-built index %s: %w", i.name, err)
		}
	}
	if _, err := conn.Exec(ctx, i.create()); err != nil {
		return false, fmt.Errorf("create index %s: %w", i.name, err)
	}
	return true, nil
}
