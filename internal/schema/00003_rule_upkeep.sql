-- +goose Up
-- What rules leave for later: what waits for a rule that is paused, what comes back when
-- something is un-voided, and which text of a rule its pending requests follow.

-- Scripts of rules that failed too often and are not run for now. fingerprint is of what
-- failed: another one in message_rule ends the pause, as does resume_asked_at.
create table messenger.rule_pause (
    rule_id bigint not null,
    phase text not null check (phase in ('schedule', 'message')),
    organisation_id integer not null,
    since timestamptz not null default clock_timestamp(),
    kind text not null,
    reason text not null,
    failures integer not null,
    fingerprint text not null,
    resume_asked_at timestamptz,
    primary key (rule_id, phase)
);

-- Changes that wait for a paused schedule script: the newest of each entity. compared
-- tells those of shadow mode. They go back to the inbox when the pause is over.
create table messenger.rule_waiting (
    rule_id bigint not null,
    source_table text not null,
    entity_id bigint not null,
    organisation_id integer not null,
    compared boolean not null,
    committed_at timestamptz not null,
    commit_lsn pg_lsn not null,
    primary key (rule_id, source_table, entity_id)
);

-- Messages that wait for a paused message script.
create index delivery_rule_paused on messenger.delivery (request_id) where reason = 'rule_paused';

-- Entities whose requests were withdrawn, or not made, because they, what they hang under
-- or their rule is voided. They go back to the inbox when nothing of it is voided any
-- more, unless that comes too late for what was due. rule_id is 0 where no rule was run.
create table messenger.withdrawal (
    source_table text not null,
    entity_id bigint not null,
    rule_id bigint not null,
    organisation_id integer not null,
    due timestamptz not null,
    primary key (source_table, entity_id, rule_id)
);

-- Which text of a rule its pending requests follow. changed_at is set while they are
-- brought in line with another one, in order of id: cursor is how far that has come.
create table messenger.rule_followed (
    rule_id bigint primary key,
    entity_type text not null,
    is_voided boolean not null,
    fingerprint text not null,
    changed_at timestamptz,
    cursor bigint not null default 0
);
