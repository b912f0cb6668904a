-- +goose Up
-- What a refused request hangs on, so that it is tried again once that has changed, and
-- which message it stands for: avni-server can leave several requests of one rule and
-- entity, and one of them is sent.

-- rule_id and entity_id are those of the request, null for a manual message.
-- rule_modified_at is when the rule was last modified before the request was judged, and
-- cause the phone number or the template that it was refused for.
alter table messenger.delivery
    add column rule_id bigint,
    add column entity_id bigint,
    add column rule_modified_at timestamptz,
    add column cause text;

-- At most one send of a rule and an entity is under way, of unknown outcome or accepted.
create unique index delivery_sent_once on messenger.delivery (rule_id, entity_id)
    where rule_id is not null and (sending_since is not null or state = 'accepted');
create index delivery_refused on messenger.delivery (organisation_id, updated_at) where state = 'refused';
