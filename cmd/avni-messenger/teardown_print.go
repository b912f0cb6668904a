package main

import (
	"fmt"
	"strings"
	"text/template"

	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
)

// teardownScript is what `teardown --print` prints: the command for a DBA whose database
// no avni-messenger reaches any more. Like the script of setup it is plain SQL whose
// statements may be run again.
var teardownScript = template.Must(template.New("teardown").Parse(`-- Removes avni-messenger's replication slot, for which PostgreSQL keeps WAL, and its
-- publication. Stop avni-messenger first. Run it in Avni's database, as a superuser
-- (Amazon RDS: as the master user), and not in one transaction:
--
--     psql -v ON_ERROR_STOP=1 -d openchs -f teardown.sql
--
-- It may be run again at any time. What changes in Avni from then on is not read by a
-- later setup. Avni's tables and rows are not touched.

do $do$
declare
  reader int := (select active_pid from pg_replication_slots where slot_name = {{.SlotLiteral}});
begin
  if reader is not null then
    raise exception 'nothing was dropped: slot % is being read (pid %): stop avni-messenger first', {{.SlotLiteral}}, reader;
  end if;
  if to_regclass('messenger.position') is not null then
    delete from messenger.position where slot = {{.SlotLiteral}};
    delete from messenger.gap where slot = {{.SlotLiteral}};
    delete from messenger.snapshot_sample where slot = {{.SlotLiteral}};
  end if;
  perform pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = {{.SlotLiteral}};
end $do$;
drop publication if exists {{.Publication}};

{{if .WithSchema}}-- All of it, and with it the record of what was sent:
{{range .Indexes}}{{.}};
{{end}}drop schema if exists messenger cascade;

-- The role, if you want:
--
{{else}}-- To remove all of it, and with it the record of what was sent, run these too:
--
{{range .Indexes}}--     {{.}};
{{end}}--     drop schema if exists messenger cascade;
{{end}}--     drop owned by {{.Role}};     -- only of a role that owns nothing else: never avni-server's
--     drop role {{.Role}};
`))

// printTeardown returns the script for a DBA.
func printTeardown(names cdc.Names, withSchema bool) (string, error) {
	if err := names.Validate(); err != nil {
		return "", err
	}
	indexes := make([]string, len(queueIndexes))
	for i, index := range queueIndexes {
		indexes[i] = index.drop()
	}
	var script strings.Builder
	err := teardownScript.Execute(&script, map[string]any{
		"SlotLiteral": literal(names.Slot), "Publication": pgx.Identifier{names.Publication}.Sanitize(),
		"Role": defaultRole, "Indexes": indexes, "WithSchema": withSchema,
	})
	if err != nil {
		return "", fmt.Errorf("write the script: %w", err)
	}
	return script.String(), nil
}
