-- +goose Up
-- What became of the messages that Glific has accepted: one row per message, made with
-- the acceptance. status is the highest that Glific was seen to say, so that it never
-- goes back, and status_at when it was first seen; error_at is when an error was first
-- seen that may still pass. message_id means nothing at another site. next_look_at is
-- empty once nothing more is expected.
create table messenger.receipt (
    request_id bigint not null,
    message_id text not null,
    organisation_id integer not null,
    site text not null,
    accepted_at timestamptz not null,
    status text not null default 'pending' check (status in
        ('pending', 'enqueued', 'sent', 'delivered', 'read', 'error', 'gone')),
    status_at timestamptz,
    error_at timestamptz,
    reason text,
    code integer,
    detail text,
    looked_at timestamptz,
    next_look_at timestamptz,
    claimed_by uuid,
    primary key (request_id, message_id)
);
-- Only what is still followed is in it: finding the due looks costs the same however
-- many messages were ever sent.
create index receipt_due on messenger.receipt (organisation_id, site, next_look_at) where next_look_at is not null;
create index receipt_failed on messenger.receipt (organisation_id, accepted_at) where reason is not null;

-- Messages of the last days, accepted before this migration.
insert into messenger.receipt (request_id, message_id, organisation_id, site, accepted_at, next_look_at)
select request_id, glific_message_id, organisation_id, site, accepted_at, greatest(accepted_at + interval '2 minutes', now())
  from messenger.delivery
 where state = 'accepted' and accepted_at > now() - interval '3 days' and glific_message_id is not null and site is not null;
