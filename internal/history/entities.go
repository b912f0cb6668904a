package history

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// entityKey names a row of one of the five watched tables.
type entityKey struct {
	kind string // Subject, ProgramEnrolment, Encounter, ProgramEncounter or User
	id   int64
}

func (k entityKey) String() string { return fmt.Sprintf("%s %d", k.kind, k.id) }

// entityRow is what is to be told of an entity.
type entityRow struct {
	Kind           string
	ID             int64
	UUID           string
	OrganisationID int32
	TypeID         int32
	TypeName       string
	Voided         bool
	Name           string
	SubjectID      int64
	SavedAt        time.Time
	SavedBy        string
}

func (e entityRow) key() entityKey { return entityKey{e.Kind, e.ID} }

const subjectName = `concat_ws(' ', s.first_name, s.middle_name, s.last_name)`

// entitySQL reads each kind of entity e; %s is the condition on it.
var entitySQL = map[string]string{
	"Subject": `select 'Subject', s.id, s.uuid, s.organisation_id, s.subject_type_id, coalesce(t.name, ''), s.is_voided, ` + subjectName + `, s.id::bigint, s.last_modified_date_time, coalesce(u.username, '')
		from public.individual s left join public.subject_type t on t.id = s.subject_type_id left join public.users u on u.id = s.last_modified_by_id where s.%s`,
	"ProgramEnrolment": `select 'ProgramEnrolment', e.id, e.uuid, e.organisation_id, e.program_id::int, coalesce(t.name, ''), e.is_voided, concat(t.name, ' of ', ` + subjectName + `), s.id::bigint, e.last_modified_date_time, coalesce(u.username, '')
		from public.program_enrolment e join public.individual s on s.id = e.individual_id left join public.program t on t.id = e.program_id left join public.users u on u.id = e.last_modified_by_id where e.%s`,
	"Encounter": `select 'Encounter', e.id, e.uuid, e.organisation_id, e.encounter_type_id, coalesce(t.name, ''), e.is_voided, concat(coalesce(nullif(e.name, ''), t.name), ' of ', ` + subjectName + `), s.id::bigint, e.last_modified_date_time, coalesce(u.username, '')
		from public.encounter e join public.individual s on s.id = e.individual_id left join public.encounter_type t on t.id = e.encounter_type_id left join public.users u on u.id = e.last_modified_by_id where e.%s`,
	"ProgramEncounter": `select 'ProgramEncounter', e.id, e.uuid, e.organisation_id, e.encounter_type_id, coalesce(t.name, ''), e.is_voided, concat(coalesce(nullif(e.name, ''), t.name), ' of ', ` + subjectName + `), s.id::bigint, e.last_modified_date_time, coalesce(u.username, '')
		from public.program_encounter e join public.individual s on s.id = e.individual_id left join public.encounter_type t on t.id = e.encounter_type_id left join public.users u on u.id = e.last_modified_by_id where e.%s`,
	"User": `select 'User', s.id, s.uuid, coalesce(s.organisation_id, 0), 0, '', s.is_voided, s.name, 0::bigint, s.last_modified_date_time, coalesce(u.username, '')
		from public.users s left join public.users u on u.id = s.last_modified_by_id where s.%s`,
}

// entities reads those of the keys that are there.
func (v *view) entities(ctx context.Context, keys []entityKey) (map[entityKey]entityRow, error) {
	ids := make(map[string][]int64)
	for _, key := range keys {
		ids[key.kind] = append(ids[key.kind], key.id)
	}
	found := make(map[entityKey]entityRow, len(keys))
	for kind, of := range ids {
		sql, known := entitySQL[kind]
		if !known {
			continue
		}
		rows, err := collect[entityRow](ctx, v, kind, fmt.Sprintf(sql, "id = any($1)"), of)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			found[row.key()] = row
		}
	}
	return found, nil
}

// entitiesByUUID reads the entities of any kind with a uuid.
func (v *view) entitiesByUUID(ctx context.Context, uuid string) ([]entityRow, error) {
	var found []entityRow
	for _, kind := range []string{"Subject", "ProgramEnrolment", "Encounter", "ProgramEncounter", "User"} {
		rows, err := collect[entityRow](ctx, v, kind, fmt.Sprintf(entitySQL[kind], "uuid = $1"), uuid)
		if err != nil {
			return nil, err
		}
		found = append(found, rows...)
	}
	return found, nil
}

// mostUnder is how many enrolments, and how many visits of a kind, of one subject are
// looked at.
const mostUnder = 500

const underSQL = `
with subject (id) as (select unnest($1::bigint[]))
(select 'ProgramEnrolment', e.id::bigint from public.program_enrolment e join subject s on s.id = e.individual_id order by e.id desc limit $2)
union all
(select 'Encounter', e.id::bigint from public.encounter e join subject s on s.id = e.individual_id order by e.id desc limit $2)
union all
(select 'ProgramEncounter', v.id::bigint from public.program_encounter v join public.program_enrolment e on e.id = v.program_enrolment_id
   join subject s on s.id = e.individual_id order by v.id desc limit $2)`

// under returns the subjects, and what hangs under them.
func (v *view) under(ctx context.Context, subjects []int64) ([]entityKey, error) {
	rows, err := collect[struct {
		Kind string
		ID   int64
	}](ctx, v, "what hangs under a subject", underSQL, subjects, mostUnder)
	if err != nil {
		return nil, err
	}
	var keys []entityKey
	for _, id := range subjects {
		keys = append(keys, entityKey{"Subject", id})
	}
	for _, row := range rows {
		keys = append(keys, entityKey{row.Kind, row.ID})
	}
	return keys, nil
}

// columns splits keys for unnest: the types, the tables, and the ids.
func columns(keys []entityKey) (kinds, tables []string, ids []int64) {
	for _, key := range keys {
		kinds, tables, ids = append(kinds, key.kind), append(tables, tableOf[key.kind]), append(ids, key.id)
	}
	return kinds, tables, ids
}

// usernames reads users' names by id, as field workers and operators know them.
func (v *view) usernames(ctx context.Context, ids []int64) (map[int64]string, error) {
	slices.Sort(ids)
	rows, err := collect[struct {
		ID       int64
		Username string
	}](ctx, v, "users", `select id, username from public.users where id = any($1)`, slices.Compact(ids))
	if err != nil {
		return nil, err
	}
	names := make(map[int64]string, len(rows))
	for _, row := range rows {
		names[row.ID] = row.Username
	}
	return names, nil
}

// named is an entity with its name, if it has one.
func named(kind string, id int64, name string) string {
	text := kind
	if id != 0 {
		text = fmt.Sprintf("%s %d", kind, id)
	}
	if name = strings.TrimSpace(name); name != "" {
		text += " (" + name + ")"
	}
	return text
}
