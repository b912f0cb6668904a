package rules

import (
	"strconv"

	"github.com/dop251/goja"
)

// finder makes a model's findObservation, which answers itself where no question group is
// asked for: (original, class of observations). Unlike the original it makes no model of
// what is not found.
func (m *models) finder(call goja.FunctionCall) goja.Value {
	otherwise, ok := goja.AssertFunction(call.Argument(0))
	if !ok {
		panic(m.vm.js.NewTypeError("findObservation is put in the place of another"))
	}
	class := call.Argument(1).ToObject(m.vm.js)
	return m.vm.native("findObservation", func(call goja.FunctionCall) goja.Value {
		wanted, parent := call.Argument(0), call.Argument(1)
		if goja.IsUndefined(parent) || goja.IsNull(parent) {
			if that, ok := m.plainThat(call.This); ok {
				if found := m.find(that, wanted, class); found != nil {
					return found
				}
			}
		}
		found, err := otherwise(call.This, call.Arguments...)
		if err != nil {
			panic(err)
		}
		return found
	})
}

// plainThat returns what is inside a model of a declared class to which nothing was added: its
// observations are those of its class.
func (m *models) plainThat(value goja.Value) (*goja.Object, bool) {
	object, ok := value.(*goja.Object)
	if !ok || !m.prototypes[object.Prototype()] || len(object.GetOwnPropertyNames()) != 1 {
		return nil, false
	}
	return m.thatOf(object)
}

// find returns the first observation of a concept by name or uuid, undefined for none, nil
// where the observations are not what they usually are.
func (m *models) find(that *goja.Object, wanted goja.Value, class *goja.Object) goja.Value {
	list, ok := that.Get("observations").(*goja.Object)
	if !ok || list.ClassName() != "Array" {
		return nil
	}
	length := list.Get("length").ToInteger()
	if length > maxElements {
		return nil
	}
	for i := range int(length) {
		m.vm.look()
		item, ok := list.Get(strconv.Itoa(i)).(*goja.Object)
		if !ok {
			return nil
		}
		concept, ok := item.Get("concept").(*goja.Object)
		if !ok {
			return nil
		}
		if isField(concept, "name", wanted) || isField(concept, "uuid", wanted) {
			return m.instance(class, item)
		}
	}
	return goja.Undefined()
}

func isField(object *goja.Object, name string, wanted goja.Value) bool {
	return orUndefined(object.Get(name)).StrictEquals(wanted)
}
