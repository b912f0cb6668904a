-- +goose Up
-- What it takes to tell an operator what became of a change and of a message.

-- Who had saved the entity last when the rule was run: users.id.
alter table messenger.trigger_log add column changed_by bigint;

-- What became of one request, and of a message to one number, whoever has the number now.
create index trigger_log_by_request on messenger.trigger_log (request_id) where request_id is not null;
create index delivery_by_phone on messenger.delivery (phone) where phone is not null;

-- What failed and what came of accepted messages in the last days.
create index delivery_expired on messenger.delivery (organisation_id, updated_at) where state = 'expired';
create index receipt_by_age on messenger.receipt (accepted_at);
