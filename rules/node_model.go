package rules

import (
	"time"

	"github.com/dop251/goja"
)

// A shape says how the objects inside the openchs-models classes are made of contract
// records: it is declared in JavaScript (rules/js/src/entity/shapes.js).
type shape struct {
	name   string
	fields []field
	index  map[string]int
}

type fieldKind string

const (
	fieldCopy  fieldKind = "copy"  // the contract's value as it is
	fieldDate  fieldKind = "date"  // a Date, or null
	fieldOne   fieldKind = "one"   // a model of another shape, or null
	fieldMany  fieldKind = "many"  // an array of models, empty if the contract has none
	fieldOwner fieldKind = "owner" // as one, or else the nearest model of that shape that holds this one
	fieldMake  fieldKind = "make"  // what a JavaScript function makes of the contract's value
	fieldConst fieldKind = "const" // a value of JavaScript's, the same in every object
)

type field struct {
	name     string
	kind     fieldKind
	from     string // name in the contract
	shape    string // of one, many, owner
	convert  goja.Callable
	constant goja.Value
	hidden   bool // not among the object's keys
}

// A model is the object inside an openchs-models instance, its `that`. Fields are made
// when touched, and rules may change them, as they may on rules-server.
type model struct {
	vm     *jsRuntime
	shape  *shape
	record *Record
	owner  *model
	object *goja.Object
	values []goja.Value // by field; nil until touched
	added  []property   // what a rule put on the object beyond its shape

	changed bool // a field was set
}

type property struct {
	name  string
	value goja.Value
}

// conceptShape is the one shape whose models are shared within an evaluation: the same
// concept stands behind many observations.
const conceptShape = "concept"

func (v *jsRuntime) model(shapeName string, record *Record, owner *model) *model {
	s := v.shapes[shapeName]
	if s == nil {
		panic(v.js.NewTypeError("no shape %q", shapeName))
	}
	if shapeName == conceptShape {
		if m := v.concepts[record]; m != nil {
			return m
		}
	}
	m := &model{vm: v, shape: s, record: record, owner: owner, values: make([]goja.Value, len(s.fields))}
	m.object = v.js.NewDynamicObject(m)
	if shapeName == conceptShape {
		v.concepts[record] = m
	}
	return m
}

func (m *model) Get(key string) goja.Value {
	i, ok := m.shape.index[key]
	if !ok {
		for _, p := range m.added {
			if p.name == key {
				return p.value
			}
		}
		return nil
	}
	if m.values[i] == nil {
		m.values[i] = m.make(&m.shape.fields[i])
	}
	return m.values[i]
}

func (m *model) Set(key string, value goja.Value) bool {
	m.changed = true
	if i, ok := m.shape.index[key]; ok {
		m.values[i] = value
		return true
	}
	for i := range m.added {
		if m.added[i].name == key {
			m.added[i].value = value
			return true
		}
	}
	m.added = append(m.added, property{key, value})
	return true
}

func (m *model) Has(key string) bool { return m.Get(key) != nil }

func (m *model) Delete(key string) bool {
	if i, ok := m.shape.index[key]; ok {
		m.values[i] = goja.Undefined()
		return true
	}
	for i := range m.added {
		if m.added[i].name == key {
			m.added = append(m.added[:i], m.added[i+1:]...)
			break
		}
	}
	return true
}

// Keys leaves out hidden fields and the way back to an owner, which would make
// JSON.stringify go in circles.
func (m *model) Keys() []string {
	keys := make([]string, 0, len(m.shape.fields)+len(m.added))
	for i := range m.shape.fields {
		f := &m.shape.fields[i]
		if f.hidden || (f.kind == fieldOwner && m.contract(f.from) == nil) {
			continue
		}
		keys = append(keys, f.name)
	}
	for _, p := range m.added {
		keys = append(keys, p.name)
	}
	return keys
}

func (m *model) contract(name string) any {
	value, _ := m.record.Get(name)
	return m.vm.resolve(value)
}

func (m *model) make(f *field) goja.Value {
	switch f.kind {
	case fieldConst:
		return f.constant
	case fieldCopy:
		value, ok := m.record.Get(f.from)
		if !ok {
			return goja.Undefined()
		}
		return m.vm.value(value)
	}
	value := m.contract(f.from)
	switch f.kind {
	case fieldDate:
		return m.vm.date(value)
	case fieldOne, fieldOwner:
		return m.related(f, value)
	case fieldMany:
		return m.list(f.shape, value)
	default:
		made, err := f.convert(goja.Undefined(), m.vm.value(value), m.object)
		if err != nil {
			panic(err)
		}
		return made
	}
}

func (m *model) related(f *field, value any) goja.Value {
	if record, ok := value.(*Record); ok && record != nil {
		return m.vm.model(f.shape, record, m).object
	}
	if f.kind == fieldOwner {
		for owner := m.owner; owner != nil; owner = owner.owner {
			if owner.shape.name == f.shape {
				return owner.object
			}
		}
	}
	return goja.Null()
}

// list makes the models of a contract list. An observation whose concept is not there is
// left out: no rule could ask for it.
func (m *model) list(shapeName string, value any) goja.Value {
	list, _ := value.(List)
	models := make([]any, 0, len(list))
	for _, item := range list {
		record, ok := m.vm.resolve(item).(*Record)
		if !ok || record == nil || (shapeName == "observation" && !record.has("concept")) {
			continue
		}
		models = append(models, m.vm.model(shapeName, record, m).object)
	}
	return m.vm.js.NewArray(models...)
}

// date makes the Date that `new Date(value)` makes of what avni-server writes: ISO text
// since 2024-11, epoch milliseconds or [year, month, day] before. Date-only text is
// midnight UTC.
func (v *jsRuntime) date(value any) goja.Value {
	switch value := value.(type) {
	case nil:
		return goja.Null()
	case string:
		layout := time.RFC3339Nano
		if len(value) == len(time.DateOnly) {
			layout = time.DateOnly
		}
		if at, err := time.Parse(layout, value); err == nil {
			return v.newDate(v.js.ToValue(at.UnixMilli()))
		}
		return v.newDate(v.js.ToValue(value))
	case List:
		return v.newDate(v.js.ToValue(v.value(value).String()))
	default:
		return v.newDate(v.value(value))
	}
}

func (v *jsRuntime) newDate(argument goja.Value) goja.Value {
	date, err := v.js.New(v.dateConstructor, argument)
	if err != nil {
		panic(err)
	}
	return date
}
