-- +goose Up
-- Whose queues are ours alone, and what stops us when somebody else writes or sends too.

-- Organisations that are held because somebody else wrote a rule's request, or marked a
-- request Sent. The one without released_at is in force: nothing is written or sent.
-- request_id is the first such request, and seen how many there were.
create table messenger.hold (
    id bigint generated always as identity primary key,
    organisation_id integer not null,
    kind text not null check (kind in ('foreign_request', 'foreign_sent')),
    since timestamptz not null default clock_timestamp(),
    request_id bigint not null,
    detail text not null,
    seen integer not null default 0,
    released_at timestamptz
);
-- Looked up before every claim, send and write.
create unique index hold_in_force on messenger.hold (organisation_id) where released_at is null;
-- What was released long ago is deleted.
create index hold_released on messenger.hold (released_at) where released_at is not null;

-- Each request that somebody else wrote or marked. maybe_twice: we may have sent it too.
create table messenger.foreign_write (
    hold_id bigint not null,
    request_id bigint not null,
    kind text not null check (kind in ('foreign_request', 'foreign_sent')),
    at timestamptz not null default clock_timestamp(),
    maybe_twice boolean not null,
    primary key (hold_id, request_id, kind)
);

-- Organisations whose requests we alone write (full) or send (full and dispatch), by the
-- processes of slot. since is empty while transactions are waited for that were open at
-- noticed_at, because they may write and send for avni-server still: those of waits_for
-- ([{"id": virtual transaction id, "who", "since", "seen", "uses", "long"}]; empty before
-- the first look), and those that begin up to rest_until. Requests up to judged_to, and
-- those that were Sent up to sent_since, are not held against anybody. Of what was marked
-- Sent up to swept_at, all is committed and was looked at.
create table messenger.ownership (
    organisation_id integer primary key,
    slot text not null,
    mode text not null check (mode in ('full', 'dispatch')),
    noticed_at timestamptz not null default clock_timestamp(),
    waits_for jsonb,
    rest_until timestamptz,
    since timestamptz,
    judged_to bigint,
    sent_since timestamptz,
    swept_at timestamptz
);
