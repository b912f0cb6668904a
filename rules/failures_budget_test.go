package rules

import (
	"testing"
	"time"
)

func TestBudget(t *testing.T) {
	throw, timeout := &Failure{Kind: FailedThrow}, &Failure{Kind: FailedTimeout}
	type run struct {
		times   int
		failure *Failure
		every   time.Duration
	}
	for _, test := range []struct {
		name  string
		runs  []run
		spent bool
	}{
		{"fifty failures", []run{{50, throw, time.Second}}, true},
		{"one less", []run{{49, throw, time.Second}}, false},
		{"fifty in an hour", []run{{50, throw, 70 * time.Second}}, false},
		{"a rule that mostly answers", []run{{1, throw, 0}, {60, nil, time.Second}, {49, throw, time.Second}}, false},
		{"one that mostly does not", []run{{1, throw, 0}, {40, nil, time.Second}, {49, throw, time.Second}}, true},
		{"answers of long ago", []run{{1, throw, 0}, {60, nil, time.Second}, {1, throw, 11 * time.Minute}, {49, throw, time.Second}}, true},
		{"ten timeouts", []run{{10, timeout, 2 * time.Second}}, true},
		{"ten timeouts of a rule that mostly answers", []run{{1, timeout, 0}, {60, nil, 0}, {9, timeout, 2 * time.Second}}, true},
		{"nine timeouts", []run{{9, timeout, 2 * time.Second}}, false},
		{"ten timeouts in an hour", []run{{10, timeout, 6 * time.Minute}}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
			f := NewFailures(FailuresOptions{Now: func() time.Time { return now }})
			var spent bool
			for _, r := range test.runs {
				for range r.times {
					now = now.Add(r.every)
					if _, spent = f.count(scriptKey{1, schedulePhase}, r.failure); spent && r.failure == nil {
						t.Fatal("an answer spends the budget")
					}
				}
			}
			if spent != test.spent {
				t.Errorf("spent is %v", spent)
			}
		})
	}
}

func TestScriptThatDoesNotFailIsNotCounted(t *testing.T) {
	now := time.Now()
	f := NewFailures(FailuresOptions{Now: func() time.Time { return now }})
	key := scriptKey{1, schedulePhase}
	f.count(key, nil)
	if len(f.tallies) != 0 {
		t.Error("a tally without a failure")
	}
	f.count(key, &Failure{Kind: FailedThrow})
	now = now.Add(time.Hour)
	f.count(key, nil)
	if len(f.tallies) != 0 {
		t.Error("the tally outlives its failures")
	}
}
