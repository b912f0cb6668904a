package rules

import (
	"regexp"
	"slices"
	"strings"
)

// failedThere is true where avni-server's run of the rule failed. Its rule_failure_log
// tells of which entity, but not of which rule: that is known where it has run only this
// one, or where the rule failed here with the same text.
func (c comparison) failedThere(f facts) bool {
	if f.unreadable {
		return true
	}
	if len(f.failures) == 0 {
		return false
	}
	return f.rules == 1 || c.failed() && slices.ContainsFunc(f.failures, func(text string) bool { return sameFailure(c.reason, text) })
}

// sameFailure compares the text of a Failure with an error message of rules-server.
func sameFailure(ours, theirs string) bool {
	ours, theirs = bareText(readFailure(ours).Message), bareText(theirs)
	return ours != "" && ours == theirs
}

// dialects are texts that the engine words otherwise than V8, which runs rules-server, or
// one release of V8 otherwise than another.
var dialects = []struct {
	pattern *regexp.Regexp
	text    string
}{
	{regexp.MustCompile(`^Cannot read propert(?:y|ies) of (?:undefined|null) \(reading '(.*)'\)$`), `read $1`},
	{regexp.MustCompile(`^Cannot read property '(.*)' of (?:undefined|null|undefined or null)$`), `read $1`},
	{regexp.MustCompile(`^Object has no member '(.*)'$`), `call $1`},
	{regexp.MustCompile(`^(?:.*\.)?([\w$]+) is not a function$`), `call $1`},
}

// bareText is the text of an error without its class and position, in one dialect.
func bareText(text string) string {
	text = positionAtEnd.ReplaceAllString(strings.TrimSpace(text), "")
	text = errorClass.ReplaceAllString(text, "")
	for _, d := range dialects {
		if d.pattern.MatchString(text) {
			return d.pattern.ReplaceAllString(text, d.text)
		}
	}
	return text
}
