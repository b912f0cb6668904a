package rules

import (
	"time"
)

// A touchLog notes which parts one evaluation touches, where in the rule, and for how long
// it waits while they are read. For one goroutine; a nil *touchLog notes nothing.
type touchLog struct {
	first  []touch // of each part, in the order in which they were touched
	waited time.Duration
}

type touch struct {
	part         part
	line, column int // in the rule's text; 0: not by a statement of its own
}

func (l *touchLog) touch(p part, runtime *jsRuntime) {
	if l == nil || l.at(p) != nil {
		return
	}
	line, column := runtime.rulePosition()
	l.first = append(l.first, touch{p, line, column})
}

// at is the first touch of a part, nil if there was none.
func (l *touchLog) at(p part) *touch {
	for i := range l.first {
		if l.first[i].part == p {
			return &l.first[i]
		}
	}
	return nil
}

// waiting begins to count; what it returns ends that.
func (l *touchLog) waiting() func() {
	if l == nil {
		return func() {}
	}
	start := time.Now()
	return func() { l.waited += time.Since(start) }
}

// rulePosition is where in the rule's text the evaluation is; zero if it is not in it.
func (v *jsRuntime) rulePosition() (line, column int) {
	for _, frame := range v.js.CaptureCallStack(0, nil) {
		if at := frame.Position(); frame.SrcName() == ruleFile && at.Line > 1 { // the first line is put before the rule
			return at.Line - 1, at.Column
		}
	}
	return 0, 0
}

// Loaded is what was read of Avni's tables for a script, in one go.
type Loaded struct {
	What    string      `json:"what"` // the entity, one of its parts, or definitions
	Tables  []TableRows `json:"tables"`
	Touched bool        `json:"touched"`        // the part was, by the rule
	Line    int         `json:"line,omitempty"` // of the rule, where that was first; 0: not by a statement of its own
	Column  int         `json:"column,omitempty"`
}

// TableRows is how many rows were read of a table.
type TableRows struct {
	Table string `json:"table"`
	Rows  int    `json:"rows"`
}

// loaded is what has been read for the batch of an entity, which is the only one in it.
func (e *entity) loaded(t EntityType, log *touchLog) []Loaded {
	c := e.batch
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []Loaded{{What: "the entity", Tables: c.entityRows(t)}}
	for _, first := range log.first {
		all = append(all, Loaded{What: first.part.String(), Tables: c.partRows(first.part), Line: first.line, Column: first.column, Touched: true})
	}
	for p := range partCount {
		if c.parts.has(p) && log.at(p) == nil {
			all = append(all, Loaded{What: p.String(), Tables: c.partRows(p)})
		}
	}
	return append(all, Loaded{What: "definitions", Tables: c.ref.rows()})
}

func (c *contracts) entityRows(t EntityType) []TableRows {
	groups := 0
	for _, u := range c.family.users {
		groups += len(u.groups)
	}
	users := []TableRows{{"users", len(c.family.users)}, {"user_group", groups}}
	if t == User {
		return users
	}
	tables := []TableRows{{"individual", len(c.subjectIDs)}}
	switch t {
	case ProgramEnrolment:
		tables = append(tables, TableRows{"program_enrolment", 1})
	case Encounter:
		tables = append(tables, TableRows{"encounter", 1})
	case ProgramEncounter:
		tables = append(tables, TableRows{"program_encounter", 1}, TableRows{"program_enrolment", len(c.enrolmentIDs)})
	}
	return append(tables, users...)
}

func (c *contracts) partRows(p part) []TableRows {
	f := c.family
	switch p {
	case addressPart:
		return []TableRows{{"address_level", countIf(c.subjectIDs, func(id int64) bool {
			s := f.subjects[id]
			return s != nil && s.address != nil && s.address.uuid != ""
		})}}
	case enrolmentsPart:
		return []TableRows{{"program_enrolment", total(f.enrolmentsOf)}}
	case encountersPart:
		return []TableRows{{"encounter", total(f.encountersOf)}}
	case programEncountersPart:
		return []TableRows{{"program_encounter", total(f.programEncountersOf)}}
	case groupsPart:
		return []TableRows{{"group_subject", total(f.membershipsOf)}, {"individual", len(f.subjects) - len(c.subjectIDs)}}
	case approvalsPart:
		return []TableRows{{"entity_approval_status", total(f.approvalsOf)}}
	}
	return nil
}

// rows is what is kept of an organisation's definitions for all its entities.
func (r *reference) rows() []TableRows {
	r.mu.RLock()
	defer r.mu.RUnlock()
	concepts := 0
	for _, c := range r.concepts {
		if c != nil {
			concepts++
		}
	}
	return []TableRows{{"subject_type", len(r.subjectTypes)}, {"operational_program", len(r.programs)},
		{"encounter_type", len(r.encounterTypes)}, {"gender", len(r.genders)}, {"concept", concepts}}
}

func total[K comparable, R any](lists map[K][]R) (n int) {
	for _, list := range lists {
		n += len(list)
	}
	return n
}

func countIf(ids []int64, counts func(int64) bool) (n int) {
	for _, id := range ids {
		if counts(id) {
			n++
		}
	}
	return n
}
