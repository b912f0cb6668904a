package rules

import (
	"slices"

	"github.com/dop251/goja"
)

// native makes a function of Go's, with the name that stack traces show. As JavaScript's do
// it ends when the evaluation is interrupted, and when calls are nested too deeply: natives
// that call each other without any JavaScript between them would exhaust Go's stack, which
// ends the process.
func (v *jsRuntime) native(name string, f func(goja.FunctionCall) goja.Value) *goja.Object {
	made := v.js.ToValue(func(call goja.FunctionCall) goja.Value {
		v.depth++
		defer func() { v.depth-- }()
		if v.depth > maxCallDepth {
			v.stop()
		}
		v.look()
		return f(call)
	}).ToObject(v.js)
	if err := made.DefineDataProperty("name", v.js.ToValue(name), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE); err != nil {
		panic(err)
	}
	return made
}

// look ends the evaluation if it has been interrupted.
func (v *jsRuntime) look() {
	if v.interrupted.Load() != nil {
		v.stop()
	}
}

// stop ends the evaluation for what JavaScript itself finds wrong: it has been interrupted,
// or else is nested too deeply. goja forgets an interruption once it has ended a loop.
func (v *jsRuntime) stop() {
	if cause := v.interrupted.Load(); cause != nil {
		v.js.Interrupt(*cause)
	}
	if _, err := v.halt(goja.Undefined()); err != nil {
		panic(err)
	}
}

// limited puts a native function in front of another one, that refuses what is longer than
// the most allowed: (original, most, tooLong, position, name), where the position is that of
// the argument whose length counts, -1 for `this`. The same in JavaScript takes several times
// as long, and rules call little else as often.
func (v *jsRuntime) limited(call goja.FunctionCall) goja.Value {
	original := v.originalOf(call.Argument(0))
	most, tooLong, position := call.Argument(1).ToFloat(), call.Argument(2), int(call.Argument(3).ToInteger())
	steady := func(list *goja.Object) *goja.Object {
		list, length := v.steady(list)
		if length > most {
			v.call(tooLong, v.js.ToValue(length))
		}
		return list
	}
	if position < 0 {
		return v.native(call.Argument(4).String(), func(call goja.FunctionCall) goja.Value {
			this, ok := call.This.(*goja.Object)
			if !ok {
				return original(call)
			}
			list := steady(this)
			call.This = list
			result := original(call)
			if result == goja.Value(list) {
				return this
			}
			return result
		})
	}
	return v.native(call.Argument(4).String(), func(call goja.FunctionCall) goja.Value {
		if list, ok := call.Argument(position).(*goja.Object); ok {
			call.Arguments = slices.Clone(call.Arguments)
			call.Arguments[position] = steady(list)
		}
		return original(call)
	})
}

// originalOf is the native function behind a function of goja's.
func (v *jsRuntime) originalOf(function goja.Value) func(goja.FunctionCall) goja.Value {
	original, ok := function.Export().(func(goja.FunctionCall) goja.Value)
	if !ok {
		panic(v.js.NewTypeError("a native function is wanted"))
	}
	return original
}

// interruptible puts a native function in front of another one: (original, name). That ends
// when the evaluation is interrupted, and when calls are nested too deeply.
func (v *jsRuntime) interruptible(call goja.FunctionCall) goja.Value {
	return v.native(call.Argument(1).String(), v.originalOf(call.Argument(0)))
}

// species makes the getter of Symbol.species, which gives the original constructor in the place
// of the one that guards it, and to every other class itself: (guarded, original).
func (v *jsRuntime) species(call goja.FunctionCall) goja.Value {
	guarded, original := call.Argument(0), call.Argument(1)
	return v.native("get [Symbol.species]", func(call goja.FunctionCall) goja.Value {
		if call.This == guarded {
			return original
		}
		return call.This
	})
}

// constantly makes a function that returns one value.
func (v *jsRuntime) constantly(call goja.FunctionCall) goja.Value {
	value := call.Argument(0)
	return v.native("constantly", func(goja.FunctionCall) goja.Value { return value })
}

// A depthCheck is JSON.stringify with a replacer that throws when objects are nested too
// deeply. JSON.stringify goes through an object's fields before those of the next, so that
// the objects around a field are a stack.
type depthCheck struct {
	most   int
	around []goja.Value
}

// stringifier makes a JSON.stringify of a value and the space: (original, most, tooDeep).
func (v *jsRuntime) stringifier(call goja.FunctionCall) goja.Value {
	original, tooDeep := v.originalOf(call.Argument(0)), call.Argument(2)
	check := &depthCheck{most: int(call.Argument(1).ToInteger())}
	replacer := v.native("check", func(call goja.FunctionCall) goja.Value {
		if !check.enter(call.This, call.Argument(1)) {
			v.call(tooDeep)
		}
		return call.Argument(1)
	})
	return v.native("stringify", func(call goja.FunctionCall) goja.Value {
		outer := check.around // of a call that is waiting for a toJSON that calls this
		check.around = nil
		defer func() { check.around = outer }()
		return original(goja.FunctionCall{This: call.This, Arguments: []goja.Value{call.Argument(0), replacer, call.Argument(1)}})
	})
}

// enter is called for every field and says whether its depth is allowed.
func (c *depthCheck) enter(holder, item goja.Value) bool {
	if _, isObject := item.(*goja.Object); !isObject {
		return true
	}
	for len(c.around) > 0 && c.around[len(c.around)-1] != holder {
		c.around = c.around[:len(c.around)-1]
	}
	if len(c.around) == 0 {
		c.around = append(c.around, holder)
	}
	c.around = append(c.around, item)
	return len(c.around) <= c.most+1
}
