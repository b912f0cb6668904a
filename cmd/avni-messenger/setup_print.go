package main

import (
	"fmt"
	"strings"
	"text/template"

	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
)

// setupScript is what `setup --print` prints. It needs no connection: what depends on
// the server's version is decided by the server. Every statement may be run again.
// The tables of schema messenger are not in it: avni-messenger makes and upgrades them
// itself when it starts.
//
// It is plain SQL, for any client that sends one statement after the other. Most clients
// go on after an error, so each part refuses to follow one that failed: a slot that is
// older than its publication, say, could never be read.
var setupScript = template.Must(template.New("setup").Parse(`-- Prepares Avni's database for avni-messenger. Run it in that database, as a superuser
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
--     pg_hba.conf                lets {{.Role}} into this database from where
--                                avni-messenger runs; a line for the database covers
--                                replication, a line for "replication" is not needed:
--     host  openchs  {{.Role}}  <address>/32  scram-sha-256

do $setup$ begin
  if current_setting('wal_level') <> 'logical' then
    raise warning 'wal_level is %, the replication slot cannot be made before it is logical', current_setting('wal_level');
  end if;
end $setup$;

begin;

-- 1. The role. It inherits the rights of the role that owns Avni's tables, so that
-- row-level security does not hide rows from it. Treat its password like that of a
-- superuser, and set it yourself:  \password {{.Role}}
-- Amazon RDS knows no REPLICATION attribute; there it takes a membership:
--     grant rds_replication to {{.Role}};
do $setup$
declare
  managed boolean := exists (select from pg_roles where rolname = 'rds_replication');
  avni_owner name := (select pg_get_userbyid(relowner) from pg_class where oid = 'public.individual'::regclass);
begin
  if not exists (select from pg_roles where rolname = {{.RoleLiteral}}) then
    create role {{.Role}} login inherit;
  end if;
  if managed and not pg_has_role({{.RoleLiteral}}, 'rds_replication', 'member') then
    grant rds_replication to {{.Role}};
  elsif not managed and not (select rolreplication or rolsuper from pg_roles where rolname = {{.RoleLiteral}}) then
    alter role {{.Role}} replication;
  end if;
  if {{.RoleLiteral}} <> avni_owner and not pg_has_role({{.RoleLiteral}}, avni_owner, 'usage') then
    execute format('grant %I to %I', avni_owner, {{.RoleLiteral}});
  end if;
  if not has_database_privilege({{.RoleLiteral}}, current_database(), 'create') then
    execute format('grant create on database %I to %I', current_database(), {{.RoleLiteral}}); -- for the publication
  end if;
  begin
    if not pg_has_role({{.RoleLiteral}}, 'pg_read_all_stats', 'usage') then
      grant pg_monitor to {{.Role}}; -- to be shown whose transactions keep WAL on the disk, and since when
    end if;
  exception when insufficient_privilege then
    raise warning '{{.Role}} works without pg_monitor, but cannot tell since when transactions keep WAL on the disk';
  end;
  if not pg_has_role({{.RoleLiteral}}, current_user, 'member') and not (select rolsuper from pg_roles where rolname = current_user) then
    execute format('grant %I to %I', {{.RoleLiteral}}, current_user); -- to act as the role below
  end if;
end $setup$;

-- 2. The schema of its own tables, which it makes itself.
do $setup$
declare
  theirs name := (select pg_get_userbyid(nspowner) from pg_namespace where nspname = 'messenger' and not pg_has_role({{.RoleLiteral}}, nspowner, 'usage'));
begin
  if theirs is not null then
    raise exception 'schema messenger belongs to role %: if avni-messenger works as that role, prepare it with setup --print --role %', theirs, theirs;
  end if;
end $setup$;
create schema if not exists messenger authorization {{.Role}};

-- 3. What it reads of Avni's tables.
set local role {{.Role}};
do $setup$
declare
  published record;
begin
  if exists (select from pg_publication where pubname = {{.PublicationLiteral}}) then
    return;
  end if;
  if current_setting('server_version_num')::int >= 150000 then
    execute $create$
{{.NewPublication}}
    $create$;
  else
{{.OldPublication}}
  end if;
  for published in select schemaname, tablename from pg_publication_tables where pubname = {{.PublicationLiteral}} loop
    -- Avni's own updates must still work; if this fails, nothing was created.
    execute format('update %I.%I set id = id where false', published.schemaname, published.tablename);
  end loop;
end $setup$;

commit;

-- 4. The slot, which must be younger. It waits for the transactions that are open. From
-- then on PostgreSQL keeps WAL until avni-messenger has read it: start avni-messenger
-- soon, or drop the slot with
--     select pg_drop_replication_slot({{.SlotLiteral}});
set role {{.Role}};
do $setup$ begin
  if exists (select from pg_replication_slots where slot_name = {{.SlotLiteral}}) then
    return;
  end if;
  if not exists (select from pg_publication where pubname = {{.PublicationLiteral}}) then
    raise exception 'the slot is not made, because what comes before it has failed';
  end if;
  if current_setting('server_version_num')::int >= 170000 then
{{.NewSlot}}
  else
{{.OldSlot}}
  end if;
end $setup$;

-- 5. Indexes that spare Avni sequential scans of its message queue. They are built
-- beside the traffic and lock nobody out.
{{range .Indexes}}{{.}};
{{end}}reset role;

do $setup$ begin
  if not exists (select from pg_namespace where nspname = 'messenger' and pg_has_role({{.RoleLiteral}}, nspowner, 'usage'))
     or not exists (select from pg_replication_slots where slot_name = {{.SlotLiteral}})
     or not exists (select from pg_publication where pubname = {{.PublicationLiteral}})
     or (select count(*) from pg_index where indisvalid and indexrelid in ({{.IndexNames}})) < {{len .Indexes}} then
    raise exception 'The database is not ready for avni-messenger: mend what failed above, and run all of this again.';
  end if;
  raise notice 'The database is ready for avni-messenger.';
end $setup$;
`))

