-- +goose Up
-- Own state of avni-messenger. No foreign key points into Avni's tables: Avni's
-- migrations must never stumble over ours.

-- How far each slot has been read. The position moves in the same transaction as
-- the inbox rows that it stands for. publication is the oid of the publication that
-- is read: one that was dropped and made anew may have missed changes.
create table messenger.position (
    slot text primary key,
    publication oid,
    lsn pg_lsn not null,
    committed_at timestamptz,
    fencing_token bigint not null default 0,
    updated_at timestamptz not null default now()
);

-- Changes that wait for their rules: one row per entity, the newest change wins.
-- change_number grows with every change, so that whoever evaluates a row can tell
-- whether a newer change overtook it.
create sequence messenger.inbox_change_number;
create table messenger.inbox (
    source_table text not null,
    entity_id bigint not null,
    organisation_id integer not null,
    type_id integer not null,
    is_voided boolean not null,
    committed_at timestamptz not null,
    commit_lsn pg_lsn not null,
    change_number bigint not null default nextval('messenger.inbox_change_number'),
    received_at timestamptz not null default clock_timestamp(),
    attempts integer not null default 0,
    last_error text,
    claimed_by uuid,
    claimed_until timestamptz,
    primary key (source_table, entity_id)
);
-- Workers claim the oldest changes of one organisation at a time.
create index inbox_by_organisation on messenger.inbox (organisation_id, change_number);

-- What became of each change: one row per change and rule.
create table messenger.trigger_log (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    source_table text not null,
    entity_id bigint not null,
    organisation_id integer not null,
    rule_id bigint,
    outcome text not null,
    reason text,
    scheduled_for timestamptz,
    request_id bigint,
    committed_at timestamptz not null,
    commit_lsn pg_lsn not null
);
create index trigger_log_by_entity on messenger.trigger_log (source_table, entity_id);
create index trigger_log_by_age on messenger.trigger_log (at);

-- One row per request (public.message_request_queue.id) that the dispatcher has
-- touched. send_at is the marker by which Glific is asked whether it accepted, and
-- site the organisation's place there: contact_id and template_id mean nothing elsewhere.
create table messenger.delivery (
    request_id bigint primary key,
    organisation_id integer not null,
    state text not null check (state in
        ('waiting', 'claimed', 'sending', 'uncertain', 'accepted', 'refused', 'expired', 'withdrawn')),
    attempts integer not null default 0,
    next_attempt_at timestamptz not null default now(),
    claimed_by uuid,
    claimed_until timestamptz,
    template_id text,
    parameters text[],
    contact_id text,
    site text,
    phone text,
    send_at timestamptz,
    sending_since timestamptz,
    glific_message_id text,
    reason text,
    detail text,
    request_modified_at timestamptz,
    accepted_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create unique index delivery_send_marker on messenger.delivery (organisation_id, contact_id, template_id, send_at);
create index delivery_open on messenger.delivery (organisation_id, next_attempt_at)
    where state in ('waiting', 'claimed', 'sending', 'uncertain');
create index delivery_unresolved on messenger.delivery (organisation_id) where sending_since is not null;

-- Every attempt to deliver, kept for the operator.
create table messenger.attempt (
    id bigint generated always as identity primary key,
    request_id bigint not null,
    organisation_id integer not null,
    at timestamptz not null default clock_timestamp(),
    outcome text not null,
    reason text,
    detail text,
    glific_message_id text,
    duration_ms integer not null
);
create index attempt_by_request on messenger.attempt (request_id);
