package rules

import (
	"strconv"

	"github.com/dop251/goja"
)

// A freezer freezes objects and all that they lead to, each once.
type freezer struct {
	vm                      *jsRuntime
	names, describe, freeze func(goja.FunctionCall) goja.Value // Object's own
	unused                  *goja.Object                       // the prototype of what is no constructor
	seen                    map[*goja.Object]struct{}
	open                    []*goja.Object
}

func newFreezer(v *jsRuntime) *freezer {
	f := &freezer{vm: v, unused: v.js.NewObject(), seen: map[*goja.Object]struct{}{}}
	object := v.js.Get("Object").ToObject(v.js)
	f.names = v.originalOf(object.Get("getOwnPropertyNames"))
	f.describe = v.originalOf(object.Get("getOwnPropertyDescriptor"))
	f.freeze = v.originalOf(object.Get("freeze"))
	return f
}

// freezeAll is for JavaScript: (objects).
func (f *freezer) freezeAll(call goja.FunctionCall) goja.Value {
	f.vm.js.ForOf(call.Argument(0), func(root goja.Value) bool {
		f.visit(root)
		return true
	})
	for len(f.open) > 0 {
		next := f.open[len(f.open)-1]
		f.open = f.open[:len(f.open)-1]
		f.visitMembers(next)
		f.freeze(goja.FunctionCall{Arguments: []goja.Value{next}})
	}
	return goja.Undefined()
}

func (f *freezer) visit(value goja.Value) {
	object, ok := value.(*goja.Object)
	if !ok || object == nil {
		return
	}
	if _, ok := f.seen[object]; ok {
		return
	}
	f.seen[object] = struct{}{}
	f.open = append(f.open, object)
}

func (f *freezer) visitMembers(object *goja.Object) {
	f.visit(object.Prototype())
	isFunction := object.ClassName() == "Function"
	names := f.namesOf(object)
	if isFunction && len(names) > 0 && names[0].String() == "prototype" {
		f.sparePrototype(object)
	}
	for _, name := range names {
		if text := name.String(); !isFunction || (text != "length" && text != "name") {
			f.visitMember(object, name)
		}
	}
	for _, symbol := range object.Symbols() {
		f.visitMember(object, symbol)
	}
}

// namesOf are the names of an object's own members. goja's GetOwnPropertyNames would make each
// function's prototype.
func (f *freezer) namesOf(object *goja.Object) []goja.Value {
	listed := f.names(goja.FunctionCall{Arguments: []goja.Value{object}}).ToObject(f.vm.js)
	names := make([]goja.Value, int(listed.Get("length").ToInteger()))
	for i := range names {
		names[i] = listed.Get(strconv.Itoa(i))
	}
	return names
}

// sparePrototype gives a function whose prototype nobody has asked for yet one that all such
// functions share: most are no constructors, and their prototypes would be a tenth of a runtime.
// goja makes a prototype when it is asked for, and until then lists its name first.
func (f *freezer) sparePrototype(function *goja.Object) {
	if err := function.Set("prototype", f.unused); err != nil {
		panic(err)
	}
}

// visitMember does not run getters.
func (f *freezer) visitMember(object *goja.Object, key goja.Value) {
	member, ok := f.describe(goja.FunctionCall{Arguments: []goja.Value{object, key}}).(*goja.Object)
	if !ok {
		return
	}
	for _, part := range []string{"value", "get", "set"} {
		f.visit(member.Get(part))
	}
}

// keeping makes Object.freeze and its like leave alone what Go makes for one evaluation, which
// is not theirs to freeze: (original, name).
func (v *jsRuntime) keeping(call goja.FunctionCall) goja.Value {
	original := v.originalOf(call.Argument(0))
	return v.native(call.Argument(1).String(), func(call goja.FunctionCall) goja.Value {
		object := call.Argument(0)
		if _, ok := exported[*model](object); ok {
			return object
		}
		if _, ok := exported[*node](object); ok {
			return object
		}
		return original(call)
	})
}
