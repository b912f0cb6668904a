package rules

import (
	"regexp"
	"strconv"
	"strings"
)

// A Place is where in a rule's text something went wrong.
type Place struct {
	Line, Column int    // both from 1, the column in bytes
	Text         string // of the line; "" if the engine ran another text than the author's
}

var endPosition = regexp.MustCompile(`\(line (\d+), column (\d+)\)$`)

// Place is where in the script the failure came about; false if it does not say.
func (f *Failure) Place(script string) (Place, bool) {
	found := endPosition.FindStringSubmatch(f.Message)
	if found == nil {
		return Place{}, false
	}
	line, _ := strconv.Atoi(found[1])
	column, _ := strconv.Atoi(found[2])
	return placeIn(script, line, column), true
}

// placeIn finds a place of the text that was run. It is the author's, without "use strict",
// unless it had to be translated.
func placeIn(script string, line, column int) Place {
	place := Place{Line: line, Column: column}
	code := useStrict.ReplaceAllString(script, "")
	if run, _, err := read(code); err == nil && run != code {
		return place
	}
	if lines := strings.Split(code, "\n"); line >= 1 && line <= len(lines) {
		place.Text = strings.TrimRight(lines[line-1], "\r")
	}
	return place
}
