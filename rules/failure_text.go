package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// The text of an error may hold names, phone numbers or answers of people: a rule can
// throw "no phone for …", and the engine itself quotes what a rule used as the name of
// a property. Logs and /health get only texts of which we know who wrote them; the
// whole text is in the database.

// engineTexts are the messages of errors that the engine and our bundle make. * stands
// for anything; it is shown only if it is a word of the rule's source. # is a number.
// A message that is not among them is taken for the rule's own, and not shown.
var engineTexts = compileTexts(
	`TypeError: Cannot read property '*' of undefined`,
	`TypeError: Cannot read property '*' of undefined or null`,
	`TypeError: Cannot convert undefined or null to object`,
	`TypeError: Cannot assign to read only property '*'`,
	`TypeError: Cannot add property *, object is not extensible`,
	`TypeError: Cannot define property *, object is not extensible`,
	`TypeError: Cannot convert a Symbol value to a string`,
	`TypeError: Cannot convert a Symbol value to a number`,
	`TypeError: Object has no member '*'`,
	`TypeError: Value is not an object: *`,
	`TypeError: Value is not object coercible`,
	`TypeError: Value is not a constructor`,
	`TypeError: Not a function: *`,
	`TypeError: * is not a function`,
	`TypeError: object is not iterable`,
	`TypeError: No initial value`,
	`TypeError: Reduce of empty array with no initial value`,
	`TypeError: Assignment to constant variable.`,
	`TypeError: Converting circular structure to JSON`,
	`TypeError: the rule must be a function such as ({params, imports}) => ({…}), but it is *`,
	`ReferenceError: * is not defined`,
	`ReferenceError: Cannot access a variable before initialization`,
	`RangeError: Invalid array length`,
	`RangeError: Invalid string length`,
	`RangeError: Invalid count value`,
	`RangeError: Invalid time value`,
	`RangeError: Maximum call stack size exceeded`,
	`RangeError: the rule used too much memory (more than # MB)`,
	`RangeError: toFixed() precision must be between # and #`,
	`SyntaxError: Unexpected end of JSON input (EOF)`,
	`SyntaxError: invalid character *`,
	`URIError: Malformed URI`,
	`EvalError: code from strings is not available in message rules`,
	`Error: require('*') is not available in message rules; use imports`,
	`Error: * is not available in message rules`,
	`the rule's promise never settles`,
	`the rule threw an object without a message`,
	`the JavaScript engine failed: *`,
)

func compileTexts(texts ...string) []*regexp.Regexp {
	placeholders := strings.NewReplacer(`\*`, `(.*)`, `#`, `\d+`)
	patterns := make([]*regexp.Regexp, len(texts))
	for i, text := range texts {
		patterns[i] = regexp.MustCompile(`(?s)^` + placeholders.Replace(regexp.QuoteMeta(text)) + `$`)
	}
	return patterns
}

var (
	positionAtEnd = regexp.MustCompile(` \(line \d+, column \d+\)$`)
	errorClass    = regexp.MustCompile(`^((?:Aggregate|Eval|Range|Reference|Syntax|Type|URI)?Error): `)
	quoted        = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	word          = regexp.MustCompile(`^[A-Za-z_$][\w$]*$`)
)

// typeWords are what JavaScript calls the kinds of its values.
var typeWords = []string{"undefined", "null", "boolean", "number", "string", "symbol", "object", "function"}

// plain is the failure's text without anything that the rule, or the data that it
// worked on, may have put into it. source is the rule's JavaScript.
func (f *Failure) plain(source string) string {
	switch f.Kind {
	case FailedThrow:
		position := positionAtEnd.FindString(f.Message)
		return plainThrow(strings.TrimSuffix(f.Message, position), source) + position
	case FailedResult:
		return quoted.ReplaceAllStringFunc(f.Message, func(text string) string { return `"` + ownWord(strings.Trim(text, `"`), source) + `"` })
	}
	return f.Message // of the rule's source, or all ours
}

func plainThrow(message, source string) string {
	for _, text := range engineTexts {
		found := text.FindStringSubmatchIndex(message)
		if found == nil {
			continue
		}
		for i := len(found) - 2; i > 0; i -= 2 {
			message = message[:found[i]] + ownWord(message[found[i]:found[i+1]], source) + message[found[i+1]:]
		}
		return message
	}
	class := "an error"
	if found := errorClass.FindStringSubmatch(message); found != nil {
		class = found[1]
	}
	return class + " with a text that may be personal"
}

// ownWord returns a word that the rule's source has, "…" for anything else.
func ownWord(text, source string) string {
	if !word.MatchString(text) {
		return "…"
	}
	whole := regexp.MustCompile(`(^|[^\w$])` + regexp.QuoteMeta(text) + `($|[^\w$])`)
	if !slices.Contains(typeWords, text) && !whole.MatchString(source) {
		return "…"
	}
	return text
}

// script is what of a rule runs in a phase.
func (r Rule) script(p phase) string {
	if p == messagePhase {
		return r.MessageRule
	}
	return r.ScheduleRule
}

// advice says what to do about a rule that fails so.
func (k FailureKind) advice(p phase) string {
	switch {
	case k == FailedCompile:
		return fmt.Sprintf("Correct the syntax of its %s rule in Avni's web app; until then it sends nothing.", p)
	case k == FailedTimeout:
		return fmt.Sprintf("Take the endless loop out of its %s rule, or make it quicker: while it runs, all else of its organisation waits for it.", p)
	case k == FailedResult && p == schedulePhase:
		return "Let its schedule rule return {scheduledDateTime: a Date or a moment, shouldSend: true or false}."
	case k == FailedResult:
		return "Let its message rule return {parameters: [a text for each parameter of the template]}."
	case k == FailedLoad:
		return "Correct what it is about and who receives it, in Avni's web app."
	}
	return fmt.Sprintf("Correct its %s rule in Avni's web app, or the data that it stumbles over.", p)
}

// whereabouts says where the whole text of a rule's failures is.
func (p phase) whereabouts(ruleID int64) string {
	if p == messagePhase {
		return "The error's whole text is in messenger.delivery (column detail) and in Avni's rule_failure_log."
	}
	return fmt.Sprintf("The error's whole text: select at, entity_id, reason from messenger.trigger_log where rule_id = %d order by id desc limit 5;", ruleID)
}

// fix is what to do about a rule that fails.
func fix(rule Rule, p phase, kind FailureKind) string {
	return kind.advice(p) + " " + p.whereabouts(rule.ID)
}
