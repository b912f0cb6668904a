package rules

import (
	"sync"
	"sync/atomic"
)

// A part is what of an entity is read only for rules that touch it.
type part int

const (
	addressPart           part = iota // of subjects
	enrolmentsPart                    // of subjects
	encountersPart                    // of subjects
	programEncountersPart             // of enrolments
	groupsPart                        // that subjects are members of
	approvalsPart                     // of subjects, enrolments and encounters
	partCount
)

func (p part) String() string {
	return [partCount]string{"addresses", "enrolments", "encounters", "program encounters", "groups", "approval statuses"}[p]
}

// partSet has a bit for each part.
type partSet uint

func (s partSet) has(p part) bool         { return s&(1<<p) != 0 }
func (s partSet) with(p part) partSet     { return s | 1<<p }
func (s partSet) minus(t partSet) partSet { return s &^ t }

// An audience is the rules that entities are loaded for: the schedule rules of a type, or
// one message rule.
type audience struct {
	organisationID int32
	entityType     EntityType
	typeID         int32
	ruleID         int64 // of the message rule, 0 for schedule rules
}

// keptFor is for how many loads a part is read in advance after a rule has touched it. A
// rule that touches one more rarely has it read when it does.
const keptFor = 100

// A habit is what an audience touches. Safe for concurrent use; a nil *habit keeps nothing.
type habit struct {
	loads   atomic.Int64
	touched [partCount]atomic.Int64 // the number of the load; 0: never
}

// expected counts a load, and says which parts it should include.
func (h *habit) expected() (expected partSet) {
	n := h.loads.Add(1)
	for p := range partCount {
		if last := h.touched[p].Load(); last != 0 && n-last <= keptFor {
			expected = expected.with(p)
		}
	}
	return expected
}

func (h *habit) touch(p part) {
	if h != nil {
		h.touched[p].Store(h.loads.Load())
	}
}

// maxHabits is how many audiences are remembered. They are learnt anew within a load each,
// so that they may simply be forgotten when there are too many.
const maxHabits = 10_000

// A history remembers the habits of audiences. Safe for concurrent use.
type history struct {
	mu     sync.Mutex
	habits map[audience]*habit
}

func (h *history) of(a audience) *habit {
	h.mu.Lock()
	defer h.mu.Unlock()
	if known := h.habits[a]; known != nil {
		return known
	}
	if len(h.habits) >= maxHabits || h.habits == nil {
		h.habits = map[audience]*habit{}
	}
	made := &habit{}
	h.habits[a] = made
	return made
}
