-- +goose Up
-- The processes that run, and what of their environment decides about messages, so that
-- those with different settings notice each other. holder is host:pid:random; a row that
-- was not seen for half a minute is of a process that is gone. settings holds no secret
-- and no phone number.
create table messenger.instance (
    holder text primary key,
    slot text not null,
    started_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp(),
    settings jsonb not null
);
