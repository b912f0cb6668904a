package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// How much of a long line is shown before and after the place of a failure, in bytes.
const (
	shownBefore = 60
	shownAfter  = 40
)

func (f *trialFailure) print(out io.Writer) {
	fmt.Fprintf(out, "  FAILED, %s: %s\n", f.Kind, f.Message)
	if f.Source != "" {
		line, caret := excerptAt(f.Source, f.Column)
		fmt.Fprintf(out, "    %d | %s\n    %s | %s\n", f.Line, line, strings.Repeat(" ", len(fmt.Sprint(f.Line))), caret)
	}
	if strings.Count(strings.TrimSpace(f.Stack), "\n") > 1 { // else it is no more than the line above
		fmt.Fprintf(out, "%s\n", indent(f.Stack))
	}
}

// excerptAt is the part of a line around a column, counted in bytes from 1, and a mark
// that stands under that.
func excerptAt(line string, column int) (excerpt, caret string) {
	line = strings.ReplaceAll(line, "\t", " ")
	at := boundary(line, min(max(column-1, 0), len(line)))
	from, to := 0, len(line)
	before, after := "", ""
	if at > shownBefore+shownAfter {
		from, before = boundary(line, at-shownBefore), "…"
	}
	if len(line)-at > shownBefore+shownAfter {
		to, after = boundary(line, at+shownAfter), "…"
	}
	return before + line[from:to] + after, strings.Repeat(" ", utf8.RuneCountInString(before+line[from:at])) + "^"
}

// boundary is the start of the character at a position.
func boundary(text string, at int) int {
	for at > 0 && at < len(text) && !utf8.RuneStart(text[at]) {
		at--
	}
	return at
}
