package rules

import "github.com/jackc/pgx/v5"

// Which rows of a table a query is for; $1 is ids, $2 the organisation.
const (
	byID              = `id = any($1)`
	ofSubjects        = `individual_id = any($1)`
	ofEnrolments      = `program_enrolment_id = any($1)`
	enrolmentsOfVisit = `id in (select program_enrolment_id from program_encounter where id = any($1) and organisation_id = $2)`
)

// subjectsOf selects the subjects that entities are about.
var subjectsOf = map[EntityType]string{
	Subject:          `select unnest($1::bigint[])`,
	ProgramEnrolment: `select individual_id from program_enrolment where id = any($1) and organisation_id = $2`,
	Encounter:        `select individual_id from encounter where id = any($1) and organisation_id = $2`,
	ProgramEncounter: `select individual_id from program_encounter where id = any($1) and organisation_id = $2`,
}

const (
	subjectColumns = `i.id, i.uuid, i.subject_type_id, i.first_name, i.middle_name, i.last_name, i.profile_picture, i.date_of_birth,
		i.registration_date, coalesce(i.gender_id, 0), i.is_voided, i.created_by_id, i.last_modified_by_id,
		i.last_modified_date_time, i.observations`
	addressColumns = `coalesce(a.uuid, ''), coalesce(a.title, ''), coalesce(a.version, 0), coalesce(a.organisation_id, 0),
		coalesce(a.parent_id, 0), coalesce(t.level, 0)`
	joinAddress = ` join address_level a on a.id = i.address_id and a.organisation_id = any($3)
		left join address_level_type t on t.id = a.type_id`
)

func (s *subjectRow) targets() []any {
	return []any{&s.id, &s.uuid, &s.typeID, &s.firstName, &s.middleName, &s.last, &s.picture, &s.birth,
		&s.registered, &s.genderID, &s.voided, &s.createdByID, &s.lastModifiedByID, &s.savedAt, &s.observations}
}

func (a *addressRow) targets() []any {
	return []any{&a.uuid, &a.title, &a.version, &a.organisationID, &a.parentID, &a.level}
}

func (f *family) queueSubjects(b *pgx.Batch, org Organisation, t EntityType, ids []int64) {
	b.Queue(`select `+subjectColumns+` from individual i where i.organisation_id = $2 and i.id in (`+subjectsOf[t]+`)`,
		ids, org.ID).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			s := &subjectRow{}
			err := rows.Scan(s.targets()...)
			f.subjects[s.id] = s
			return err
		})
	})
}

// queueGroupSubjects reads the subjects that are groups of others, with their addresses.
func (f *family) queueGroupSubjects(b *pgx.Batch, org Organisation, members []int64) {
	b.Queue(`select `+subjectColumns+`, `+addressColumns+` from individual i left`+joinAddress+`
		where i.organisation_id = $2
		  and i.id in (select group_subject_id from group_subject where member_subject_id = any($1) and organisation_id = $2)`,
		members, org.ID, org.VisibleIDs).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			s := &subjectRow{address: &addressRow{}}
			err := rows.Scan(append(s.targets(), s.address.targets()...)...)
			keep(f.subjects, s.id, s)
			return err
		})
	})
}

func (f *family) queueAddresses(b *pgx.Batch, org Organisation, subjects []int64) {
	b.Queue(`select i.id, `+addressColumns+` from individual i`+joinAddress+` where i.id = any($1) and i.organisation_id = $2`,
		subjects, org.ID, org.VisibleIDs).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			var subject int64
			a := &addressRow{}
			err := rows.Scan(append([]any{&subject}, a.targets()...)...)
			if s := f.subjects[subject]; s != nil {
				s.address = a
			}
			return err
		})
	})
}

func (f *family) queueEnrolments(b *pgx.Batch, org Organisation, which string, ids []int64, list func(*enrolmentRow)) {
	b.Queue(`select id, individual_id, uuid, program_id::integer, observations, program_exit_observations,
			enrolment_date_time, program_exit_date_time, is_voided, created_by_id, last_modified_by_id, last_modified_date_time
		from program_enrolment where `+which+` and organisation_id = $2 order by id`,
		ids, org.ID).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			e := &enrolmentRow{}
			err := rows.Scan(&e.id, &e.subjectID, &e.uuid, &e.programID, &e.observations, &e.exit,
				&e.enrolledAt, &e.exitedAt, &e.voided, &e.createdByID, &e.lastModifiedByID, &e.savedAt)
			list(keep(f.enrolments, e.id, e))
			return err
		})
	})
}

const visitColumns = `uuid, name, encounter_type_id, observations, cancel_observations, earliest_visit_date_time,
	max_visit_date_time, encounter_date_time, cancel_date_time, is_voided, created_by_id, last_modified_by_id, last_modified_date_time`

func (v *visitRow) targets() []any {
	return []any{&v.id, &v.subjectID, &v.enrolmentID, &v.uuid, &v.name, &v.typeID, &v.observations, &v.cancel, &v.earliest,
		&v.max, &v.happened, &v.cancelledAt, &v.voided, &v.createdByID, &v.lastModifiedByID, &v.savedAt}
}

