package rules

import (
	"regexp"
	"strings"
)

const (
	// maxElaborate is how many arrow functions whose parameters hold more than names goja
	// parses. It parses the parameters of one twice, those of one within them four times.
	maxElaborate = 3
	// maxColons is how many colons goja parses before esbuild has. For every label it goes
	// through those around it, and keeps an error for each that is the same.
	maxColons = 300
)

// isTangled says whether goja might take too long to parse a text because of arrow
// functions in the parameters of others. It does not know texts and comments from code, but
// takes for a list of names only what is one.
func isTangled(code string) bool {
	elaborate := 0
	for at := 0; ; at += len("=>") {
		next := strings.Index(code[at:], "=>")
		if next < 0 {
			return false
		}
		at += next
		if !hasPlainParameters(code[:at]) {
			elaborate++
		}
		if elaborate > maxElaborate {
			return true
		}
	}
}

// hasPlainParameters says whether what stands before an arrow is a name, or brackets with
// nothing in them but names, patterns and calls: no other arrow, text or comment.
func hasPlainParameters(before string) bool {
	before = strings.TrimRight(before, " \t")
	depth := 0
	for i := len(before) - 1; i >= 0; i-- {
		switch c := before[i]; {
		case c == ')':
			depth++
		case depth == 0:
			return isNameByte(c)
		case c == '(':
			depth--
			if depth == 0 {
				return !strings.ContainsAny(before[i:], "\r\n") || !endsInComment(before[:i])
			}
		case !isNameByte(c) && strings.IndexByte(" \t\r\n,{}[]:.=", c) < 0:
			return false
		}
	}
	return false
}

func isNameByte(c byte) bool {
	return c == '_' || c == '$' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

var commentStart = regexp.MustCompile(`//|<!--|-->|#!`)

// endsInComment says whether the last line might have a comment that goes to its end.
func endsInComment(before string) bool {
	return commentStart.MatchString(before[strings.LastIndexAny(before, "\r\n")+1:])
}

// hasManyColons says whether a text might have thousands of labels.
func hasManyColons(code string) bool { return strings.Count(code, ":") > maxColons }
