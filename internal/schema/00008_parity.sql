-- +goose Up
-- Shadow mode: what the rules would have queued beside what avni-server has queued.

-- One row per rule and entity: what the last evaluation would have left in
-- message_request_queue, and what is there. A request counts if it is sent or would be:
-- our_scheduled_for and their_scheduled_for are null where there is none. messaging is
-- whether avni-server's own messaging was on then. their_rows counts the requests of
-- avni-server that count; request_id is the one that is compared, or one that was voided.
-- cause is null where two that differ do so for no known reason. While the verdict is
-- waiting, it is looked at (again) at look_at.
create table messenger.parity (
    rule_id bigint not null,
    source_table text not null,
    entity_id bigint not null,
    organisation_id integer not null,
    evaluated_at timestamptz not null default clock_timestamp(),
    committed_at timestamptz,
    commit_lsn pg_lsn,
    our_outcome text not null,
    our_scheduled_for timestamptz,
    our_receiver_type text,
    our_receiver_id bigint,
    our_reason text,
    messaging boolean not null,
    request_id bigint,
    their_scheduled_for timestamptz,
    their_receiver_type text,
    their_receiver_id bigint,
    their_status text,
    their_rows integer not null default 0,
    verdict text not null default 'waiting' check (verdict in ('waiting', 'same', 'different')),
    cause text,
    compared_at timestamptz,
    look_at timestamptz not null default now(),
    primary key (rule_id, source_table, entity_id)
);
create index parity_by_entity on messenger.parity (source_table, entity_id);
create index parity_by_age on messenger.parity (evaluated_at);
create index parity_waiting on messenger.parity (look_at) where verdict = 'waiting';
create index parity_unexplained on messenger.parity (organisation_id) where verdict = 'different' and cause is null;

-- Since when an organisation is in shadow mode: requests that are older are not compared
-- unless their entity is evaluated.
create table messenger.parity_since (
    organisation_id integer primary key,
    since timestamptz not null default clock_timestamp()
);

-- One row per message of a rule that avni-server has sent for an organisation in shadow
-- mode, at sent_at: the parameters that would have been sent then, or the reason why
-- nothing would have been.
create table messenger.parity_sending (
    request_id bigint primary key,
    organisation_id integer not null,
    rule_id bigint not null,
    sent_at timestamptz not null,
    recorded_at timestamptz not null default clock_timestamp(),
    template_id text,
    parameters text[],
    reason text,
    detail text
);
create index parity_sending_by_age on messenger.parity_sending (recorded_at);