func (f *family) queueEncounters(b *pgx.Batch, org Organisation, which string, ids []int64, list func(*visitRow)) {
	queueVisits(b, `select id, individual_id, 0::bigint, `+visitColumns+` from encounter where `+which, org, ids, f.encounters, list)
}

func (f *family) queueProgramEncounters(b *pgx.Batch, org Organisation, which string, ids []int64, list func(*visitRow)) {
	queueVisits(b, `select id, individual_id, program_enrolment_id, `+visitColumns+` from program_encounter where `+which, org, ids, f.programEncounters, list)
}

func queueVisits(b *pgx.Batch, sql string, org Organisation, ids []int64, into map[int64]*visitRow, list func(*visitRow)) {
	b.Queue(sql+` and organisation_id = $2 order by id`, ids, org.ID).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			v := &visitRow{}
			err := rows.Scan(v.targets()...)
			list(keep(into, v.id, v))
			return err
		})
	})
}

// keep returns the row that was read first: within a batch a row does not change.
func keep[T any](rows map[int64]*T, id int64, read *T) *T {
	if have := rows[id]; have != nil {
		return have
	}
	rows[id] = read
	return read
}

func (f *family) queueMemberships(b *pgx.Batch, org Organisation, subjects []int64) {
	b.Queue(`select g.uuid, g.group_subject_id, g.member_subject_id, g.membership_start_date, g.membership_end_date, g.is_voided,
			r.uuid, r.role, r.group_subject_type_id, r.member_subject_type_id, r.is_primary, r.is_voided,
			r.maximum_number_of_members::float8, r.minimum_number_of_members::float8
		from group_subject g join group_role r on r.id = g.group_role_id
		where g.member_subject_id = any($1) and g.organisation_id = $2 order by g.id`,
		subjects, org.ID).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			m := &membershipRow{}
			err := rows.Scan(&m.uuid, &m.groupID, &m.memberID, &m.started, &m.ended, &m.voided,
				&m.roleUUID, &m.role, &m.groupTypeID, &m.memberTypeID, &m.primary, &m.roleVoided, &m.maximum, &m.minimum)
			f.membershipsOf[m.memberID] = append(f.membershipsOf[m.memberID], m)
			return err
		})
	})
}

func (f *family) queueApprovals(b *pgx.Batch, org Organisation, subjects []int64) {
	b.Queue(`select e.entity_type, e.entity_id, e.uuid, e.approval_status_comment, e.auto_approved, e.status_date_time,
			a.id, a.uuid, a.status, a.created_date_time, a.last_modified_date_time, a.is_voided
		from entity_approval_status e join approval_status a on a.id = e.approval_status_id
		where e.individual_id = any($1) and e.organisation_id = $2 and not e.is_voided
		  and e.entity_type in ('Subject', 'ProgramEnrolment', 'Encounter') order by e.id`,
		subjects, org.ID).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			a := &approvalRow{}
			err := rows.Scan(&a.of.entityType, &a.of.id, &a.uuid, &a.comment, &a.automatic, &a.at,
				&a.statusID, &a.statusUUID, &a.status, &a.statusCreated, &a.statusModified, &a.statusVoided)
			f.approvalsOf[a.of] = append(f.approvalsOf[a.of], a)
			return err
		})
	})
}

// queueUsers reads users by id, and those who last saved the entities.
func (f *family) queueUsers(b *pgx.Batch, org Organisation, t EntityType, entities, users []int64) {
	wanted := `in (select unnest($1::bigint[]) union select last_modified_by_id from ` + tableOf[t] + ` where id = any($2))`
	b.Queue(`select u.id, u.uuid, u.name, u.username, coalesce(u.organisation_id, 0), coalesce(o.name, ''),
			u.settings, u.sync_settings, u.is_voided, u.created_by_id, u.last_modified_by_id, u.created_date_time
		from users u left join organisation o on o.id = u.organisation_id where u.id `+wanted,
		users, entities).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			u := &userRow{}
			err := rows.Scan(&u.id, &u.uuid, &u.name, &u.username, &u.organisationID, &u.organisationName,
				&u.settings, &u.syncSettings, &u.voided, &u.createdByID, &u.lastModifiedByID, &u.createdAt)
			f.users[u.id] = u
			return err
		})
	})
	b.Queue(`select m.user_id, m.uuid, g.uuid, g.name, g.id from user_group m join groups g on g.id = m.group_id
		where not m.is_voided and m.organisation_id = $3 and m.user_id `+wanted+` order by m.id`,
		users, entities, org.ID).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			var user int64
			var g userGroupRow
			err := rows.Scan(&user, &g.uuid, &g.groupUUID, &g.groupName, &g.groupID)
			if u := f.users[user]; u != nil {
				u.groups = append(u.groups, g)
			}
			return err
		})
	})
}
