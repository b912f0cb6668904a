package rules

import "time"

const (
	// saveTakes is how long before its rows are written avni-server may have taken the time
	// of a save.
	saveTakes = 2 * time.Second
	// runTakes is how long after a rule was run here that is recorded.
	runTakes = 2 * time.Second
	// clocksDiffer is by how much the clocks of avni-server and PostgreSQL may differ.
	clocksDiffer = 30 * time.Second
)

// writtenUnseen is true of a request that avni-server wrote when the entity did not change,
// and after it was evaluated here.
func (c comparison) writtenUnseen(f facts) bool {
	written := c.theirs.surelyWritten()
	return f.savedAt.Before(written.Add(-clocksDiffer)) && (!c.evaluated() || c.evaluatedAt.Before(written.Add(-clocksDiffer)))
}

// countsFromNow is true where the times are as far apart as the evaluations were, in the
// same direction. That has to fit to runTakes, and a tenth of what was between them more, at
// most clocksDiffer.
func (c comparison) countsFromNow(f facts) bool {
	apart := c.ours.at.Sub(c.theirs.at)
	for _, ran := range []time.Time{f.savedAt, c.theirs.createdAt, c.theirs.surelyWritten()} {
		between := c.evaluatedAt.Sub(ran)
		if (apart - between).Abs() <= runTakes+min(between.Abs()/10, clocksDiffer) {
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
