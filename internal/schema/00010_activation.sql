-- +goose Up
-- From when on an organisation's rules may make requests, and what they would have made
-- of too many changes at once.

-- Nothing that was saved in Avni before active_from makes a new request. rule_id 0 is the
-- organisation itself, served in mode full by whoever reads slot (null: not known any
-- more). Of a rule, entity_type, entity_type_id and is_voided are as it was last seen: a
-- rule that is un-voided, or about something else, starts anew.
create table messenger.activation (
    organisation_id integer not null,
    rule_id bigint not null default 0,
    active_from timestamptz not null,
    slot text,
    entity_type text,
    entity_type_id integer,
    is_voided boolean not null default false,
    primary key (organisation_id, rule_id)
);

-- New requests that were not made, because their rule would have made too many of one
-- source transaction or within an hour. changed_by is users.id of who saved the entity
-- last. voided is held of something that is voided, or hangs under what is: it is held
-- again when that is taken back. A row is to be evaluated anew while review is set: it was
-- released, or its rule was changed.
create table messenger.held (
    rule_id bigint not null,
    source_table text not null,
    entity_id bigint not null,
    organisation_id integer not null,
    commit_lsn pg_lsn not null,
    committed_at timestamptz not null,
    scheduled_for timestamptz not null,
    held_at timestamptz not null default clock_timestamp(),
    changed_by bigint,
    state text not null default 'held' check (state in ('held', 'released', 'cancelled', 'voided')),
    review boolean not null default false,
    primary key (rule_id, source_table, entity_id)
);
create index held_by_entity on messenger.held (source_table, entity_id);
create index held_by_transaction on messenger.held (rule_id, commit_lsn);
create index held_for_review on messenger.held (organisation_id) where review;

-- Changes that are evaluated because somebody asked for it: neither the activation nor
-- the limit of new requests counts for them.
alter table messenger.inbox add column by_hand boolean not null default false;
alter table messenger.rule_waiting add column by_hand boolean not null default false;
alter table messenger.trigger_log add column by_hand boolean not null default false;

-- How many new requests a rule has made of a transaction, and of what was saved in an hour.
create index trigger_log_new_by_transaction on messenger.trigger_log (rule_id, commit_lsn) where outcome = 'scheduled' and not by_hand;
create index trigger_log_new_by_time on messenger.trigger_log (rule_id, committed_at) where outcome = 'scheduled' and not by_hand;

-- Organisations that were served before this migration go on: they started when their
-- rules were first seen to write, or messages to be delivered, not now. Those that are
-- served in another mode than full are ended by the process that does so.
insert into messenger.activation (organisation_id, rule_id, active_from)
select organisation_id, 0, min(at) from (
    select organisation_id, at from messenger.trigger_log
    where rule_id is not null and outcome in ('scheduled', 'moved', 'restored', 'renewed', 'unchanged', 'voided', 'skipped', 'no_date',
        'delivered', 'cancelled', 'failed')
    union all
    select organisation_id, created_at from messenger.delivery
) seen
group by organisation_id;
