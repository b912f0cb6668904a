package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestReportHasOneLinePerGoal(t *testing.T) {
	var out bytes.Buffer
	r := &report{out: &out}
	for _, line := range []string{
		"goos: linux", "pkg: avni-messenger/cmd/avni-messenger",
		"BenchmarkCommitToQueueRow-2   	       1	         8.307 p50-ms	       111.9 p99-ms",
		"BenchmarkDrainOneTransaction-2   	       1	         0.8012 into-inbox-ratio	         0.4300 no-match-ratio",
		"--- BENCH: BenchmarkDrainOneTransaction-2",
		"bench_test.go:189: no match        1.20 s",
		`time=2026-11-22T20:27:53.509Z level=INFO msg=streaming`,
		"BenchmarkForeignTraffic-2   	       1	12345678901 ns/op",
		"BenchmarkNew-2   	       1	         3 things",
		"BenchmarkSchedule/realistic/one_goroutine 	     200	     70123 ns/op	     14260 evaluations/s	   30000 B/op	     500 allocs/op",
		"PASS", "ok  	avni-messenger/cmd/avni-messenger	103.250s", "",
		"--- FAIL: BenchmarkDueToRequest",
		`time=2026-11-22T20:27:54.509Z level=ERROR msg=why`,
	} {
		r.line(line)
	}
	r.finish()
	got := strings.Split(strings.TrimSpace(out.String()), "\n")
	want := [][]string{ // the words of each line
		{"commit in Avni to queue row", " 112 ms", "at most 50 ms", "MISSED"},
		{"the same, the median", " 8.31 ms"},
		{"that no rule wants, one transaction", " 0.43 × its time", "at most 0.60 × its time", "met"},
		{"into the inbox, one transaction", " 0.80 × its time", "at most 0.80 × its time", "MISSED"},
		{"bench_test.go:189: no match        1.20 s"},
		{"WAL is let go of", " 12 s"},
		{"BenchmarkNew-2   	       1	         3 things"},
		{"schedule rules", " 14260/s", "at least 9800/s", "met"},
		{"--- FAIL: BenchmarkDueToRequest"},
		{"msg=why"},
		{""},
		{"2 of 4 goals met"},
		{"not measured: due time to request"},
	}
	if len(got) < len(want) {
		t.Fatalf("%d lines, want at least %d:\n%s", len(got), len(want), out.String())
	}
	for i, words := range want {
		rest := got[i]
		for _, word := range words {
			_, after, found := strings.Cut(rest, word)
			if !found {
				t.Errorf("line %d lacks %q: %s", i+1, word, got[i])
			}
			rest = after
		}
		if words[len(words)-1] == "met" && strings.Contains(got[i], "MISSED") {
			t.Errorf("line %d: %s", i+1, got[i])
		}
	}
	if strings.Contains(strings.Join(got[12:], "\n"), "commit in Avni") {
		t.Errorf("what was measured is called not measured:\n%s", out.String())
	}
}

// With few rows, the start of a stream is most of its time.
func TestReportDoesNotJudgeRatiosOfFewRows(t *testing.T) {
	var out bytes.Buffer
	r := &report{out: &out, fewRows: true}
	r.line("BenchmarkDrainOneTransaction-2 1 1.2 into-inbox-ratio")
	r.line("BenchmarkCommitToQueueRow-2 1 11 p99-ms")
	if got := out.String(); strings.Count(got, "not judged") != 1 || !strings.HasSuffix(got, " met\n") {
		t.Errorf("printed:\n%s", got)
	}
}
