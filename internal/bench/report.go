package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// report turns what go test prints into one line per goal.
type report struct {
	out         io.Writer
	fewRows     bool // than the goals of the stream are for
	failed      bool
	seen        []goal
	met, judged int
}

// noise begins lines that say nothing about a result: go test's own, and the program's log.
var noise = []string{"goos:", "goarch:", "pkg:", "cpu:", "PASS", "ok ", "ok\t", "--- BENCH:", "time="}

// line takes one line of go test. From the first failure on, nothing is left out.
func (r *report) line(text string) {
	r.failed = r.failed || strings.HasPrefix(text, "--- FAIL:")
	isNoise := func(prefix string) bool { return strings.HasPrefix(text, prefix) }
	if !r.failed && slices.ContainsFunc(noise, isNoise) {
		return
	}
	name, metrics, ok := parseResult(text)
	if !ok {
		if text != "" {
			fmt.Fprintf(r.out, "      %s\n", text) // a log of the benchmark, or why it failed
		}
		return
	}
	known := false
	for _, g := range goals {
		if g.benchmark != name {
			continue
		}
		known = true
		if value, ok := metrics[g.metric]; ok {
			r.tell(g, value)
		}
	}
	if !known {
		fmt.Fprintf(r.out, "  %s\n", text)
	}
}

// tell prints a goal's line: what, measured, goal.
func (r *report) tell(g goal, value float64) {
	r.seen = append(r.seen, g)
	verdict := ""
	switch {
	case g.limit == 0:
	case r.fewRows && g.unit == itsTime:
		verdict = "not judged: too few rows"
	case g.meets(value):
		r.met++
		r.judged++
		verdict = "met"
	default:
		r.judged++
		verdict = "MISSED"
	}
	line := fmt.Sprintf("  %-71s %15s  %-24s %s", g.what, g.text(value), g.words(), verdict)
	fmt.Fprintln(r.out, strings.TrimRight(line, " "))
}

// finish sums up, and names goals that nothing was measured for.
func (r *report) finish() {
	fmt.Fprintf(r.out, "\n%d of %d goals met\n", r.met, r.judged)
	for _, g := range goals {
		if !slices.Contains(r.seen, g) {
			fmt.Fprintf(r.out, "  not measured: %s\n", g.what)
		}
	}
}

// parseResult reads "BenchmarkName-2  1  8.3 p50-ms  15.1 p99-ms".
func parseResult(text string) (name string, metrics map[string]float64, ok bool) {
	fields := strings.Fields(text)
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "Benchmark") {
		return "", nil, false
	}
	if _, err := strconv.Atoi(fields[1]); err != nil {
		return "", nil, false
	}
	name, _, _ = strings.Cut(strings.TrimPrefix(fields[0], "Benchmark"), "-")
	metrics = make(map[string]float64)
	for i := 2; i+1 < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return "", nil, false
		}
		metrics[fields[i+1]] = value
	}
	return name, metrics, true
}
