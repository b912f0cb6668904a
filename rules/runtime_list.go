package rules

import (
	"reflect"
	"slices"
	"strconv"

	"github.com/dop251/goja"
)

// What natives do with a list that a rule has made, nothing can interrupt. Its length may be
// another each time it is read, so that they get one that stays as it was when it was
// checked.

var proxyType = reflect.TypeFor[goja.Proxy]()

// isSteady says whether reading the length of a list runs no code.
func (v *jsRuntime) isSteady(list *goja.Object) bool {
	if list.ExportType() == proxyType {
		return false
	}
	if list.ClassName() == "Array" {
		return true
	}
	length, ok := v.freezer.describe(goja.FunctionCall{Arguments: []goja.Value{list, v.js.ToValue("length")}}).(*goja.Object)
	return ok && length.Get("value") != nil
}

// steady returns a list, or something that is like it but for a length that stays; and that
// length.
func (v *jsRuntime) steady(list *goja.Object) (*goja.Object, float64) {
	length := lengthOf(list)
	if v.isSteady(list) {
		return list, length
	}
	fixed := v.js.ToValue(length)
	return v.js.ToValue(v.js.NewProxy(list, &goja.ProxyTrapConfig{
		Get: func(target *goja.Object, property string, receiver goja.Value) goja.Value {
			if property == "length" {
				return fixed
			}
			return orUndefined(target.Get(property))
		},
	})).ToObject(v.js), length
}

// steadyOf is steady for JavaScript: (list, tooLong, most).
func (v *jsRuntime) steadyOf(call goja.FunctionCall) goja.Value {
	list, length := v.steady(call.Argument(0).ToObject(v.js))
	if length > call.Argument(2).ToFloat() {
		v.call(call.Argument(1), v.js.ToValue(length))
	}
	return list
}

// lengthOf reads the length of a list as the language does.
func lengthOf(list *goja.Object) float64 {
	return float64(max(0, orUndefined(list.Get("length")).ToInteger()))
}

// copied returns an array of the items of a list, at most so many.
func (v *jsRuntime) copied(list *goja.Object, length float64) *goja.Object {
	items := make([]any, int(length))
	for i := range items {
		v.look()
		items[i] = orUndefined(list.Get(strconv.Itoa(i)))
	}
	return v.js.NewArray(items...)
}

// listOf is copied for JavaScript: (list, tooLong, most). Arrays are returned as they are.
func (v *jsRuntime) listOf(call goja.FunctionCall) goja.Value {
	list := call.Argument(0).ToObject(v.js)
	length := lengthOf(list)
	if length > call.Argument(2).ToFloat() {
		v.call(call.Argument(1), v.js.ToValue(length))
	}
	if list.ClassName() == "Array" && list.ExportType() != proxyType {
		return list
	}
	return v.copied(list, length)
}

// call calls a function that is expected to throw.
func (v *jsRuntime) call(function goja.Value, arguments ...goja.Value) goja.Value {
	callable, ok := goja.AssertFunction(function)
	if !ok {
		panic(v.js.NewTypeError("not a function"))
	}
	result, err := callable(goja.Undefined(), arguments...)
	if err != nil {
		panic(err)
	}
	return result
}

// joiner makes a method that makes one text of a list: (name, textOf, tooLong, most). textOf
// makes the text of an item, unless it is undefined.
func (v *jsRuntime) joiner(call goja.FunctionCall) goja.Value {
	textOf, tooLong, most := call.Argument(1), call.Argument(2), int(call.Argument(3).ToInteger())
	var around []*goja.Object // lists within which this one is joined
	return v.native(call.Argument(0).String(), func(call goja.FunctionCall) goja.Value {
		list := call.This.ToObject(v.js)
		if slices.Contains(around, list) {
			return v.js.ToValue("")
		}
		around = append(around, list)
		defer func() { around = around[:len(around)-1] }()

		length := int(lengthOf(list))
		separator := v.text(v.js.ToValue(","))
		if given := call.Argument(0); goja.IsUndefined(textOf) && !goja.IsUndefined(given) {
			separator = v.text(given)
		}
		var out goja.StringBuilder
		written := 0
		write := func(text goja.String) {
			if written += text.Length(); written > most {
				v.call(tooLong, v.js.ToValue(written))
			}
			out.WriteString(text)
		}
		for i := range length {
			v.look()
			if i > 0 {
				write(separator)
			}
			item := list.Get(strconv.Itoa(i))
			if item == nil || goja.IsUndefined(item) || goja.IsNull(item) {
				continue
			}
			if !goja.IsUndefined(textOf) {
				item = v.call(textOf, item)
			}
			write(v.text(item))
		}
		return out.String()
	})
}

// text makes a text of a value as the language does.
func (v *jsRuntime) text(value goja.Value) goja.String {
	if text, ok := value.ToString().(goja.String); ok {
		return text
	}
	return v.js.ToValue(value.String()).(goja.String) // a number, which goja leaves as it is
}