// printSetup returns the whole script for a DBA.
func printSetup(role string, names cdc.Names) (string, error) {
	oldPublication, oldSlot, err := streamStatements(names, 120000)
	if err != nil {
		return "", err
	}
	newPublication, newSlot, err := streamStatements(names, 170000)
	if err != nil {
		return "", err
	}
	indexes, indexNames := make([]string, len(queueIndexes)), make([]string, len(queueIndexes))
	for i, index := range queueIndexes {
		indexes[i], indexNames[i] = index.create(), "to_regclass("+literal("public."+index.name)+")"
	}
	var script strings.Builder
	err = setupScript.Execute(&script, map[string]any{
		"Role": pgx.Identifier{role}.Sanitize(), "RoleLiteral": literal(role),
		"SlotLiteral": literal(names.Slot), "PublicationLiteral": literal(names.Publication),
		"OldPublication": indent(oldPublication), "NewPublication": indent(newPublication),
		"OldSlot": indent("perform" + strings.TrimPrefix(oldSlot, "select")), "NewSlot": indent("perform" + strings.TrimPrefix(newSlot, "select")),
		"Indexes": indexes, "IndexNames": strings.Join(indexNames, ", "),
	})
	return script.String(), err
}

// streamStatements returns the two statements of cdc's script for a server version,
// without its comments.
func streamStatements(names cdc.Names, serverVersion int) (publication, slot string, err error) {
	script, err := cdc.SetupSQL(names, serverVersion)
	if err != nil {
		return "", "", err
	}
	var lines []string
	for line := range strings.Lines(script) {
		if !strings.HasPrefix(line, "--") {
			lines = append(lines, line)
		}
	}
	statements := strings.SplitAfter(strings.Join(lines, ""), ";\n")
	if len(statements) != 3 || statements[2] != "" {
		return "", "", fmt.Errorf("the setup of the stream has %d statements, want 2", len(statements)-1)
	}
	return strings.TrimSpace(statements[0]), strings.TrimSpace(statements[1]), nil
}

func indent(statement string) string {
	return "    " + strings.ReplaceAll(statement, "\n", "\n    ")
}

// literal quotes a string as SQL.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
