package rules

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/dop251/goja"
)

// How long the texts of a Failure may be, in bytes.
const (
	maxFailureMessage = 1000
	maxFailureStack   = 4000
)

// isFault says whether the runtime may have been left in the middle of something.
func isFault(err error) bool {
	var failed *Failure
	return err != nil && !errors.As(err, &failed)
}

// refusedChange is what goja says of a change to a frozen object; nothing but its name where
// that is an array's item.
var refusedChange = regexp.MustCompile(`^TypeError(: .*(read only property|not extensible|Cannot redefine property|Cannot delete property)| \(|$)`)

// wasRefusedChange says whether a rule failed because it changed what rules share, or
// something that it had frozen itself.
func wasRefusedChange(err error) bool {
	if errors.Is(err, errChangesShared) {
		return true
	}
	var failed *Failure
	return errors.As(err, &failed) && failed.Kind == FailedThrow && refusedChange.MatchString(failed.Message)
}

// failure turns what ended an evaluation into the rule's *Failure, or returns it as it is
// if the rule is not to blame.
func (e *Engine) failure(organisationID int32, err error) error {
	var interrupted *goja.InterruptedError
	var overflow *goja.StackOverflowError
	var broken *enginePanic
	switch {
	case errors.As(err, &interrupted):
		return e.interruption(interrupted)
	case errors.As(err, &overflow):
		return newFailure(FailedThrow, "RangeError: Maximum call stack size exceeded", overflow.String())
	case errors.Is(err, errNotSupported):
		return newFailure(FailedThrow, err.Error(), "")
	case errors.As(err, &broken):
		e.options.Log.Error("the JavaScript engine failed while running a rule", "component", "rules", "organisation", organisationID, "err", broken)
		return newFailure(FailedThrow, broken.Error(), "")
	}
	return err
}

func (e *Engine) interruption(interrupted *goja.InterruptedError) error {
	cause, _ := interrupted.Value().(error)
	var timeout *timeoutError
	switch {
	case errors.As(cause, &timeout):
		return newFailure(FailedTimeout, timeout.Error(), interrupted.String())
	case errors.Is(cause, errMemory):
		return newFailure(FailedThrow, fmt.Sprintf("RangeError: %v (more than %d MB)", errMemory, e.options.MaxHeapGrowth>>20), interrupted.String())
	case cause == nil:
		return context.Canceled
	}
	return cause
}

// newFailure adds to the message where in the rule it happened, if the stack tells.
func newFailure(kind FailureKind, message, stack string) *Failure {
	stack = ruleStack(stack)
	message = truncate(message, maxFailureMessage)
	if at := rulePosition.FindStringSubmatch(stack); at != nil {
		message = fmt.Sprintf("%s (line %s, column %s)", message, at[1], at[2])
	}
	return &Failure{Kind: kind, Message: message, Stack: truncate(stack, maxFailureStack)}
}

var (
	programPosition = regexp.MustCompile(regexp.QuoteMeta(ruleFile) + `:(\d+):(\d+)\(\d+\)`)
	rulePosition    = regexp.MustCompile(`rule:(\d+):(\d+)`)
)

// ruleStack leaves of a stack trace what is the author's: the lines of the bundle go, and
// positions are those in the rule's own text (compileTree puts one line before it).
func ruleStack(stack string) string {
	var kept []string
	for line := range strings.Lines(stack) {
		if strings.Contains(line, bundleFile+":") {
			continue
		}
		kept = append(kept, programPosition.ReplaceAllStringFunc(strings.TrimRight(line, "\n"), func(position string) string {
			at := programPosition.FindStringSubmatch(position)
			number, _ := strconv.Atoi(at[1])
			if number--; number < 1 { // what was put before the rule
				return "rule"
			}
			return fmt.Sprintf("rule:%d:%s", number, at[2])
		}))
	}
	return strings.Join(kept, "\n")
}

// truncate shortens text to at most n bytes without cutting a character.
func truncate(text string, n int) string {
	if len(text) <= n {
		return text
	}
	text = text[:max(0, n-len("…"))]
	for len(text) > 0 && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]) {
		text = text[:len(text)-1]
	}
	return text + "…"
}
