package rules

import "github.com/dop251/goja"

// A freezer freezes objects and all that they lead to, each once.
type freezer struct {
	vm               *jsRuntime
	describe, freeze func(goja.FunctionCall) goja.Value // Object's own
	seen             map[*goja.Object]struct{}
	open             []*goja.Object
}

func newFreezer(v *jsRuntime) *freezer {
	f := &freezer{vm: v, seen: map[*goja.Object]struct{}{}}
	object := v.js.Get("Object").ToObject(v.js)
	f.describe, _ = object.Get("getOwnPropertyDescriptor").Export().(func(goja.FunctionCall) goja.Value)
	f.freeze, _ = object.Get("freeze").Export().(func(goja.FunctionCall) goja.Value)
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
	for _, name := range object.GetOwnPropertyNames() {
		if !isFunction || (name != "length" && name != "name") {
			f.visitMember(object, f.vm.js.ToValue(name))
		}
	}
	for _, symbol := range object.Symbols() {
		f.visitMember(object, symbol)
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
