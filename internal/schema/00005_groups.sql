-- +goose Up
-- The members of Glific's groups to whom manual messages with @name go, one by one.
-- Each of them that Avni knows is a delivery of its own, with everything that belongs to
-- one: claim, send time, attempts, outcome. Its row of messenger.delivery has the
-- member's id as request_id. Ids of members are negative, so that they are never those of
-- requests; send times stay unique among all messages to a contact.
create sequence messenger.group_member_number;
create table messenger.group_member (
    id bigint primary key default -nextval('messenger.group_member_number') check (id < 0),
    request_id bigint not null,
    contact_id text not null,
    phone text not null,
    receiver_type text,
    receiver_id bigint,
    joined_at timestamptz not null default now(),
    left_at timestamptz,
    unique (request_id, contact_id)
);
comment on column messenger.group_member.request_id is 'message_request_queue.id of the message to the group';
comment on column messenger.group_member.receiver_id is 'individual.id or users.id, by receiver_type; null: Avni knows nobody with this phone number';

-- Members who are still to be messaged, in the order in which they are.
create index delivery_open_member on messenger.delivery (organisation_id, next_attempt_at, request_id desc)
    where request_id < 0 and state in ('waiting', 'claimed', 'sending', 'uncertain');
