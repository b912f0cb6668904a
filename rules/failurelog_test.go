package rules

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/cdc"
)

// stacks returns the stack traces of rule_failure_log, oldest first, by their last line.
func (o *office) lastLines() (found []string) {
	o.Helper()
	rows, err := o.db.Pool().Query(o.Context(), `select stacktrace from rule_failure_log order by id`)
	if err != nil {
		o.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var stack string
		if err := rows.Scan(&stack); err != nil {
			o.Fatal(err)
		}
		found = append(found, stack[strings.LastIndex(stack, "\n")+1:])
	}
	return found
}

// TestFailureLogCounts has one failure again and again: each hour has one row, which
// says how often it was.
func TestFailureLogCounts(t *testing.T) {
	var late atomic.Int64
	start := time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)
	o := openOffice(t, Write, func(w *WorkerOptions) {
		w.Now = func() time.Time { return start.Add(time.Duration(late.Load())) }
	})
	fail := func(times int, at time.Duration) {
		t.Helper()
		late.Store(int64(at))
		for range times {
			o.saved(cdc.Encounter, 1002)
		}
	}
	expect := func(what string, want ...string) {
		t.Helper()
		o.worker.options.Failures.writeCounts(t.Context())
		got := o.lastLines()
		if len(got) != len(want) {
			t.Fatalf("%s: %d rows: %q", what, len(got), got)
		}
		for i := range want {
			if want[i] != "" && got[i] != want[i] || want[i] == "" && strings.HasPrefix(got[i], "…") {
				t.Errorf("%s: row %d ends with %q, want %q", what, i, got[i], want[i])
			}
		}
	}
	fail(1, 0)
	expect("once", "")
	fail(3, 10*time.Minute)
	expect("four times", "… and 3 more until 2026-03-01 06:10 UTC")
	fail(2, 50*time.Minute)
	fail(4, 65*time.Minute)
	expect("in the next hour", "… and 5 more until 2026-03-01 06:50 UTC", "… and 3 more until 2026-03-01 07:05 UTC")
	if n := o.count(`select count(*) from rule_failure_log where stacktrace like '%…%…%' or stacktrace not like '%TypeError%' or length(error_message) > 255`); n != 0 {
		t.Errorf("%d rows are not as they should be", n)
	}
}

func TestCountsAreToldOnceTheDatabaseAnswers(t *testing.T) {
	o := openOffice(t, Write)
	for range 3 {
		o.saved(cdc.Encounter, 1002)
	}
	exec(t, o.avni.Pool(), `alter table rule_failure_log rename to away`)
	o.worker.options.Failures.writeCounts(t.Context())
	exec(t, o.avni.Pool(), `alter table away rename to rule_failure_log`)
	stop := o.run(o.newWorker(o.db.Pool(), func(w *WorkerOptions) { w.Failures = o.worker.options.Failures }))
	stop() // what is not told yet is told at the end
	if got := o.lastLines(); len(got) != 1 || !strings.HasPrefix(got[0], "… and 2 more until ") {
		t.Errorf("rows end with %q", got)
	}
}

func TestReportedForgets(t *testing.T) {
	now := time.Now()
	r := newReported(func() time.Time { return now })
	key := func(n int) failureKey { return failureKey{ruleID: int64(n)} }
	for n := range maxReported {
		if !r.claim(key(n), fmt.Sprint(n)) {
			t.Fatalf("failure %d is not due", n)
		}
	}
	r.claim(key(5), "")
	now = now.Add(2 * time.Hour)
	r.claim(key(maxReported), "new")
	if got := r.counts(); len(r.last) != 1 || len(got) != 1 || got[0].row != "5" || got[0].again != 1 {
		t.Errorf("%d are remembered, these are to be counted: %+v", len(r.last), got)
	}
	if got := r.counts(); len(got) != 0 {
		t.Errorf("told twice: %+v", got)
	}
}
