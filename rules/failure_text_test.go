package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPlainText runs rules on the sample subject, Asha Devi Sharma: what the engine says
// is told, what a rule or its data may have put into it is not.
func TestPlainText(t *testing.T) {
	e := testEngine(t)
	in := readInput(t, "subject")
	for _, test := range []struct{ script, want string }{
		{`({params}) => params.entity.nothing.here`, "TypeError: Cannot read property 'here' of undefined (line 1, column 37)"},
		{"\n\n({params}) => params.entity.nothing.here", "TypeError: Cannot read property 'here' of undefined (line 3, column 37)"},
		{`({params}) => { const phones = undefined; return phones[params.entity.firstName]; }`, "TypeError: Cannot read property '…' of undefined (line 1, column 56)"},
		{`({params}) => params.entity[params.entity.firstName]()`, "TypeError: Object has no member '…' (line 1, column 53)"},
		{`({params}) => params.entity.nothing()`, "TypeError: Object has no member 'nothing' (line 1, column 36)"},
		{`({params}) => params.entity.firstName()`, "TypeError: Value is not an object: … (line 1, column 38)"},
		{`({params, imports}) => imports.nothing.format()`, "TypeError: Cannot read property 'format' of undefined or null (line 1, column 32)"},
		{`() => undeclared`, "ReferenceError: undeclared is not defined (line 1, column 7)"},
		{`({params}) => JSON.parse(params.entity.firstName)`, "SyntaxError: invalid character … (line 1, column 25)"},
		{`({params}) => new Date(NaN).toISOString()`, "RangeError: Invalid time value (line 1, column 40)"},
		{`({params}) => Object.defineProperty(Object.freeze({}), params.entity.firstName, {value: 1})`, "TypeError: Cannot define property …, object is not extensible (line 1, column 36)"},
		{`() => { const f = () => f(); f(); }`, "RangeError: Maximum call stack size exceeded (line 1, column 26)"},
		{`() => new Promise(() => {})`, "the rule's promise never settles"},
		{`({params, imports}) => new imports.rulesConfig.FormElementStatus()`, "Error: FormElementStatus is not available in message rules (line 1, column 48)"},
		{`42`, "TypeError: the rule must be a function such as ({params, imports}) => ({…}), but it is number"},

		{`({params}) => { throw new Error('no phone for ' + params.entity.firstName) }`, "Error with a text that may be personal (line 1, column 23)"},
		{`({params}) => { throw new TypeError('no phone for ' + params.entity.firstName) }`, "TypeError with a text that may be personal (line 1, column 23)"},
		{`({params}) => { throw new TypeError("Cannot read property '" + params.entity.firstName + "' of undefined") }`, "TypeError: Cannot read property '…' of undefined (line 1, column 23)"},
		{`({params}) => { const e = new Error('x'); e.name = params.entity.firstName; throw e }`, "an error with a text that may be personal (line 1, column 27)"},
		{`({params}) => { throw 'no phone for ' + params.entity.firstName }`, "an error with a text that may be personal (line 1, column 17)"},
		{`({params}) => { throw {message: params.entity.firstName} }`, "an error with a text that may be personal (line 1, column 17)"},
		{`({params}) => { throw new Error(params.entity.firstName + ' (line 9, column 9)') }`, "Error with a text that may be personal (line 1, column 23)"},

		{`({`, "SyntaxError: Expected identifier but found end of file (line 1, column 3)"},
		{`({params}) => ({scheduledDateTime: params.entity.firstName})`, `scheduledDateTime "…" is not an ISO 8601 date such as 2024-05-01T10:00:00+05:30; return a Date or a moment`},
		{`({params}) => ({scheduledDateTime: 'x"' + params.entity.firstName})`, `scheduledDateTime "…" is not an ISO 8601 date such as 2024-05-01T10:00:00+05:30; return a Date or a moment`},
		{`() => ({scheduledDateTime: 'tomorrow'})`, `scheduledDateTime "tomorrow" is not an ISO 8601 date such as 2024-05-01T10:00:00+05:30; return a Date or a moment`},
		{`() => ({scheduledDateTime: 9876500001.5})`, `scheduledDateTime must be whole milliseconds, but it is "…"`},
		{`() => ({scheduledDateTime: 987650000100000000})`, `scheduledDateTime "…" is in the year 31299352`},
		{`() => ({shouldSend: 'perhaps'})`, "shouldSend must be true or false, but it is a text"},
	} {
		_, err := e.Schedule(t.Context(), asha, test.script, in)
		failure, ok := err.(*Failure)
		if !ok {
			t.Errorf("%s: error is %v", test.script, err)
			continue
		}
		if diff := cmp.Diff(test.want, failure.plain(test.script)); diff != "" {
			t.Errorf("%s\n%s: (-want +got):\n%s", test.script, failure.Message, diff)
		}
	}
}

// Whatever a rule throws, at most words of its own source come through.
func TestPlainTextKeepsPeopleOut(t *testing.T) {
	source := `({params}) => { throw new Error(params.entity.name) }`
	for _, message := range []string{
		"no phone for Sunita Devi 9876500001",
		"Error: no phone for Sunita Devi 9876500001",
		"TypeError: Sunita is not a function",
		"TypeError: Value is not an object: Sunita\nDevi",
		"ReferenceError: Sunita Devi is not defined (line 1, column 1)",
		"RangeError: the rule used too much memory (more than Sunita MB)",
		"Sunita: Sunita is not available in message rules",
		"the JavaScript engine failed: index Sunita",
		"SyntaxError: Sunita",
	} {
		for _, kind := range []FailureKind{FailedThrow, FailedResult} {
			if kind == FailedResult {
				message = `answer "` + message + `"`
			}
			text := (&Failure{Kind: kind, Message: message}).plain(source)
			if strings.Contains(text, "Sunita") || strings.Contains(text, "Devi") || strings.Contains(text, "98765") {
				t.Errorf("%s %q became %q", kind, message, text)
			}
		}
	}
}

func TestEveryKindOfFailureHasAdvice(t *testing.T) {
	for _, p := range []phase{schedulePhase, messagePhase} {
		seen := map[string]FailureKind{}
		for _, kind := range failureKinds {
			advice := kind.advice(p)
			if other, taken := seen[advice]; taken || !strings.HasSuffix(advice, ".") {
				t.Errorf("advice about %s (as about %q): %q", kind, other, advice)
			}
			seen[advice] = kind
		}
	}
}
