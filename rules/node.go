package rules

import (
	"fmt"

	"github.com/dop251/goja"
)

// A node is a Record as JavaScript sees it: an object whose fields are converted when they
// are touched, in the Record's order. It is read-only.
type node struct {
	vm     *jsRuntime
	record *Record
	values []goja.Value // by field; nil until touched
}

func (v *jsRuntime) node(record *Record) *goja.Object {
	return v.js.NewDynamicObject(&node{vm: v, record: record, values: make([]goja.Value, len(record.names))})
}

// Get converts the field once; nil stands for no such field.
func (n *node) Get(key string) goja.Value {
	i := n.record.index(key)
	if i < 0 {
		return nil
	}
	if n.values[i] == nil {
		n.values[i] = n.vm.value(n.record.values[i])
	}
	return n.values[i]
}

func (n *node) Has(key string) bool         { return n.record.index(key) >= 0 }
func (n *node) Keys() []string              { return n.record.names }
func (n *node) Set(string, goja.Value) bool { return false }
func (n *node) Delete(string) bool          { return false }

// value converts a contract value. Lists become arrays, whose records stay lazy.
func (v *jsRuntime) value(value any) goja.Value {
	switch value := v.resolve(value).(type) {
	case nil:
		return goja.Null()
	case string, bool, int64, float64:
		return v.js.ToValue(value)
	case *Record:
		if value == nil {
			return goja.Null()
		}
		return v.node(value)
	case List:
		items := make([]any, len(value))
		for i, item := range value {
			items[i] = v.value(item)
		}
		return v.js.NewArray(items...)
	default:
		panic(v.abort(fmt.Errorf("contract value of type %T", value)))
	}
}

// resolve calls a Lazy or a Late. If that fails the evaluation ends: the rule cannot catch it.
func (v *jsRuntime) resolve(value any) any {
	for {
		var err error
		switch unmade := value.(type) {
		case Lazy:
			value, err = unmade()
		case Late:
			value, err = unmade(v.late)
		default:
			return value
		}
		if err != nil {
			panic(v.abort(err))
		}
	}
}
