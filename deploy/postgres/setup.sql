-- Prepares Avni's database for avni-messenger. Run it in that database, as a superuser
-- (Amazon RDS: as the master user), and not in one transaction:
--
--     psql -v ON_ERROR_STOP=1 -d openchs -f setup.sql
--
-- It may be run again at any time. The last line says whether all is there.
-- "avni-messenger teardown" undoes it.
--
-- What the server needs besides; the first three take a restart of PostgreSQL
-- (Amazon RDS: set them in the parameter group and reboot):
--     wal_level = logical        alter system set wal_level = 'logical';
--                                Amazon RDS: rds.logical_replication = 1
--     max_replication_slots      one slot that is free, for us (10 is the default)
--     max_wal_senders            one that is free, for us (10 is the default)
--     max_slot_wal_keep_size     should have a limit, such as '16GB': it saves the disk
--                                while avni-messenger is stopped (PostgreSQL 13 and later)
--     pg_hba.conf                lets "avni_messenger" into this database from where
--                                avni-messenger runs; a line for the database covers
--                                replication, a line for "replication" is not needed:
--     host  openchs  "avni_messenger"  <address>/32  scram-sha-256

do $setup$ begin
  if current_setting('wal_level') <> 'logical' then
    raise warning 'wal_level is %, the replication slot cannot be made before it is logical', current_setting('wal_level');
  end if;
end $setup$;

begin;

-- 1. The role. It inherits the rights of the role that owns Avni's tables, so that
-- row-level security does not hide rows from it. Treat its password like that of a
-- superuser, and set it yourself:  \password "avni_messenger"
-- Amazon RDS knows no REPLICATION attribute; there it takes a membership:
--     grant rds_replication to "avni_messenger";
do $setup$
declare
  managed boolean := exists (select from pg_roles where rolname = 'rds_replication');
  avni_owner name := (select pg_get_userbyid(relowner) from pg_class where oid = 'public.individual'::regclass);
begin
  if not exists (select from pg_roles where rolname = 'avni_messenger') then
    create role "avni_messenger" login inherit;
  end if;
  if managed and not pg_has_role('avni_messenger', 'rds_replication', 'member') then
    grant rds_replication to "avni_messenger";
  elsif not managed and not (select rolreplication or rolsuper from pg_roles where rolname = 'avni_messenger') then
    alter role "avni_messenger" replication;
  end if;
  if 'avni_messenger' <> avni_owner and not pg_has_role('avni_messenger', avni_owner, 'usage') then
    execute format('grant %I to %I', avni_owner, 'avni_messenger');
  end if;
  if not has_database_privilege('avni_messenger', current_database(), 'create') then
    execute format('grant create on database %I to %I', current_database(), 'avni_messenger'); -- for the publication
  end if;
  begin
    if not pg_has_role('avni_messenger', 'pg_read_all_stats', 'usage') then
      grant pg_monitor to "avni_messenger"; -- to be shown whose transactions keep WAL on the disk, and since when
    end if;
  exception when insufficient_privilege then
    raise warning '"avni_messenger" works without pg_monitor, but cannot tell since when transactions keep WAL on the disk';
  end;
  if not pg_has_role('avni_messenger', current_user, 'member') and not (select rolsuper from pg_roles where rolname = current_user) then
    execute format('grant %I to %I', 'avni_messenger', current_user); -- to act as the role below
  end if;
end $setup$;

-- 2. The schema of its own tables, which it makes itself.
do $setup$
declare
  theirs name := (select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'messenger' and not pg_has_role('avni_messenger', nspowner, 'usage'));
begin
  if theirs is not null then
    raise exception 'schema messenger belongs to role %: if avni-messenger works as that role, prepare it with setup --print --role %', theirs, theirs;
  end if;
end $setup$;
create schema if not exists messenger authorization "avni_messenger";

-- 3. What it reads of Avni's tables.
set local role "avni_messenger";
do $setup$
declare
  published record;
