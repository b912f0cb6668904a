package rules

import (
	"time"

	"avni-messenger/cdc"
)

// queued is a request that is there, or would be.
type queued struct {
	at time.Time
	to receiver
}

// theirs is a request of avni-server's that counts.
type theirs struct {
	queued
	id          int64
	status      string
	createdAt   time.Time
	modifiedAt  time.Time
	deliveredAt time.Time // zero: not sent
}

// written is when avni-server gave the request its time, as far as can be told: a later
// attempt to send it hides that.
func (t theirs) written() time.Time {
	if t.status == statusNotSent {
		return t.modifiedAt
	}
	return t.createdAt
}

// comparison is what is known of one rule and entity.
type comparison struct {
	ruleID         int64
	table          cdc.Table
	entityID       int64
	organisationID int32

	evaluatedAt time.Time
	committedAt time.Time // zero: not evaluated
	outcome     string
	reason      string
	messaging   bool
	ours        *queued // nil: none
	theirs      *theirs // nil: none that counts
	requestID   int64   // of theirs, or of one that was voided; 0: there is none
	rows        int     // how many of theirs count

	ruleVoided bool
	ruleSaved  time.Time
	awaited    bool // a newer change of the entity waits in the inbox
	young      bool // the evaluation is too recent for a difference to count
}

func (c comparison) failed() bool    { return c.outcome == string(outcomeFailed.compared()) }
func (c comparison) evaluated() bool { return c.outcome != parityNotEvaluated }

// wanted is what we would have by now: nothing any more of a rule that was voided since.
func (c comparison) wanted() *queued {
	if c.ruleVoided {
		return nil
	}
	return c.ours
}

// agrees is true where both have the same, or both leave it alone.
func (c comparison) agrees() bool {
	if c.theirs != nil && !c.committedAt.IsZero() && !c.theirs.deliveredAt.IsZero() && c.theirs.deliveredAt.Before(c.committedAt) {
		return true // sent before the change
	}
	ours := c.wanted()
	switch {
	case c.failed() || c.rows > 1:
		return false
	case ours == nil || c.theirs == nil:
		return ours == nil && c.theirs == nil
	}
	return ours.to == c.theirs.to && sameSecond(ours.at, c.theirs.at)
}

func sameSecond(x, y time.Time) bool {
	return x.Truncate(time.Second).Equal(y.Truncate(time.Second))
}

const (
	// saveTakes is how long before its rows are written avni-server may have taken the time
	// of a save.
	saveTakes = 2 * time.Second
	// clocksDiffer is by how much the clocks of avni-server and PostgreSQL may differ.
	clocksDiffer = 30 * time.Second
)

// judge compares, knowing the facts. The verdict is same, or different for a cause.
func (c comparison) judge(f facts) (parityVerdict, Cause) {
	switch {
	case c.agrees():
		return paritySame, ""
	case c.failed() && !c.ruleVoided:
		if f.failedThere || f.unreadable {
			return paritySame, "" // neither has changed anything
		}
		return parityDifferent, CauseFailedHere
	}
	ours := c.wanted()
	switch {
	case ours == nil && c.theirs == nil:
		return paritySame, ""
	case ours == nil:
		return parityDifferent, c.onlyTheirs(f)
	case c.theirs == nil:
		return parityDifferent, c.onlyOurs(f)
	case ours.to != c.theirs.to:
		return parityDifferent, c.otherReceiver()
	case !sameSecond(ours.at, c.theirs.at):
		return parityDifferent, c.otherTime(f)
	}
	return parityDifferent, CauseDuplicate
}

// onlyOurs is why avni-server has nothing that counts.
func (c comparison) onlyOurs(f facts) Cause {
	cause, unseen := f.notEvaluatedThere()
	switch {
	case c.table == cdc.Users:
		return CauseUserCreated
	case !c.messaging:
		return CauseMessagingOff
	case c.requestID != 0 && f.twinVoided:
		return CauseVoidedByID
	case c.requestID != 0:
		return CauseUnvoided
	case f.failedThere || f.unreadable:
		return CauseFailedThere
	case unseen:
		return cause
	case c.ruleSaved.After(f.savedAt):
		return CauseRuleEdited
	case c.table == cdc.ProgramEncounter && f.cancelled:
		return CauseCancelDate
	case f.relativeSaved:
		return CauseFresherData
	}
	return ""
}

// onlyTheirs is why avni-server has something that we would not have.
func (c comparison) onlyTheirs(f facts) Cause {
	written := c.theirs.written()
	lastSave := !written.Before(f.savedAt.Add(-saveTakes)) // the last save gave it its time
	switch {
	case c.ruleVoided:
		return CauseRuleVoided
	case f.parentVoided:
		return CauseChildOfVoided
	case f.voided:
		return CauseVoidedBySQL
	case c.ruleSaved.After(written) && (!c.evaluated() || c.ruleSaved.Before(c.evaluatedAt)):
		return CauseRuleEdited
	case c.writtenUnseen(f):
		return CauseNothingDirty
	case !c.evaluated():
		return ""
	case lastSave && c.table == cdc.ProgramEncounter && f.cancelled:
		return CauseCancelDate
	case !lastSave:
		return CauseNotWithdrawn
	case f.relativeSaved:
		return CauseFresherData
	}
	return ""
}

// otherReceiver is why the receivers differ. That of a request never changes, there as here.
func (c comparison) otherReceiver() Cause {
	if c.ruleSaved.After(c.theirs.createdAt) {
		return CauseRuleEdited
	}
	return ""
}

// otherTime is why the times differ.
func (c comparison) otherTime(f facts) Cause {
	cause, unseen := f.notEvaluatedThere()
	switch {
	case c.writtenUnseen(f):
		return CauseNothingDirty
	case c.countsFromNow(f):
		return CauseCountsFromNow
	case byZone(c.ours.at, c.theirs.at):
		return CauseTimezone
	case !c.messaging:
		return CauseMessagingOff
	case f.failedThere || f.unreadable:
		return CauseFailedThere
	case c.ruleSaved.After(f.savedAt):
		return CauseRuleEdited
	case unseen:
		return cause
	case c.table == cdc.ProgramEncounter && f.cancelled:
		return CauseCancelDate
	case f.relativeSaved:
		return CauseFresherData
	}
	return ""
}

// writtenUnseen is true of a request that avni-server wrote when the entity did not change,
// and after it was evaluated here.
func (c comparison) writtenUnseen(f facts) bool {
	written := c.theirs.written()
	return f.savedAt.Before(written.Add(-clocksDiffer)) && (!c.evaluated() || c.evaluatedAt.Before(written.Add(-clocksDiffer)))
}

// countsFromNow is true where the times are as far apart as the evaluations were.
func (c comparison) countsFromNow(f facts) bool {
	apart := c.ours.at.Sub(c.theirs.at)
	for _, ran := range []time.Time{f.savedAt, c.theirs.createdAt, c.theirs.modifiedAt} {
		if (apart - c.evaluatedAt.Sub(ran)).Abs() <= clocksDiffer {
			return true
		}
	}
	return false
}

// byZone is true of times that differ by the offset of the local zone, or by what is left
// of a day: as one rule names them that is run in two zones.
func byZone(ours, theirs time.Time) bool {
	_, seconds := ours.In(time.Local).Zone()
	offset := (time.Duration(seconds) * time.Second).Abs()
	apart := ours.Sub(theirs).Abs().Round(time.Second)
	return offset != 0 && (apart == offset || apart == 24*time.Hour-offset)
}
