package rules

import (
	"strconv"

	"github.com/dop251/goja"
)

// An entityClass is an openchs-models class whose constructor does nothing but keep what it
// is given, so that Go may make instances without running it.
type entityClass struct {
	prototype *goja.Object
	blank     string // a field that is undefined in a new instance, "" if there is none
}

// models makes the parts of openchs-models that rules spend their time in, natively.
type models struct {
	vm         *jsRuntime
	classes    map[*goja.Object]entityClass
	prototypes map[*goja.Object]bool // of the classes
	list       *goja.Object          // the prototype of RealmListProxy
}

func newModels(v *jsRuntime) *models {
	return &models{vm: v, classes: map[*goja.Object]entityClass{}, prototypes: map[*goja.Object]bool{}}
}

// declare declares a class: (class, blank).
func (m *models) declare(call goja.FunctionCall) goja.Value {
	class := call.Argument(0).ToObject(m.vm.js)
	declared := entityClass{prototype: class.Get("prototype").ToObject(m.vm.js)}
	if blank := call.Argument(1); !goja.IsUndefined(blank) {
		declared.blank = blank.String()
	}
	m.classes[class] = declared
	m.prototypes[declared.prototype] = true
	return goja.Undefined()
}

// declareList declares the prototype of lists.
func (m *models) declareList(call goja.FunctionCall) goja.Value {
	m.list = call.Argument(0).ToObject(m.vm.js)
	return goja.Undefined()
}

// instanceOf is instance for JavaScript: (class, that).
func (m *models) instanceOf(call goja.FunctionCall) goja.Value {
	return m.instance(call.Argument(0).ToObject(m.vm.js), call.Argument(1))
}

// instance is `new class(that)`.
func (m *models) instance(class *goja.Object, that goja.Value) goja.Value {
	declared, ok := m.classes[class]
	if _, isObject := that.(*goja.Object); !ok || !isObject {
		made, err := m.vm.js.New(class, that)
		if err != nil {
			panic(err)
		}
		return made
	}
	made := m.vm.js.CreateObject(declared.prototype)
	m.set(made, "that", that)
	if declared.blank != "" {
		m.set(made, declared.blank, goja.Undefined())
	}
	return made
}

func (m *models) set(object *goja.Object, name string, value goja.Value) {
	if err := object.Set(name, value); err != nil {
		panic(err)
	}
}

// thatOf returns what is inside an instance of a model.
func (m *models) thatOf(value goja.Value) (*goja.Object, bool) {
	object, ok := value.(*goja.Object)
	if !ok {
		return nil, false
	}
	that, ok := object.Get("that").(*goja.Object)
	return that, ok
}

// getter makes a getter that returns this.that[name]: (name, original).
func (m *models) getter(call goja.FunctionCall) goja.Value {
	name := call.Argument(0).String()
	return m.property(name, call.Argument(1), func(that *goja.Object) goja.Value {
		return orUndefined(that.Get(name))
	})
}

// entityGetter makes a getter that returns this.toEntity(name, class): (name, original, class).
func (m *models) entityGetter(call goja.FunctionCall) goja.Value {
	name, class := call.Argument(0).String(), call.Argument(2).ToObject(m.vm.js)
	return m.property(name, call.Argument(1), func(that *goja.Object) goja.Value { return m.entity(that, name, class) })
}

// listGetter makes a getter that returns this.toEntityList(name, class): (name, original, class).
func (m *models) listGetter(call goja.FunctionCall) goja.Value {
	name, class := call.Argument(0).String(), call.Argument(2).ToObject(m.vm.js)
	return m.property(name, call.Argument(1), func(that *goja.Object) goja.Value { return m.entityList(that, name, class) })
}

// property makes a native getter. Where it returns nil, or `this` is no model, the original
// getter answers.
func (m *models) property(name string, original goja.Value, get func(that *goja.Object) goja.Value) goja.Value {
	otherwise, ok := goja.AssertFunction(original)
	if !ok {
		panic(m.vm.js.NewTypeError("a getter is put in the place of another"))
	}
	return m.vm.native("get "+name, func(call goja.FunctionCall) goja.Value {
		if that, ok := m.thatOf(call.This); ok {
			if value := get(that); value != nil {
				return value
			}
		}
		value, err := otherwise(call.This)
		if err != nil {
			panic(err)
		}
		return value
	})
}

func (m *models) entity(that *goja.Object, name string, class *goja.Object) goja.Value {
	value := that.Get(name)
	if value == nil || goja.IsUndefined(value) || goja.IsNull(value) {
		return goja.Null()
	}
	return m.instance(class, value)
}

// entityList is a RealmListProxy with an instance for every item, null for no list, nil for
// what is no array or too long.
func (m *models) entityList(that *goja.Object, name string, class *goja.Object) goja.Value {
	value := that.Get(name)
	if value == nil || !value.ToBoolean() {
		return goja.Null()
	}
	items, ok := value.(*goja.Object)
	if !ok || items.ClassName() != "Array" {
		return nil
	}
	length := int(items.Get("length").ToInteger())
	if length > maxElements {
		return nil
	}
	instances := make([]any, 0, length)
	for i := range length {
		m.vm.look()
		if item := items.Get(strconv.Itoa(i)); item != nil { // nil is a hole
			instances = append(instances, m.instance(class, item))
		}
	}
	list := m.vm.js.NewArray(instances...)
	if err := list.SetPrototype(m.list); err != nil {
		panic(err)
	}
	m.set(list, "realmList", items)
	return list
}
