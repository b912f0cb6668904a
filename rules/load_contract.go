package rules

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// The fields of the contract, in the order in which avni-server's JSON has them.
var (
	subjectFields = []string{"uuid", "firstName", "middleName", "lastName", "profilePicture", "dateOfBirth", "gender",
		"registrationDate", "lowestAddressLevel", "observations", "voided", "registrationLocation", "subjectType", "rule",
		"enrolments", "encounters", "visitSchedules", "groups", "entityApprovalStatuses"}
	subjectTypeFields = []string{"name", "uuid", "type", "allowEmptyLocation", "allowMiddleName", "lastNameOptional",
		"allowProfilePicture", "uniqueName", "shouldSyncByLocation", "attendanceEnabled", "household",
		"directlyAssignable", "group", "voided"}
	fullSubjectTypeFields = []string{"name", "uuid", "active", "type", "allowEmptyLocation", "allowMiddleName",
		"lastNameOptional", "allowProfilePicture", "uniqueName", "shouldSyncByLocation", "attendanceEnabled",
		"household", "directlyAssignable", "group", "voided"}
	enrolmentFields = []string{"subject", "rule", "visitSchedules", "enrolmentDateTime", "programExitDateTime", "uuid",
		"voided", "programEncounters", "observations", "exitObservations", "operationalProgramName", "checklistDetails",
		"entityApprovalStatuses"}
	encounterFields = []string{"observations", "rule", "subject", "uuid", "name", "encounterType", "cancelDateTime",
		"earliestVisitDateTime", "maxVisitDateTime", "encounterDateTime", "cancelObservations", "voided",
		"visitSchedules", "entityApprovalStatuses"}
	programEncounterFields = []string{"observations", "rule", "programEnrolment", "visitSchedules", "name", "uuid",
		"cancelDateTime", "earliestVisitDateTime", "maxVisitDateTime", "cancelObservations", "encounterType",
		"encounterDateTime", "voided", "entityApprovalStatuses"}
	encounterTypeFields   = []string{"name", "uuid", "active", "immutable"}
	operationalTypeFields = []string{"name", "uuid"}
	genderFields          = []string{"uuid", "name", "voided"}
	membershipFields      = []string{"uuid", "groupSubject", "memberSubject", "groupRole", "membershipStartDate",
		"membershipEndDate", "voided"}
	roleFields = []string{"uuid", "groupSubjectType", "memberSubjectType", "role", "primary", "maximumNumberOfMembers",
		"minimumNumberOfMembers", "voided"}
	approvalFields = []string{"uuid", "entityType", "approvalStatusComment", "autoApproved", "voided", "entityUUID",
		"approvalStatus", "statusDateTime"}
	approvalStatusFields = []string{"id", "uuid", "status", "createdDateTime", "lastModifiedDateTime", "voided"}
	userFields           = []string{"uuid", "name", "username", "organisationName", "settings", "syncSettings",
		"groupIds", "userGroupNames"}
	userGroupFields   = []string{"uuid", "groupUuid", "groupName", "voided"}
	observationFields = []string{"concept", "value"}
	conceptFields     = []string{"uuid", "name", "datatype", "lowAbsolute", "hiAbsolute", "lowNormal", "unit", "keyValues",
		"voided", "answers"}
	answerFields = []string{"uuid", "concept", "answerOrder", "abnormal", "unique", "voided"}
)

// newRecord makes a record of as many fields as values. Records of one shape share
// their field names.
func newRecord(fields []string, values ...any) *Record {
	return &Record{names: fields, values: values}
}

// value is what a nullable column holds, nil for null.
func value[T any](column *T) any {
	if column == nil {
		return nil
	}
	return *column
}

