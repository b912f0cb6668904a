-- +goose Up
-- Verdict own: what is there was queued by avni-messenger itself, in mode full, and avni-server
-- has not moved it since the organisation is in shadow mode. It is compared with nothing; request_id
-- and their_… are of that request.
alter table messenger.parity drop constraint parity_verdict_check;
alter table messenger.parity add constraint parity_verdict_check check (verdict in ('waiting', 'same', 'different', 'own'));