begin
  if exists (select from pg_publication where pubname = 'avni_messenger') then
    return;
  end if;
  if current_setting('server_version_num')::int >= 150000 then
    execute $create$
    create publication "avni_messenger" for table
        "public"."individual" ("id", "organisation_id", "subject_type_id", "is_voided"),
        "public"."program_enrolment" ("id", "organisation_id", "program_id", "is_voided"),
        "public"."encounter" ("id", "organisation_id", "encounter_type_id", "is_voided"),
        "public"."program_encounter" ("id", "organisation_id", "encounter_type_id", "is_voided"),
        "public"."users" ("id", "organisation_id", "is_voided"),
        "public"."message_rule" ("id", "organisation_id"),
        "public"."organisation_config" ("id", "organisation_id"),
        "public"."external_system_config" ("id", "organisation_id"),
        "public"."concept" ("id", "organisation_id"),
        "public"."concept_answer" ("id", "organisation_id"),
        "public"."message_request_queue" ("id", "organisation_id"),
        "public"."flow_request_queue" ("id", "organisation_id")
        with (publish = 'insert, update');
    $create$;
  else
    create publication "avni_messenger" for table
        "public"."individual",
        "public"."program_enrolment",
        "public"."encounter",
        "public"."program_encounter",
        "public"."users",
        "public"."message_rule",
        "public"."organisation_config",
        "public"."external_system_config",
        "public"."concept",
        "public"."concept_answer",
        "public"."message_request_queue",
        "public"."flow_request_queue"
        with (publish = 'insert, update');
  end if;
  for published in select schemaname, tablename from pg_publication_tables where pubname = 'avni_messenger' loop
    -- Avni's own updates must still work; if this fails, nothing was created.
    execute format('update %I.%I set id = id where false', published.schemaname, published.tablename);
  end loop;
end $setup$;

commit;

-- 4. The slot, which must be younger. It waits for the transactions that are open. From
-- then on PostgreSQL keeps WAL until avni-messenger has read it: start avni-messenger
-- soon, or drop the slot with
--     select pg_drop_replication_slot('avni_messenger');
set role "avni_messenger";
do $setup$ begin
  if exists (select from pg_replication_slots where slot_name = 'avni_messenger') then
    return;
  end if;
  if not exists (select from pg_publication where pubname = 'avni_messenger') then
    raise exception 'the slot is not made, because what comes before it has failed';
  end if;
  if current_setting('server_version_num')::int >= 170000 then
    perform lsn::text from pg_create_logical_replication_slot('avni_messenger', 'pgoutput', false, false, failover => true);
  else
    perform lsn::text from pg_create_logical_replication_slot('avni_messenger', 'pgoutput');
  end if;
end $setup$;

-- 5. Indexes that spare Avni sequential scans of its message queue. They are built
-- beside the traffic and lock nobody out.
create index concurrently if not exists avni_messenger_queue_due on public.message_request_queue (organisation_id, scheduled_date_time) where not is_voided and delivery_status <> 'Sent';
create index concurrently if not exists avni_messenger_queue_modified on public.message_request_queue (organisation_id, last_modified_date_time) where not is_voided and delivery_status <> 'Sent';
create index concurrently if not exists avni_messenger_queue_entity on public.message_request_queue (message_rule_id, entity_id);
create index concurrently if not exists avni_messenger_queue_receiver on public.message_request_queue (message_receiver_id, scheduled_date_time, id);
create index concurrently if not exists avni_messenger_queue_time on public.message_request_queue (organisation_id, scheduled_date_time, id);
create index concurrently if not exists avni_messenger_queue_delivered on public.message_request_queue (organisation_id, delivered_date_time) where delivered_date_time is not null;
reset role;

do $setup$ begin
  if not exists (select from pg_namespace where nspname = 'messenger' and pg_has_role('avni_messenger', nspowner, 'usage'))
     or not exists (select from pg_replication_slots where slot_name = 'avni_messenger')
     or not exists (select from pg_publication where pubname = 'avni_messenger')
     or (select count(*) from pg_index where indisvalid and indexrelid in (to_regclass('public.avni_messenger_queue_due'), to_regclass('public.avni_messenger_queue_modified'), to_regclass('public.avni_messenger_queue_entity'), to_regclass('public.avni_messenger_queue_receiver'), to_regclass('public.avni_messenger_queue_time'), to_regclass('public.avni_messenger_queue_delivered'))) < 6 then
    raise exception 'The database is not ready for avni-messenger: mend what failed above, and run all of this again.';
  end if;
  raise notice 'The database is ready for avni-messenger.';
end $setup$;
