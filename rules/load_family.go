package rules

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// family is the rows that a batch of entities of one type needs: the entities, their
// subjects and of what hangs under those the parts that were read. Ids are of Avni's own
// tables, which number their rows independently.
type family struct {
	subjects          map[int64]*subjectRow // the entities' subjects, and the groups they belong to
	enrolments        map[int64]*enrolmentRow
	encounters        map[int64]*visitRow
	programEncounters map[int64]*visitRow
	users             map[int64]*userRow

	enrolmentsOf        map[int64][]*enrolmentRow  // by subject
	encountersOf        map[int64][]*visitRow      // by subject
	programEncountersOf map[int64][]*visitRow      // by enrolment
	membershipsOf       map[int64][]*membershipRow // by member
	approvalsOf         map[approvable][]*approvalRow
}

// approvable is what an approval status belongs to.
type approvable struct {
	entityType EntityType
	id         int64
}

type subjectRow struct {
	id                            int64
	uuid                          string
	typeID                        int32
	firstName, middleName, last   *string
	picture                       *string
	birth                         *time.Time
	registered                    time.Time
	genderID                      int64
	voided                        bool
	createdByID, lastModifiedByID int64
	savedAt                       time.Time
	observations                  []byte
	address                       *addressRow // nil: not read, or none
}

// addressRow is the subject's address_level, zero if it has none.
type addressRow struct {
	uuid, title              string
	version                  int64
	organisationID, parentID int64
	level                    float64
}

type enrolmentRow struct {
	id, subjectID                 int64
	uuid                          string
	programID                     int32
	observations, exit            []byte
	enrolledAt                    time.Time
	exitedAt                      *time.Time
	voided                        bool
	createdByID, lastModifiedByID int64
	savedAt                       time.Time
}

// visitRow is an encounter or a program encounter.
type visitRow struct {
	id, subjectID                 int64
	enrolmentID                   int64 // 0 for an encounter
	uuid                          string
	name                          *string
	typeID                        int32
	observations, cancel          []byte
	earliest, max, happened       *time.Time
	cancelledAt                   *time.Time
	voided                        bool
	createdByID, lastModifiedByID int64
	savedAt                       time.Time
}

// membershipRow is a group_subject row with its group_role.
type membershipRow struct {
	uuid                      string
	groupID, memberID         int64
	started, ended            *time.Time
	voided                    bool
	roleUUID                  string
	role                      *string
	groupTypeID, memberTypeID int64
	primary, roleVoided       bool
	maximum, minimum          float64
}

type approvalRow struct {
	of                            approvable
	uuid                          string
	comment                       *string
	automatic                     bool
	at                            time.Time
	statusID                      int64
	statusUUID, status            string
	statusCreated, statusModified time.Time
	statusVoided                  bool
}

type userRow struct {
	id                            int64
	uuid, name, username          string
	organisationID                int32
	organisationName              string
	settings, syncSettings        []byte
	voided                        bool
	createdByID, lastModifiedByID int64
	createdAt                     time.Time
	groups                        []userGroupRow
}

type userGroupRow struct {
	uuid, groupUUID, groupName string
	groupID                    int64
}

// stored returns every jsonb value that holds observations.
func (f *family) stored() [][]byte {
	var all [][]byte
	for _, s := range f.subjects {
		all = append(all, s.observations)
	}
	for _, e := range f.enrolments {
		all = append(all, e.observations, e.exit)
	}
	for _, v := range f.encounters {
		all = append(all, v.observations, v.cancel)
	}
	for _, v := range f.programEncounters {
		all = append(all, v.observations, v.cancel)
	}
	return all
}

// tableOf is where the rows of an entity type are.
var tableOf = map[EntityType]string{
	Subject:          "individual",
	ProgramEnrolment: "program_enrolment",
	Encounter:        "encounter",
	ProgramEncounter: "program_encounter",
	User:             "users",
}

// readFamily reads entities of one type and what they hang under, in one round trip.
func (l *Loader) readFamily(ctx context.Context, org Organisation, t EntityType, ids []int64) (*family, error) {
	f := &family{
		subjects: map[int64]*subjectRow{}, enrolments: map[int64]*enrolmentRow{}, encounters: map[int64]*visitRow{},
		programEncounters: map[int64]*visitRow{}, users: map[int64]*userRow{}, enrolmentsOf: map[int64][]*enrolmentRow{},
		encountersOf: map[int64][]*visitRow{}, programEncountersOf: map[int64][]*visitRow{},
		membershipsOf: map[int64][]*membershipRow{}, approvalsOf: map[approvable][]*approvalRow{},
	}
	b := &pgx.Batch{}
	if t == User {
		f.queueUsers(b, org, t, ids, append(ids[:len(ids):len(ids)], org.AvniSystemUserID))
		return f, l.pool.SendBatch(ctx, b).Close()
	}
	switch t {
	case ProgramEnrolment:
		f.queueEnrolments(b, org, byID, ids, unlisted)
	case Encounter:
		f.queueEncounters(b, org, byID, ids, unlisted)
	case ProgramEncounter:
		f.queueProgramEncounters(b, org, byID, ids, unlisted)
		f.queueEnrolments(b, org, enrolmentsOfVisit, ids, unlisted)
	}
	f.queueSubjects(b, org, t, ids)
	f.queueUsers(b, org, t, ids, []int64{org.AvniSystemUserID})
	return f, l.pool.SendBatch(ctx, b).Close()
}

// The lists that a row goes into when it is read as a part.
func (f *family) listEnrolment(e *enrolmentRow) {
	f.enrolmentsOf[e.subjectID] = append(f.enrolmentsOf[e.subjectID], e)
}

func (f *family) listEncounter(v *visitRow) {
	f.encountersOf[v.subjectID] = append(f.encountersOf[v.subjectID], v)
}

func (f *family) listProgramEncounter(v *visitRow) {
	f.programEncountersOf[v.enrolmentID] = append(f.programEncountersOf[v.enrolmentID], v)
}

func unlisted[T any](*T) {}
