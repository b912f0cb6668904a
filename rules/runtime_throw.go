package rules

import (
	"bytes"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"strings"

	"github.com/dop251/goja"
)

// A thrownValue is what a rule threw, before anybody has looked at it.
type thrownValue struct {
	value goja.Value
	stack string
}

func (e *thrownValue) Error() string { return "the rule threw something" }

// An enginePanic is a panic of goja or of the host, not of the rule.
type enginePanic struct{ text string }

func (e *enginePanic) Error() string { return "the JavaScript engine failed: " + e.text }

// guarded runs something that may run the rule's code. What that throws becomes a *Failure;
// to describe it may run the rule's code, too.
func (v *jsRuntime) guarded(run func() (string, error)) (string, error) {
	answer, err := v.caught(run)
	thrown, ok := thrownBy(err)
	if !ok {
		return answer, err
	}
	_, err = v.caught(func() (string, error) { return "", v.describe(thrown) })
	if _, again := thrownBy(err); again {
		return "", newFailure(FailedThrow, "the rule threw an object that throws when it is looked at", thrown.stack)
	}
	return "", err
}

// caught runs something and makes an error of a panic.
func (v *jsRuntime) caught(run func() (string, error)) (answer string, err error) {
	defer func() {
		if x := recover(); x != nil {
			v.spoilt = true
			answer, err = "", panicError(x)
		}
	}()
	return run()
}

// panicError makes an error of a panic: goja's uncatchable ones are errors already.
func panicError(x any) error {
	switch x := x.(type) {
	case *goja.InterruptedError:
		return x
	case *goja.StackOverflowError:
		return x
	case *goja.Exception:
		return x
	case goja.Value:
		return &thrownValue{value: x}
	}
	if panickedInGoja() {
		return errNotSupported
	}
	return &enginePanic{text: fmt.Sprint(x)}
}

// errNotSupported is how an evaluation ends in which goja fails at something of the language:
// in 2026 at the text of a function that is a revoked Proxy. The runtime is of no further use.
var errNotSupported = errors.New("TypeError: this JavaScript engine cannot do what the rule does here, perhaps with a Proxy; write it in another way")

// panickedInGoja says whether the panic that is being recovered from began in goja.
func panickedInGoja() bool {
	callers := make([]uintptr, 32)
	frames := runtime.CallersFrames(callers[:runtime.Callers(1, callers)])
	panicking := false
	for {
		frame, more := frames.Next()
		isRuntime := strings.HasPrefix(frame.Function, "runtime.")
		if panicking && !isRuntime {
			return strings.HasPrefix(frame.Function, "github.com/dop251/goja.")
		}
		panicking = panicking || frame.Function == "runtime.gopanic"
		if !more {
			return false
		}
	}
}

func thrownBy(err error) (*thrownValue, bool) {
	switch err := err.(type) {
	case *thrownValue:
		return err, true
	case *goja.Exception:
		return &thrownValue{value: err.Value(), stack: stackText(err.Stack())}, true
	}
	return nil, false
}

// stackText writes a stack as goja does, which would write what was thrown as well.
func stackText(stack []goja.StackFrame) string {
	var out bytes.Buffer
	for i := range stack {
		out.WriteString("\tat ")
		stack[i].Write(&out)
		out.WriteByte('\n')
	}
	return out.String()
}

// describe makes a Failure of what a rule threw, which may be anything.
func (v *jsRuntime) describe(thrown *thrownValue) *Failure {
	object, ok := thrown.value.(*goja.Object)
	if !ok {
		text := thrown.value.String()
		if goja.IsString(thrown.value) {
			text = strconv.Quote(text)
		}
		return newFailure(FailedThrow, "the rule threw "+text, thrown.stack)
	}
	stack := thrown.stack
	if text := v.member(object, "stack"); text != "" {
		stack = text
	}
	name, message := v.member(object, "name"), v.member(object, "message")
	switch {
	case name != "" && message != "":
		message = name + ": " + message
	case name != "":
		message = name
	case message == "":
		message = "the rule threw an object without a message"
	}
	return newFailure(FailedThrow, message, stack)
}

// member reads a member of what a rule threw as text, "" if there is none or it throws.
func (v *jsRuntime) member(object *goja.Object, name string) (text string) {
	if thrown := v.js.Try(func() {
		if value := object.Get(name); value != nil && !goja.IsUndefined(value) && !goja.IsNull(value) {
			text = value.String()
		}
	}); thrown != nil {
		return ""
	}
	return text
}
