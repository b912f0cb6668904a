package rules

import "time"

// Budget is how often one of a rule's scripts may fail before it is paused. Failures
// pause it only if they are more than its answers: a rule that stumbles over some
// entities goes on for the others. Timeouts always do, as each costs its organisation
// the time that a rule may take.
type Budget struct {
	Failures int           // 0: 50
	Timeouts int           // of the failures; 0: 10
	Within   time.Duration // 0: 10 minutes
}

func (b *Budget) setDefaults() {
	if b.Failures <= 0 {
		b.Failures = 50
	}
	if b.Timeouts <= 0 {
		b.Timeouts = 10
	}
	if b.Within <= 0 {
		b.Within = 10 * time.Minute
	}
}

// tallySlots is into how many parts a budget's time is cut.
const tallySlots = 10

// tally counts how a script ended lately.
type tally [tallySlots]tallySlot

// tallySlot is a part of the time, by its number since 1970.
type tallySlot struct {
	number                      int64
	answers, failures, timeouts int
}

// add counts an evaluation.
func (t *tally) add(now time.Time, b Budget, failure *Failure) {
	number := slotAt(now, b)
	slot := &t[number%tallySlots]
	if slot.number != number {
		*slot = tallySlot{number: number}
	}
	if failure == nil {
		slot.answers++
		return
	}
	slot.failures++
	if failure.Kind == FailedTimeout {
		slot.timeouts++
	}
}

// sum is what was counted within the budget's time.
func (t *tally) sum(now time.Time, b Budget) (sum tallySlot) {
	number := slotAt(now, b)
	for _, slot := range t {
		if number-slot.number < tallySlots {
			sum.answers += slot.answers
			sum.failures += slot.failures
			sum.timeouts += slot.timeouts
		}
	}
	return sum
}

func slotAt(now time.Time, b Budget) int64 {
	return now.UnixNano() / max(1, int64(b.Within/tallySlots))
}

// spent reports whether a script has failed too often.
func (b Budget) spent(sum tallySlot) bool {
	return sum.timeouts >= b.Timeouts || sum.failures >= b.Failures && sum.failures > sum.answers
}
