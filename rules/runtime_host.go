package rules

import (
	"crypto/rand"
	"os"
	"strings"
	"time"

	"github.com/dop251/goja"
)

// maxConsole is how much console output one evaluation may produce, in bytes.
const maxConsole = 64 << 10

// consoleOutput is what a rule has printed in one evaluation. It may hold personal data, so that
// it goes to whoever asked for it and is kept and logged nowhere.
type consoleOutput struct {
	wanted bool
	lines  []string
	length int // of the lines, in bytes
	calls  int
}

// host is what the bundle gets from Go (rules/js/src/host.js).
func (v *jsRuntime) host() *goja.Object {
	h := v.js.NewObject()
	models := newModels(v)
	for name, member := range map[string]any{
		"ready":         v.ready,
		"frozen":        v.frozen,
		"noting":        v.noting,
		"showCaught":    v.showCaught,
		"caught":        caughtFunction,
		"freeze":        v.freezer.freezeAll,
		"defineShape":   v.defineShape,
		"model":         v.modelOfNode,
		"print":         v.print,
		"fillRandom":    v.fillRandom,
		"zone":          zoneName(),
		"zoneExists":    zoneExists,
		"zoneLongName":  zoneLongName,
		"localParts":    localParts,
		"nesting":       nesting,
		"limited":       v.limited,
		"interruptible": v.interruptible,
		"steady":        v.steadyOf,
		"listOf":        v.listOf,
		"joiner":        v.joiner,
		"spellClasses":  spellClasses,
		"keeping":       v.keeping,
		"constantly":    v.constantly,
		"species":       v.species,
		"stringifier":   v.stringifier,
		"blank":         v.blank,
		"declare":       models.declare,
		"instance":      models.instanceOf,
		"declareList":   models.declareList,
		"getter":        models.getter,
		"entityGetter":  models.entityGetter,
		"listGetter":    models.listGetter,
		"finder":        models.finder,
		"isNil":         models.isNil,
		"isEmpty":       models.isEmpty,
		"isString":      v.isString,
		"sorted":        v.sorted,
		"momentOf":      v.momentOf,
		"isValid":       v.isValid,
		"formatDate":    v.formatDate,

		"libraryPattern": v.libraryPattern,
	} {
		if err := h.Set(name, member); err != nil {
			panic(err)
		}
	}
	return h
}

// ready receives the entry points of the bundle.
func (v *jsRuntime) ready(call goja.FunctionCall) goja.Value {
	for i, entry := range []*goja.Callable{&v.runRule, &v.runTimer, &v.reset, &v.halt} {
		*entry, _ = goja.AssertFunction(call.Argument(i))
	}
	return goja.Undefined()
}

// defineShape declares a shape: (name, [{name, kind, from, shape, convert, constant, hidden}]).
func (v *jsRuntime) defineShape(call goja.FunctionCall) goja.Value {
	s := &shape{name: call.Argument(0).String(), index: map[string]int{}}
	v.js.ForOf(call.Argument(1), func(item goja.Value) bool {
		o := item.ToObject(v.js)
		f := field{
			name:   o.Get("name").String(),
			kind:   fieldKind(o.Get("kind").String()),
			from:   o.Get("from").String(),
			shape:  orUndefined(o.Get("shape")).String(),
			hidden: orUndefined(o.Get("hidden")).ToBoolean(),
		}
		f.convert, _ = goja.AssertFunction(orUndefined(o.Get("convert")))
		f.constant = o.Get("constant")
		s.index[f.name] = len(s.fields)
		s.fields = append(s.fields, f)
		return true
	})
	v.shapes[s.name] = s
	return goja.Undefined()
}

// modelOfNode makes a model of a contract object: (shape, node).
func (v *jsRuntime) modelOfNode(call goja.FunctionCall) goja.Value {
	n, ok := exported[*node](call.Argument(1))
	if !ok {
		panic(v.js.NewTypeError("a model is made of an object of the contract"))
	}
	return v.model(call.Argument(0).String(), n.record, nil).object
}

// blank makes an object of a shape that takes nothing from the contract: (shape).
func (v *jsRuntime) blank(call goja.FunctionCall) goja.Value {
	return v.model(call.Argument(0).String(), &Record{}, nil).object
}

func (v *jsRuntime) print(call goja.FunctionCall) goja.Value {
	v.console.calls++
	if !v.console.wanted || v.console.length >= maxConsole {
		return goja.Undefined()
	}
	words := make([]string, len(call.Arguments))
	for i, argument := range call.Arguments {
		words[i] = argument.String()
	}
	line := truncate(strings.Join(words, " "), maxConsole-v.console.length)
	v.console.length += len(line) + 1
	v.console.lines = append(v.console.lines, line)
	return goja.Undefined()
}

func (v *jsRuntime) fillRandom(call goja.FunctionCall) goja.Value {
	array := call.Argument(0).ToObject(v.js)
	if buffer, ok := exported[goja.ArrayBuffer](array.Get("buffer")); ok {
		from := orUndefined(array.Get("byteOffset")).ToInteger()
		to := from + orUndefined(array.Get("byteLength")).ToInteger()
		if 0 <= from && from <= to && to <= int64(len(buffer.Bytes())) {
			rand.Read(buffer.Bytes()[from:to])
		}
	}
	return array
}

// zoneName is the IANA name of the process's time zone, in which rules see local time.
func zoneName() string {
	if name := time.Local.String(); name != "Local" {
		return name
	}
	if name := os.Getenv("TZ"); name != "" {
		return name
	}
	return "UTC"
}

func zoneExists(name string) bool {
	if name == "" || name == "Local" {
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}

// zoneLongName turns what Go prints of a zone into what Node.js prints.
func zoneLongName(short string) string {
	switch short {
	case "UTC":
		return "Coordinated Universal Time"
	case "IST", "+0530":
		return "India Standard Time"
	case "+0545":
		return "Nepal Time"
	case "EST":
		return "Eastern Standard Time"
	case "EDT":
		return "Eastern Daylight Time"
	}
	return short
}

// localParts splits epoch milliseconds into year, month, day, weekday, hour, minute and
// second of a zone, the process's if it has no name.
func localParts(milliseconds int64, zone string) []int {
	location := time.Local
	if zone != "" {
		if l, err := time.LoadLocation(zone); err == nil {
			location = l
		}
	}
	t := time.UnixMilli(milliseconds).In(location)
	return []int{t.Year(), int(t.Month()), t.Day(), int(t.Weekday()), t.Hour(), t.Minute(), t.Second()}
}
