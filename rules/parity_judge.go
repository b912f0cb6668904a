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

// written is when avni-server may last have given the request its time. An attempt to send
// it counts too, as it hides an earlier save; a success does not: nothing is written after it.
func (t theirs) written() time.Time {
	if t.deliveredAt.IsZero() && t.status != statusSent {
		return t.modifiedAt
	}
	return t.createdAt
}

// surelyWritten is when avni-server has last given the request its time, as far as that is
// certain.
func (t theirs) surelyWritten() time.Time {
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
	own         bool    // theirs is a request that we have made ourselves, and that avni-server has not moved

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

// judge compares, knowing the facts. The verdict is same, different for a cause, or own: that
// we fail, or would send what is voided, counts whoever has made the request that is there.
func (c comparison) judge(f facts) (parityVerdict, Cause) {
	switch {
	case c.agrees() && !c.own:
		return paritySame, ""
	case c.failed() && !c.ruleVoided:
		if c.failedThere(f) {
			return paritySame, "" // neither has changed anything
		}
		return parityDifferent, CauseFailedHere
	}
	ours := c.wanted()
	switch {
	case ours != nil && c.missedVoid(f):
		return parityDifferent, ""
	case c.own:
		return parityOwn, ""
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

// missedVoid is true where we would still send what is voided, or hangs under what is.
func (c comparison) missedVoid(f facts) bool {
	sent := c.theirs != nil && !c.theirs.deliveredAt.IsZero() // both leave it alone
	return (f.voided || f.parentVoided) && !sent
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
	case c.failedThere(f):
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
	case c.failedThere(f):
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
