package rules

import "github.com/dop251/goja"

// refuse ends the evaluation because the rule has tried to change what rules share, and knows
// that it could not. The engine then runs it where it may.
func (v *jsRuntime) refuse() {
	panic(v.abort(errChangesShared))
}

// showCaught looks at what a rule has caught: (thrown).
func (v *jsRuntime) showCaught(call goja.FunctionCall) goja.Value {
	thrown, ok := call.Argument(0).(*goja.Object)
	if !ok || !v.frozen || thrown.Prototype() != v.typeErrors {
		return goja.Undefined()
	}
	text := "TypeError"
	if message := thrown.Get("message"); goja.IsString(message) && message.String() != "" {
		text += ": " + message.String()
	}
	if refusedChange.MatchString(text) {
		v.refuse()
	}
	return goja.Undefined()
}

// noting puts a native function of Reflect in front of one that answers false where a change is
// refused: (original, name).
func (v *jsRuntime) noting(call goja.FunctionCall) goja.Value {
	original := v.originalOf(call.Argument(0))
	return v.native(call.Argument(1).String(), func(call goja.FunctionCall) goja.Value {
		done := original(call)
		if v.frozen && !done.ToBoolean() {
			v.refuse()
		}
		return done
	})
}
