-- Removes avni-messenger's replication slot, for which PostgreSQL keeps WAL, and its
-- publication. Stop avni-messenger first. Run it in Avni's database, as a superuser
-- (Amazon RDS: as the master user), and not in one transaction:
--
--     psql -v ON_ERROR_STOP=1 -d openchs -f teardown.sql
--
-- It may be run again at any time. What changes in Avni from then on is not read by a
-- later setup. Avni's tables and rows are not touched.

do $do$
declare
  reader int := (select active_pid from pg_replication_slots where slot_name = 'avni_messenger');
begin
  if reader is not null then
    raise exception 'nothing was dropped: slot % is being read (pid %): stop avni-messenger first', 'avni_messenger', reader;
  end if;
  if to_regclass('messenger.position') is not null then
    delete from messenger.position where slot = 'avni_messenger';
    delete from messenger.gap where slot = 'avni_messenger';
    delete from messenger.snapshot_sample where slot = 'avni_messenger';
  end if;
  perform pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = 'avni_messenger';
end $do$;
drop publication if exists "avni_messenger";

-- To remove all of it, and with it the record of what was sent, run these too:
--
--     drop index concurrently if exists public.avni_messenger_queue_due;
--     drop index concurrently if exists public.avni_messenger_queue_modified;
--     drop index concurrently if exists public.avni_messenger_queue_entity;
--     drop index concurrently if exists public.avni_messenger_queue_receiver;
--     drop index concurrently if exists public.avni_messenger_queue_time;
--     drop index concurrently if exists public.avni_messenger_queue_delivered;
--     drop schema if exists messenger cascade;
--     drop owned by avni_messenger;     -- only of a role that owns nothing else: never avni-server's
--     drop role avni_messenger;
