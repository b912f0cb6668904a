package rules

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/dop251/goja"
)

// isNil makes lodash's isNil.
func (m *models) isNil(goja.FunctionCall) goja.Value {
	return m.vm.native("isNil", func(call goja.FunctionCall) goja.Value {
		value := call.Argument(0)
		return m.vm.js.ToValue(goja.IsUndefined(value) || goja.IsNull(value))
	})
}

// isEmpty makes lodash's isEmpty, which answers itself for nothing, arrays and models:
// (original).
func (m *models) isEmpty(call goja.FunctionCall) goja.Value {
	otherwise, _ := goja.AssertFunction(call.Argument(0))
	return m.vm.native("isEmpty", func(call goja.FunctionCall) goja.Value {
		value := call.Argument(0)
		if goja.IsUndefined(value) || goja.IsNull(value) {
			return m.vm.js.ToValue(true)
		}
		if object, ok := value.(*goja.Object); ok && m.prototypes[object.Prototype()] && len(object.Keys()) > 0 {
			return m.vm.js.ToValue(false)
		}
		empty, err := otherwise(goja.Undefined(), value)
		if err != nil {
			panic(err)
		}
		return empty
	})
}

// isString makes lodash's isString, which answers itself but for objects that claim to be
// another: (original).
func (v *jsRuntime) isString(call goja.FunctionCall) goja.Value {
	otherwise, _ := goja.AssertFunction(call.Argument(0))
	return v.native("isString", func(call goja.FunctionCall) goja.Value {
		object, ok := call.Argument(0).(*goja.Object)
		if !ok {
			return v.js.ToValue(goja.IsString(call.Argument(0)))
		}
		if object.ClassName() != "String" && object.GetSymbol(goja.SymToStringTag) == nil {
			return v.js.ToValue(false)
		}
		is, err := otherwise(goja.Undefined(), object)
		if err != nil {
			panic(err)
		}
		return is
	})
}

// sorted returns the items of a list in the ascending order of a field, equals as they were,
// or undefined if what is there is not all numbers or all dates: (list, name). Instead of a
// name it takes a list of what to compare.
func (v *jsRuntime) sorted(call goja.FunctionCall) goja.Value {
	items, few := v.elements(call.Argument(0).ToObject(v.js))
	keys := items
	list, listed := call.Argument(1).(*goja.Object)
	if listed {
		keys, few = v.elements(list)
	}
	if !few || len(keys) != len(items) {
		return goja.Undefined()
	}
	type keyed struct {
		key  float64
		item goja.Value
	}
	name := call.Argument(1).String()
	order := make([]keyed, len(items))
	for i, key := range keys {
		if !listed {
			key = fieldOf(key, name)
		}
		number, ok := v.sortKey(key)
		if !ok {
			return goja.Undefined()
		}
		order[i] = keyed{number, items[i]}
	}
	slices.SortStableFunc(order, func(a, b keyed) int { return cmp.Compare(a.key, b.key) })
	sorted := make([]any, len(order))
	for i := range order {
		sorted[i] = order[i].item
	}
	return v.js.NewArray(sorted...)
}

// fieldOf returns a field of an object, undefined of anything else.
func fieldOf(item goja.Value, name string) goja.Value {
	if object, ok := item.(*goja.Object); ok {
		return orUndefined(object.Get(name))
	}
	return goja.Undefined()
}

// maxElements is how many items of an array are read natively, which nothing can interrupt.
const maxElements = 10_000

// elements reads an array, unless it is too long.
func (v *jsRuntime) elements(list *goja.Object) ([]goja.Value, bool) {
	length := list.Get("length").ToInteger()
	if length > maxElements {
		return nil, false
	}
	elements := make([]goja.Value, length)
	for i := range elements {
		v.look()
		elements[i] = orUndefined(list.Get(strconv.Itoa(i)))
	}
	return elements, true
}

// sortKey is the number that a date or a number is compared by.
func (v *jsRuntime) sortKey(key goja.Value) (float64, bool) {
	if whole, ok := exported[int64](key); ok {
		return float64(whole), true
	}
	if number, ok := exported[float64](key); ok {
		return number, !math.IsNaN(number)
	}
	at, ok := exported[time.Time](key)
	return float64(at.UnixMilli()), ok && v.isPlainDate(key.(*goja.Object))
}

// isPlainDate says whether a Date is compared as the language's own are.
func (v *jsRuntime) isPlainDate(date *goja.Object) bool {
	return date.Prototype() == v.datePrototype && v.dateValueOf.StrictEquals(orUndefined(date.Get("valueOf"))) &&
		v.dateToPrimitive.StrictEquals(orUndefined(date.GetSymbol(goja.SymToPrimitive)))
}
