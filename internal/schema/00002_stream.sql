-- +goose Up
-- What keeps several processes from reading one slot at the same time, and what tells
-- which changes a slot that was lost has missed.

-- holder is the process that streams; until lease_until nobody else may free the slot
-- of it. fingerprint, in the place of the publication's oid, also tells one that was
-- altered and mended. At checked_at, when the WAL had come to checked_lsn, the publication
-- was seen to be the one that the position belongs to: one that was altered or made anew
-- since has missed nothing before that. system_identifier is the server that lsn is a
-- place on, and timeline its history.
alter table messenger.position
    drop column publication,
    add column fingerprint bigint,
    add column holder text,
    add column lease_until timestamptz,
    add column checked_at timestamptz,
    add column checked_lsn pg_lsn,
    add column system_identifier bigint,
    add column timeline integer,
    add column created_at timestamptz not null default now();

-- How often rules, settings or concepts were seen to change. Whoever keeps them in
-- memory and knows an older version reads them again before it evaluates what it finds
-- in the inbox.
create table messenger.reference_version (
    single boolean primary key default true check (single),
    version bigint not null
);
insert into messenger.reference_version (version) values (0);

-- One row per stretch of WAL that was never read, from from_lsn to to_lsn: rows that
-- changed in it are looked up in Avni's tables and put into the inbox. source_table and
-- cursor are how far that has come, so that it goes on after a crash. It begins when no
-- transaction older than xid_ceiling is open: one may have committed before to_lsn and
-- not be visible yet.
create table messenger.gap (
    id bigint generated always as identity primary key,
    slot text not null,
    reason text not null,
    since timestamptz not null,
    mode text not null check (mode in ('time', 'xmin')),
    xmin_floor bigint,
    xid_ceiling bigint,
    from_lsn pg_lsn,
    to_lsn pg_lsn,
    source_table text,
    cursor bigint not null default 0,
    rows bigint not null default 0,
    by_hand boolean not null default false,
    opened_at timestamptz not null default clock_timestamp(),
    finished_at timestamptz
);
create index gap_by_slot on messenger.gap (slot, opened_at);

-- Which transactions were still open when the WAL had come to lsn: every row that was
-- changed after it has an xmin that is not older than xmin_floor.
-- oldest is when the first of them had begun, if one was writing.
create table messenger.snapshot_sample (
    slot text not null,
    lsn pg_lsn not null,
    xmin_floor bigint not null,
    oldest timestamptz,
    at timestamptz not null default clock_timestamp(),
    primary key (slot, lsn)
);
