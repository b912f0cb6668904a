package rules

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// referenceAge is how long cached types, genders and names may be used: the stream
// tells of changed concepts, but not of those.
const referenceAge = time.Minute

// reference is what an organisation sees of Avni's definitions, its own and its
// ancestors'. Types are read at once and never change here; concepts are added as
// entities need them.
type reference struct {
	org    Organisation
	readAt time.Time

	subjectTypes   map[int64]*subjectType
	programs       map[int64]string // operational_program.name by program
	encounterTypes map[int64]*encounterType
	genders        map[int64]*Record

	mu       sync.RWMutex
	concepts map[string]*concept // by uuid; nil: there is none
	absent   map[definition]bool // looked for after everything was read, and not there
}

// definition names a row of one of the small tables.
type definition struct {
	table string
	id    int64
}

type subjectType struct {
	person         bool
	profilePicture bool
	brief          *Record // as a subject carries it
	full           *Record // as a group role carries it
}

type encounterType struct {
	contract    *Record // as an encounter carries it
	operational *Record // as a program encounter carries it
}

// reference returns the cached definitions of an organisation, read anew if they are
// old, forgotten, or made for other ancestors.
func (l *Loader) reference(ctx context.Context, org Organisation) (*reference, error) {
	l.mu.Lock()
	r := l.references[org.ID]
	l.mu.Unlock()
	if r == nil || !slices.Equal(r.org.VisibleIDs, org.VisibleIDs) {
		return l.readReference(ctx, org, nil, nil)
	}
	if l.now().Sub(r.readAt) < referenceAge {
		return r, nil
	}
	return l.readReference(ctx, org, nil, r.used())
}

// readReference reads the definitions of an organisation and caches them, with these
// concepts. Of those in wanted, it remembers which are not there.
func (l *Loader) readReference(ctx context.Context, org Organisation, wanted []definition, concepts []string) (*reference, error) {
	r := &reference{org: org, readAt: l.now(), subjectTypes: map[int64]*subjectType{}, programs: map[int64]string{},
		encounterTypes: map[int64]*encounterType{}, genders: map[int64]*Record{},
		concepts: map[string]*concept{}, absent: map[definition]bool{}}
	l.mu.Lock()
	generation := l.generation
	l.mu.Unlock()

	b := &pgx.Batch{}
	r.queueSubjectTypes(b)
	r.queuePrograms(b)
	r.queueEncounterTypes(b)
	r.queueGenders(b)
	store := r.queueConcepts(b, concepts)
	if err := l.pool.SendBatch(ctx, b).Close(); err != nil {
		return nil, fmt.Errorf("read types of organisation %d: %w", org.ID, err)
	}
	store()
	for _, d := range wanted {
		if !r.has(d) {
			r.absent[d] = true
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.generation == generation { // else something was forgotten while we read
		l.references[org.ID] = r
	}
	return r, nil
}

// has reports whether a definition is known, or known not to be there.
func (r *reference) has(d definition) bool {
	if d.id == 0 || r.absent[d] {
		return true
	}
	switch d.table {
	case "subject_type":
		return r.subjectTypes[d.id] != nil
	case "encounter_type":
		return r.encounterTypes[d.id] != nil
	case "gender":
		return r.genders[d.id] != nil
	case "program":
		_, ok := r.programs[d.id]
		return ok
	}
	return true
}

func (r *reference) queueSubjectTypes(b *pgx.Batch) {
	b.Queue(`select id, uuid, name, coalesce(type, ''), active, is_group, is_household, allow_empty_location,
			coalesce(allow_middle_name, false), coalesce(last_name_optional, false), allow_profile_picture, unique_name,
			coalesce(should_sync_by_location, false), attendance_enabled, coalesce(directly_assignable, false), is_voided
		from subject_type where organisation_id = any($1)`, r.org.VisibleIDs).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			var id int64
			var uuid *string
			var name, kind string
			var active, group, household, noLocation, middleName, lastNameOptional, picture, uniqueName, byLocation, attendance, assignable, voided bool
			err := rows.Scan(&id, &uuid, &name, &kind, &active, &group, &household, &noLocation, &middleName,
				&lastNameOptional, &picture, &uniqueName, &byLocation, &attendance, &assignable, &voided)
			r.subjectTypes[id] = &subjectType{
				person:         kind == "Person",
				profilePicture: picture,
				// avni-server fills only the first three of these for a subject.
				brief: newRecord(subjectTypeFields, name, value(uuid), kind,
					false, false, false, false, false, false, false, false, false, false, false),
				full: newRecord(fullSubjectTypeFields, name, value(uuid), active, kind,
					noLocation, middleName, lastNameOptional, picture, uniqueName, byLocation, attendance, household, assignable, group, voided),
			}
			return err
		})
	})
}

func (r *reference) queuePrograms(b *pgx.Batch) {
	nearest := map[int64]int{}
	b.Queue(`select program_id::bigint, coalesce(name, ''), organisation_id from operational_program
		where organisation_id = any($1) order by is_voided, id`, r.org.VisibleIDs).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			var id int64
			var name string
			var organisationID int32
			err := rows.Scan(&id, &name, &organisationID)
			if distance, have := nearest[id]; !have || r.org.nearness(organisationID) < distance {
				nearest[id] = r.org.nearness(organisationID)
				r.programs[id] = name
			}
			return err
		})
	})
}

// queueEncounterTypes reads encounter types with the name by which the organisation
// calls each (operational_encounter_type), the nearest organisation's first.
func (r *reference) queueEncounterTypes(b *pgx.Batch) {
	b.Queue(`select e.id, e.uuid, e.name, e.active, coalesce(e.is_immutable, false), e.encounter_eligibility_check_rule,
			coalesce((select o.name from operational_encounter_type o
				where o.encounter_type_id = e.id and o.organisation_id = any($1)
				order by array_position($1, o.organisation_id), o.is_voided, o.id limit 1), e.name)
		from encounter_type e where e.organisation_id = any($1)`, r.org.VisibleIDs).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			var id int64
			var uuid, name, operational string
			var active, immutable bool
			var eligibility *string
			err := rows.Scan(&id, &uuid, &name, &active, &immutable, &eligibility, &operational)
			t := &encounterType{
				contract:    newRecord(encounterTypeFields, name, uuid, active, immutable),
				operational: newRecord(operationalTypeFields, operational, uuid),
			}
			if eligibility != nil {
				t.contract.Set("entityEligibilityCheckRule", *eligibility)
			}
			r.encounterTypes[id] = t
			return err
		})
	})
}

func (r *reference) queueGenders(b *pgx.Batch) {
	b.Queue(`select id::bigint, uuid, name from gender where organisation_id = any($1)`, r.org.VisibleIDs).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			var id int64
			var uuid, name string
			err := rows.Scan(&id, &uuid, &name)
			r.genders[id] = newRecord(genderFields, uuid, name, false)
			return err
		})
	})
}
