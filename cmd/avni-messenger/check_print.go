package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// checkWidth is the width of the table in columns: it is read in terminals, and pasted.
const checkWidth = 100

var gradeMarks = map[grade]string{gradeOK: "OK", gradeWarning: "WARN", gradeFailing: "FAIL", gradeSkipped: "SKIP"}

// checkTable prints a report for a terminal.
type checkTable struct {
	out     io.Writer
	printed int // sections
}

func newCheckTable(out io.Writer) *checkTable { return &checkTable{out: out} }

// print writes the sections that are new, and what they come to when all is there.
func (t *checkTable) print(r report, complete bool) error {
	var text strings.Builder
	for ; t.printed < len(r.Sections); t.printed++ {
		if t.printed > 0 {
			text.WriteByte('\n')
		}
		writeSection(&text, r.Sections[t.printed])
	}
	if complete {
		fmt.Fprintf(&text, "\n%d OK, %s, %d to be mended", r.OK, counted(r.Warnings, "warning", "warnings"), r.Failing)
		if r.Skipped > 0 {
			fmt.Fprintf(&text, ", %d not looked at", r.Skipped)
		}
		text.WriteByte('\n')
	}
	_, err := io.WriteString(t.out, text.String())
	return err
}

func writeSection(text *strings.Builder, s section) {
	fmt.Fprintln(text, s.Name)
	for _, f := range s.Findings {
		mark := "  " + fmt.Sprintf("%-6s", gradeMarks[f.Grade])
		if f.Grade == gradeOK || f.Grade == gradeSkipped {
			writeHanging(text, mark, f.What+": "+f.Found)
			continue
		}
		writeHanging(text, mark, f.What)
		for _, line := range []struct{ label, said string }{{"found", f.Found}, {"wanted", f.Wanted}, {"mend", f.Mend}} {
			if line.said != "" {
				writeHanging(text, fmt.Sprintf("        %-8s", line.label), line.said)
			}
		}
	}
}

// writeHanging writes a text after a label, and its further lines below its first. What is
// `quoted` is to be pasted: it is not broken if it fits into a line of its own.
func writeHanging(text *strings.Builder, label, said string) {
	column := utf8.RuneCountInString(label)
	text.WriteString(label)
	at := column
	for i, piece := range pieces(said) {
		length := utf8.RuneCountInString(piece)
		if i > 0 {
			if at+1+length > checkWidth {
				text.WriteString("\n" + strings.Repeat(" ", column))
				at = column
			} else {
				text.WriteByte(' ')
				at++
			}
		}
		text.WriteString(piece)
		at += length
	}
	text.WriteByte('\n')
}

// pieces splits a text where a line may end: between words, but not within backquotes,
// unless what is in them is longer than any line.
func pieces(said string) []string {
	var found []string
	var open string // the beginning of a quotation that has not ended
	for _, word := range strings.Fields(said) {
		if open != "" {
			open += " " + word
		} else {
			open = word
		}
		if strings.Count(open, "`")%2 == 0 {
			found = append(found, whole(open)...)
			open = ""
		}
	}
	if open != "" {
		found = append(found, strings.Fields(open)...)
	}
	return found
}

func whole(piece string) []string {
	if utf8.RuneCountInString(piece) > checkWidth-16 {
		return strings.Fields(piece)
	}
	return []string{piece}
}
