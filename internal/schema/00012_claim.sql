-- +goose Up
-- Indexes for what a dispatcher looks at again and again, so that it reads no more than
-- it has to, however many deliveries are held or were refused.

-- Open deliveries in the order of their next attempts. Those that are held come last, and
-- request_id lets all of them be walked through in parts.
drop index messenger.delivery_open;
create index delivery_open on messenger.delivery (organisation_id, next_attempt_at, request_id)
    where state in ('waiting', 'claimed', 'sending', 'uncertain');

-- Refused ones, walked through in the same way; and those that hang on a template.
drop index messenger.delivery_refused;
create index delivery_refused on messenger.delivery (organisation_id, updated_at, request_id) where state = 'refused';
create index delivery_refused_for on messenger.delivery (organisation_id, reason, cause, updated_at)
    where state = 'refused' and cause is not null;

-- What is old enough to be forgotten.
create index attempt_by_age on messenger.attempt (at);
create index delivery_by_age on messenger.delivery (updated_at)
    where state in ('refused', 'expired', 'withdrawn') and request_id > 0 and sending_since is null;
