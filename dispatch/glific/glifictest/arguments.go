package glifictest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// arguments are the coerced arguments of a field or the fields of an input object.
type arguments map[string]any

// has reports whether an argument was given and is not null.
func (a arguments) has(name string) bool { return a[name] != nil }

// text is a string, enum or id.
func (a arguments) text(name string) string {
	if !a.has(name) {
		return ""
	}
	return fmt.Sprint(a[name]) // an ID may be a number
}

// integer is an Int; 0 if it was not given.
func (a arguments) integer(name string) int {
	switch n := a[name].(type) {
	case int64:
		return int(n)
	case json.Number:
		i, _ := n.Int64() // checked by checkInput
		return int(i)
	default:
		return 0
	}
}

func (a arguments) flag(name string) bool {
	b, _ := a[name].(bool)
	return b
}

func (a arguments) object(name string) arguments {
	o, _ := a[name].(map[string]any)
	return o
}

// list is a list; a single value is a list of one, null is none.
func (a arguments) list(name string) []any {
	switch v := a[name].(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// ilike reports whether the argument, if given, is in the text: Glific's filters are
// substring matches without regard to case.
func (a arguments) ilike(name, text string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(a.text(name)))
}

// equals reports whether the argument, if given, is exactly this.
func (a arguments) equals(name, value string) bool {
	return !a.has(name) || a.text(name) == value
}

// page orders and cuts a list by its Opts. The limit is clamped to most, unless most is 0.
func page[T any](list []T, opts arguments, key func(T, string) string, usual, most int) []T {
	if column := opts.text("orderWith"); column != "" || opts != nil {
		slices.SortStableFunc(list, func(x, y T) int {
			order := compare(key(x, column), key(y, column))
			if opts.text("order") == "DESC" {
				return -order
			}
			return order
		})
	}
	limit := usual
	if opts.has("limit") {
		limit = opts.integer("limit")
	}
	if most > 0 {
		limit = min(limit, most)
	}
	start := min(max(0, opts.integer("offset")), len(list))
	return list[start:min(start+max(0, limit), len(list))]
}

// compare orders numbers by value and all else as text.
func compare(x, y string) int {
	m, errX := strconv.Atoi(x)
	n, errY := strconv.Atoi(y)
	if errX == nil && errY == nil {
		return cmp.Compare(m, n)
	}
	return cmp.Compare(x, y)
}
