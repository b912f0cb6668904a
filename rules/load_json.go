package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
)

// parseJSON turns the text of a jsonb value into contract values: objects become
// Records with their keys in the stored order, numbers int64 where JavaScript has them
// exactly and float64 otherwise. Empty input is null.
func parseJSON(text []byte) (any, error) {
	p := jsonText{text: text}
	p.space()
	if p.at == len(p.text) {
		return nil, nil
	}
	value, err := p.value(0)
	if err != nil {
		return nil, fmt.Errorf("parse json at byte %d: %w", p.at, err)
	}
	return value, nil
}

// eachKey calls f for every object key in a JSON text, at every depth. It is many
// times cheaper than parsing. The slice is valid during the call only.
func eachKey(text []byte, f func(key []byte)) {
	p := jsonText{text: text}
	for p.at < len(p.text) {
		if p.text[p.at] != '"' {
			p.at++
			continue
		}
		key, err := p.rawString()
		if err != nil {
			return
		}
		p.space()
		if p.peek() == ':' {
			f(key)
		}
	}
}

const maxJSONDepth = 100

var errJSON = fmt.Errorf("not valid JSON")

// jsonText is a JSON text and how far it has been read.
type jsonText struct {
	text []byte
	at   int
}

func (p *jsonText) space() {
	for p.at < len(p.text) {
		switch p.text[p.at] {
		case ' ', '\n', '\t', '\r':
			p.at++
		default:
			return
		}
	}
}

// peek returns the next byte, 0 at the end.
func (p *jsonText) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

// next skips white space and takes one byte if it is the given one.
func (p *jsonText) next(c byte) bool {
	p.space()
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

func (p *jsonText) value(depth int) (any, error) {
	if depth > maxJSONDepth {
		return nil, errJSON
	}
	p.space()
	switch c := p.peek(); {
	case c == '{':
		return p.object(depth)
	case c == '[':
		return p.array(depth)
	case c == '"':
		return p.string()
	case c == 't':
		return true, p.word("true")
	case c == 'f':
		return false, p.word("false")
	case c == 'n':
		return nil, p.word("null")
	default:
		return p.number()
	}
}

func (p *jsonText) object(depth int) (any, error) {
	p.at++
	object := &Record{}
	if p.next('}') {
		return object, nil
	}
	for {
		p.space()
		key, err := p.string()
		if err != nil {
			return nil, err
		}
		if !p.next(':') {
			return nil, errJSON
		}
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		object.names = append(object.names, key) // jsonb holds a key only once
		object.values = append(object.values, value)
		if p.next('}') {
			return object, nil
		}
		if !p.next(',') {
			return nil, errJSON
		}
	}
}

func (p *jsonText) array(depth int) (any, error) {
	p.at++
	list := List{}
	if p.next(']') {
		return list, nil
	}
	for {
		value, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, value)
		if p.next(']') {
			return list, nil
		}
		if !p.next(',') {
			return nil, errJSON
		}
	}
}

func (p *jsonText) string() (string, error) {
	start := p.at
	raw, err := p.rawString()
	if err != nil {
		return "", err
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw), nil
	}
	var s string
	if err := json.Unmarshal(p.text[start:p.at], &s); err != nil {
		return "", errJSON
	}
	return s, nil
}

// rawString returns what is between the quotes, escapes left as they are.
func (p *jsonText) rawString() ([]byte, error) {
	if p.peek() != '"' {
		return nil, errJSON
	}
	p.at++
	for start := p.at; p.at < len(p.text); p.at++ {
		switch p.text[p.at] {
		case '\\':
			p.at++
		case '"':
			p.at++
			return p.text[start : p.at-1], nil
		}
	}
	p.at = len(p.text)
	return nil, errJSON
}

func (p *jsonText) word(w string) error {
	if !bytes.HasPrefix(p.text[p.at:], []byte(w)) {
		return errJSON
	}
	p.at += len(w)
	return nil
}

const maxSafeInteger = 1<<53 - 1 // Number.MAX_SAFE_INTEGER

func (p *jsonText) number() (any, error) {
	start := p.at
	for p.at < len(p.text) && bytes.IndexByte([]byte("+-.0123456789eE"), p.text[p.at]) >= 0 {
		p.at++
	}
	text := string(p.text[start:p.at])
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n >= -maxSafeInteger && n <= maxSafeInteger {
		return n, nil
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && f == 0 { // out of range is ±Inf, as in JavaScript
		return nil, errJSON
	}
	return f, nil
}