// dateTime is how avni-server writes a time: UTC, cut to milliseconds.
func dateTime(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

// date is how avni-server writes a day.
func date(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.Format(time.DateOnly)
}

// contracts makes the contracts of one batch. Subjects are shared between entities.
type contracts struct {
	loader       *Loader
	family       *family
	subjectIDs   []int64           // of the entities
	enrolmentIDs []int64           // of program encounters, or the entities
	subjects     map[int64]*Record // with enrolments, encounters, groups and approvals

	mu      sync.Mutex // of what follows, and of the family
	ref     *reference
	briefs  map[int64]*Record // subjects without those
	parts   partSet           // that have been read
	trouble error             // why nothing more can be read
}

func (l *Loader) contracts(f *family, r *reference) *contracts {
	return &contracts{loader: l, family: f, ref: r, subjects: map[int64]*Record{}, briefs: map[int64]*Record{},
		subjectIDs: slices.Collect(maps.Keys(f.subjects)), enrolmentIDs: slices.Collect(maps.Keys(f.enrolments))}
}

// entity returns an entity of the batch, nil if its row is not there.
func (c *contracts) entity(t EntityType, id int64) *entity {
	switch t {
	case Subject:
		return c.subjectEntity(id)
	case ProgramEnrolment:
		return c.enrolmentEntity(id)
	case Encounter:
		return c.encounterEntity(id)
	case ProgramEncounter:
		return c.programEncounterEntity(id)
	case User:
		return c.userEntity(id)
	}
	return nil
}

func (c *contracts) subjectEntity(id int64) *entity {
	s := c.family.subjects[id]
	if s == nil {
		return nil
	}
	return &entity{id: id, uuid: s.uuid, typeID: s.typeID, voided: s.voided, subjectID: id, subjectVoided: s.voided,
		createdByID: s.createdByID, actingUserID: s.lastModifiedByID, savedAt: s.savedAt, contract: c.subject(id)}
}

func (c *contracts) enrolmentEntity(id int64) *entity {
	row := c.family.enrolments[id]
	if row == nil {
		return nil
	}
	return &entity{id: id, uuid: row.uuid, typeID: row.programID, voided: row.voided,
		subjectID: row.subjectID, subjectVoided: c.subjectVoided(row.subjectID), enrolmentID: id, enrolmentVoided: row.voided,
		createdByID: row.createdByID, actingUserID: row.lastModifiedByID, savedAt: row.savedAt, contract: c.enrolmentContract(row)}
}

func (c *contracts) encounterEntity(id int64) *entity {
	row := c.family.encounters[id]
	if row == nil {
		return nil
	}
	return &entity{id: id, uuid: row.uuid, typeID: row.typeID, voided: row.voided,
		subjectID: row.subjectID, subjectVoided: c.subjectVoided(row.subjectID),
		createdByID: row.createdByID, actingUserID: row.lastModifiedByID, savedAt: row.savedAt,
		contract: c.encounter(row, c.subject(row.subjectID))}
}

func (c *contracts) programEncounterEntity(id int64) *entity {
	row := c.family.programEncounters[id]
	if row == nil {
		return nil
	}
	enrolment := c.family.enrolments[row.enrolmentID]
	return &entity{id: id, uuid: row.uuid, typeID: row.typeID, voided: row.voided,
		subjectID: row.subjectID, subjectVoided: c.subjectVoided(row.subjectID),
		enrolmentID: row.enrolmentID, enrolmentVoided: enrolment != nil && enrolment.voided,
		createdByID: row.createdByID, actingUserID: row.lastModifiedByID, savedAt: row.savedAt,
		contract: c.programEncounterContract(row, enrolment)}
}

func (c *contracts) userEntity(id int64) *entity {
	u := c.family.users[id]
	if u == nil || u.organisationID != c.ref.org.ID {
		return nil
	}
	return &entity{id: id, uuid: u.uuid, voided: u.voided, createdByID: u.createdByID, actingUserID: u.lastModifiedByID, savedAt: u.createdAt,
		contract: u.contract()}
}

func (c *contracts) subjectVoided(id int64) bool {
	s := c.family.subjects[id]
	return s != nil && s.voided
}

// setActingUser settles for whom requests are written: the user must be one whom
// avni-server can show to the organisation, else its message screens fail.
func (c *contracts) setActingUser(e *entity, who actor) {
	e.savedBy = e.actingUserID
	u := c.family.users[e.actingUserID]
	system := c.ref.org.AvniSystemUserID
	if system != 0 && (who == systemUser || u == nil || !c.ref.org.sees(u.organisationID)) {
		e.actingUserID = system
		u = c.family.users[system]
	}
	if u != nil {
		e.user, e.userGroups = u.contract(), u.groupContracts()
	}
}
