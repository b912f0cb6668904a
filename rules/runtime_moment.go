package rules

import (
	"strconv"
	"strings"
	"time"

	"github.com/dop251/goja"
)

// parsingShape is that of what moment knows about how a date was parsed
// (rules/js/src/faster/moment.js).
const parsingShape = "parsingFlags"

// momentOf makes what moment makes of a valid Date, the same fields in the same order, or
// returns undefined: (date, moment.fn, locale).
func (v *jsRuntime) momentOf(call goja.FunctionCall) goja.Value {
	at, ok := dateOf(call.Argument(0))
	if !ok {
		return goja.Undefined()
	}
	made := v.js.CreateObject(call.Argument(1).ToObject(v.js))
	for _, field := range []property{
		{"_isAMomentObject", v.js.ToValue(true)},
		{"_i", call.Argument(0)},
		{"_isUTC", v.js.ToValue(false)},
		{"_pf", v.model(parsingShape, &Record{}, nil).object},
		{"_locale", call.Argument(2)},
		{"_d", v.newDate(v.js.ToValue(at.UnixMilli()))},
		{"_isValid", v.js.ToValue(true)},
	} {
		if err := made.Set(field.name, field.value); err != nil {
			panic(err)
		}
	}
	return made
}

// dateOf reads a Date unless it is invalid.
func dateOf(value goja.Value) (time.Time, bool) {
	return exported[time.Time](value)
}

// isValid makes moment.fn.isValid, which answers itself for what momentOf has made: (original).
func (v *jsRuntime) isValid(call goja.FunctionCall) goja.Value {
	otherwise, _ := goja.AssertFunction(call.Argument(0))
	return v.native("isValid", func(call goja.FunctionCall) goja.Value {
		if made, ok := call.This.(*goja.Object); ok && isUsualMoment(made) {
			return v.js.ToValue(true)
		}
		is, err := otherwise(call.This)
		if err != nil {
			panic(err)
		}
		return is
	})
}

// isUsualMoment says whether a moment was found valid when it was made without parsing
// anything, and still has a valid date.
func isUsualMoment(made *goja.Object) bool {
	flags, ok := exported[*model](made.Get("_pf"))
	if !ok || flags.shape.name != parsingShape || flags.changed {
		return false
	}
	if !orUndefined(made.Get("_isValid")).ToBoolean() || made.Get("_strict") != nil {
		return false
	}
	_, ok = dateOf(made.Get("_d"))
	return ok
}

// formatDate prints a Date as moment does in English and in the process's time zone, or
// returns undefined where that takes more than the usual letters: (date, pattern).
func (v *jsRuntime) formatDate(call goja.FunctionCall) goja.Value {
	at, ok := dateOf(call.Argument(0))
	if !ok {
		return goja.Undefined()
	}
	text, ok := formatMoment(at, call.Argument(1).String())
	if !ok {
		return goja.Undefined()
	}
	return v.js.ToValue(text)
}

// momentLayouts says what Go calls moment's letters.
var momentLayouts = map[string]string{
	"D": "2", "DD": "02", "M": "1", "MM": "01", "MMM": "Jan", "MMMM": "January", "YY": "06", "YYYY": "2006",
	"ddd": "Mon", "dddd": "Monday", "HH": "15", "h": "3", "hh": "03", "m": "4", "mm": "04", "s": "5", "ss": "05", "A": "PM", "a": "pm",
}

func formatMoment(at time.Time, pattern string) (string, bool) {
	if at.Year() < 1000 || at.Year() > 9999 {
		return "", false
	}
	out := make([]byte, 0, 2*len(pattern))
	hours := false // an hour, which moment may read together with minutes that follow
	for i := 0; i < len(pattern); {
		n := run(pattern[i:])
		token := pattern[i : i+n]
		layout, ok := momentLayouts[token]
		switch {
		case token == "H":
			out = strconv.AppendInt(out, int64(at.Hour()), 10)
		case ok && !(hours && token[0] == 'm'):
			out = at.AppendFormat(out, layout)
		case strings.IndexByte(momentLiterals, token[0]) >= 0:
			out = append(out, token...)
		default:
			return "", false
		}
		hours = token[0] == 'H' || token[0] == 'h'
		i += n
	}
	return string(out), true
}

// momentLiterals stand for themselves.
const momentLiterals = " -/.,:;()_|'0123456789"

// run counts the equal letters at the start.
func run(text string) int {
	n := 1
	for n < len(text) && text[n] == text[0] {
		n++
	}
	return n
}
