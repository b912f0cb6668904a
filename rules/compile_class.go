package rules

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// spellClasses writes the classes of characters of a regular expression (\p{L}) as the
// characters that are in them: goja takes \p for a letter.
func spellClasses(pattern, flags string) (string, error) {
	if !strings.Contains(flags, "u") || !strings.Contains(strings.ToLower(pattern), `\p{`) {
		return pattern, nil
	}
	var out strings.Builder
	inList := false // between square brackets
	for i := 0; i < len(pattern); i++ {
		c := pattern[i]
		if c != '\\' || i+1 == len(pattern) {
			inList = c == '[' || inList && c != ']'
			out.WriteByte(c)
			continue
		}
		i++
		end := strings.IndexByte(pattern[i:], '}')
		if (pattern[i] != 'p' && pattern[i] != 'P') || !strings.HasPrefix(pattern[i+1:], "{") || end < 0 {
			out.WriteString(pattern[i-1 : i+1])
			continue
		}
		ranges, err := classRanges(pattern[i+len("p{"):i+end], pattern[i] == 'P')
		if err != nil {
			return "", err
		}
		if inList {
			out.WriteString(ranges)
		} else {
			out.WriteString("[" + ranges + "]")
		}
		i += end
	}
	return out.String(), nil
}

// classRanges lists the characters of a class, or those that are not in it, as they stand
// between square brackets.
func classRanges(name string, inverted bool) (string, error) {
	tables := classTables(name)
	if tables == nil {
		return "", fmt.Errorf(`\p{%s} in regular expressions is not available in message rules: name the characters, for example [\u0900-\u097F]`, truncate(name, 40))
	}
	var out strings.Builder
	for _, r := range gather(tables, inverted) {
		writeRange(&out, r)
	}
	return out.String(), nil
}

// classTables finds the tables that make up a class, nil if there is no such class.
func classTables(name string) []*unicode.RangeTable {
	kind, value, named := strings.Cut(name, "=")
	switch {
	case named && (kind == "Script" || kind == "sc"):
		if long, ok := scripts[value]; ok {
			value = long
		}
		return classTable(unicode.Scripts, value)
	case named && kind != "General_Category" && kind != "gc":
		return nil
	case named:
		name = value
	}
	if short, ok := unicode.CategoryAliases[name]; ok {
		name = short
	}
	if tables, ok := binaryClasses[name]; ok && !named {
		return tables
	}
	return classTable(unicode.Categories, name)
}

func classTable(tables map[string]*unicode.RangeTable, name string) []*unicode.RangeTable {
	if table := tables[name]; table != nil {
		return []*unicode.RangeTable{table}
	}
	return nil
}

// scripts are the short names of those that rules may meet.
var scripts = map[string]string{
	"Arab": "Arabic", "Beng": "Bengali", "Deva": "Devanagari", "Gujr": "Gujarati", "Guru": "Gurmukhi", "Knda": "Kannada", "Latn": "Latin",
	"Mlym": "Malayalam", "Orya": "Oriya", "Taml": "Tamil", "Telu": "Telugu", "Zyyy": "Common", "Zinh": "Inherited",
}

// binaryClasses are those that are no category.
var binaryClasses = map[string][]*unicode.RangeTable{
	"Any":         {{R32: []unicode.Range32{{Lo: 0, Hi: unicode.MaxRune, Stride: 1}}}},
	"ASCII":       {{R32: []unicode.Range32{{Lo: 0, Hi: unicode.MaxASCII, Stride: 1}}}},
	"Alphabetic":  {unicode.L, unicode.Nl, unicode.Other_Alphabetic},
	"Alpha":       {unicode.L, unicode.Nl, unicode.Other_Alphabetic},
	"Lowercase":   {unicode.Ll, unicode.Other_Lowercase},
	"Uppercase":   {unicode.Lu, unicode.Other_Uppercase},
	"White_Space": {unicode.White_Space},
}

// A runeRange is a range of characters, both ends included.
type runeRange struct{ low, high rune }

// gather puts the ranges of tables in order and together, without the halves of characters,
// which are none.
func gather(tables []*unicode.RangeTable, inverted bool) []runeRange {
	ranges := []runeRange{}
	add := func(low, high, stride uint32) {
		if stride == 1 {
			ranges = append(ranges, runeRange{rune(low), rune(high)})
			return
		}
		for at := low; at <= high; at += stride {
			ranges = append(ranges, runeRange{rune(at), rune(at)})
		}
	}
	for _, table := range tables {
		for _, r := range table.R16 {
			add(uint32(r.Lo), uint32(r.Hi), uint32(r.Stride))
		}
		for _, r := range table.R32 {
			add(r.Lo, r.Hi, r.Stride)
		}
	}
	if inverted {
		ranges = invert(joined(ranges))
	}
	return withoutSurrogates(joined(ranges))
}

// joined sorts ranges and makes one of those that touch each other.
func joined(ranges []runeRange) []runeRange {
	slices.SortFunc(ranges, func(a, b runeRange) int { return int(a.low - b.low) })
	var out []runeRange
	for _, r := range ranges {
		if last := len(out) - 1; last >= 0 && r.low <= out[last].high+1 {
			out[last].high = max(out[last].high, r.high)
		} else {
			out = append(out, r)
		}
	}
	return out
}

func invert(ranges []runeRange) []runeRange {
	var out []runeRange
	next := rune(0)
	for _, r := range ranges {
		if next < r.low {
			out = append(out, runeRange{next, r.low - 1})
		}
		next = r.high + 1
	}
	if next <= unicode.MaxRune {
		out = append(out, runeRange{next, unicode.MaxRune})
	}
	return out
}

const firstSurrogate, lastSurrogate = 0xD800, 0xDFFF

func withoutSurrogates(ranges []runeRange) []runeRange {
	var out []runeRange
	for _, r := range ranges {
		for _, part := range []runeRange{{r.low, min(r.high, firstSurrogate-1)}, {max(r.low, lastSurrogate+1), r.high}} {
			if part.low <= part.high {
				out = append(out, part)
			}
		}
	}
	return out
}

func writeRange(out *strings.Builder, r runeRange) {
	writeRune(out, r.low)
	if r.high > r.low {
		out.WriteByte('-')
		writeRune(out, r.high)
	}
}

// writeRune writes a character so that it means nothing else in a list.
func writeRune(out *strings.Builder, c rune) {
	if c < utf8.RuneSelf {
		fmt.Fprintf(out, `\x%02x`, c)
	} else {
		out.WriteRune(c)
	}
}
