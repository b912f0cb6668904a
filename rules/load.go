package rules

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Loader reads entities from Avni's tables and makes of them what avni-server sends to
// rules-server: for a batch of one type, one query per table, and only those tables that
// rules look at. What hangs under an entity is read together with it if rules like those it
// is read for have touched that lately, and otherwise for the whole batch when one does.
//
// Each query sees what is committed when it starts. A part that is read when a rule touches
// it is younger than the rest of the entity, by the time that the batch took so far; rows
// that were read before stay as they are.
//
// Definitions (types, concepts) are cached per organisation. A Loader is safe for concurrent
// use; the entities of one load are too, but wait for each other's queries.
type Loader struct {
	pool *pgxpool.Pool
	now  func() time.Time

	history history

	mu         sync.Mutex
	references map[int32]*reference
	generation uint64 // grows with every Forget
}

// NewLoader returns a loader that reads through the pool.
func NewLoader(pool *pgxpool.Pool) *Loader {
	return &Loader{pool: pool, now: time.Now, references: map[int32]*reference{}}
}

// Forget drops what is cached of an organisation's definitions, and of those who see
// them, because a concept or a type of it changed. The next load reads them again.
func (l *Loader) Forget(organisationID int32) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.generation++
	for id, r := range l.references {
		if r.org.sees(organisationID) {
			delete(l.references, id)
		}
	}
}

// entity is one of Avni's entities: what the rule sees, and what the effects need.
type entity struct {
	id     int64
	uuid   string
	typeID int32
	voided bool

	subjectID       int64 // of a subject: itself; of a user: 0
	subjectVoided   bool
	enrolmentID     int64 // of an enrolment: itself; 0 where there is none
	enrolmentVoided bool

	createdByID int64
	// actingUserID may be written to created_by_id: who saved the entity last, or the
	// organisation's system user if avni-server could not show that user to it.
	actingUserID int64
	savedBy      int64     // users.id of who saved it last
	savedAt      time.Time // by avni-server's clock; of a user: when it was made

	contract   *Record
	user       *Record    // the acting user (params.user)
	userGroups List       // and the groups (params.myUserGroups)
	habit      *habit     // of the rules that it was loaded for
	batch      *contracts // that it was read with
}

// input is what a rule sees of the entity.
func (e *entity) input(t EntityType) Input {
	return Input{EntityType: t, Entity: e.contract, User: e.user, UserGroups: e.userGroups, habit: e.habit}
}

// withdrawn says why no message may be sent about the entity, or is empty.
func (e *entity) withdrawn(t EntityType) string {
	switch {
	case e.voided:
		return fmt.Sprintf("%s %d is voided", t, e.id)
	case e.enrolmentVoided:
		return fmt.Sprintf("%s %d is voided", ProgramEnrolment, e.enrolmentID)
	case e.subjectVoided:
		return fmt.Sprintf("%s %d is voided", Subject, e.subjectID)
	}
	return ""
}

// actor says who acts, as far as rules can see (params.user).
type actor int

const (
	lastSaver  actor = iota // whoever saved the entity last: while it is being saved
	systemUser              // Avni's system user: while messages are sent
)

// load reads entities of one type by id, for their schedule rules. One that does not exist,
// or belongs to another organisation, is missing from the answer. The context is that of
// reading here; what is read later ends with the evaluation's.
func (l *Loader) load(ctx context.Context, org Organisation, t EntityType, ids []int64, who actor) (map[int64]*entity, error) {
	return l.loadFor(ctx, org, t, ids, who, 0)
}

// loadFor is load for one message rule.
func (l *Loader) loadFor(ctx context.Context, org Organisation, t EntityType, ids []int64, who actor, messageRuleID int64) (map[int64]*entity, error) {
	f, err := l.readFamily(ctx, org, t, ids)
	if err != nil {
		return nil, fmt.Errorf("read %s of organisation %d: %w", t, org.ID, err)
	}
	r, err := l.reference(ctx, org)
	if err != nil {
		return nil, err
	}
	c := l.contracts(f, r)
	if err := c.readDefinitions(ctx); err != nil {
		return nil, err
	}
	found := make(map[int64]*entity, len(ids))
	for _, id := range ids {
		if e := c.entity(t, id); e != nil {
			c.setActingUser(e, who)
			e.batch = c
			found[id] = e
		}
	}
	if expected := l.expected(found, audience{organisationID: org.ID, entityType: t, ruleID: messageRuleID}); t != User && expected != 0 {
		err = c.readParts(ctx, expected)
	}
	return found, err
}

// expected says what the rules of entities will probably touch. Of several types, it is what
// those of any touch.
func (l *Loader) expected(entities map[int64]*entity, a audience) (expected partSet) {
	habits := map[int32]*habit{} // by type
	for _, e := range entities {
		if habits[e.typeID] == nil {
			a.typeID = e.typeID
			habits[e.typeID] = l.history.of(a)
			expected |= habits[e.typeID].expected()
		}
		e.habit = habits[e.typeID]
	}
	return expected
}

// missing returns the definitions that a family refers to and that are not cached.
func (r *reference) missing(f *family) []definition {
	var missing []definition
	want := func(table string, id int64) {
		if d := (definition{table, id}); !r.has(d) {
			missing = append(missing, d)
		}
	}
	for _, s := range f.subjects {
		want("subject_type", int64(s.typeID))
		want("gender", s.genderID)
	}
	for _, e := range f.enrolments {
		want("program", int64(e.programID))
	}
	for _, v := range f.encounters {
		want("encounter_type", int64(v.typeID))
	}
	for _, v := range f.programEncounters {
		want("encounter_type", int64(v.typeID))
	}
	return missing
}

// eachRow calls f for every row; f scans it.
func eachRow(rows pgx.Rows, f func() error) error {
	for rows.Next() {
		if err := f(); err != nil {
			return err
		}
	}
	return rows.Err()
}
