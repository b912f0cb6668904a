package rules

import (
	"fmt"
	"math/big"
	"reflect"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
)

// What the text of a rule may hold, far more than any rule does. Parsers recurse in Go, and
// goja's goes back over nested arrow functions again and again.
const (
	maxNesting = 500
	maxArrows  = 2000
)

// checkText refuses text that would be a burden to parse.
func checkText(script string) error {
	if len(script) > maxRuleBytes {
		return fmt.Errorf("the rule is %d bytes long; at most %d are allowed", len(script), maxRuleBytes)
	}
	if n := strings.Count(script, "=>"); n > maxArrows {
		return fmt.Errorf("the rule has %d arrow functions; at most %d are allowed", n, maxArrows)
	}
	if nesting(script) > maxNesting {
		return fmt.Errorf("the rule has brackets nested more than %d deep", maxNesting)
	}
	return nil
}

// nesting is how deeply brackets are nested. Those in strings count too.
func nesting(script string) int {
	depth, deepest := 0, 0
	for i := range len(script) {
		switch script[i] {
		case '(', '[', '{':
			depth++
			deepest = max(deepest, depth)
		case ')', ']', '}':
			depth = max(0, depth-1)
		}
	}
	return deepest
}

// maxDepth is how deeply expressions and statements may be nested, terms of a sum included:
// goja compiles in a time that grows with the square of it.
const maxDepth = 1500

// mend writes what goja would read wrongly in another way and refuses what could end the
// process.
func mend(tree *ast.Program) error {
	return walk(tree, func(n any, depth int) error {
		switch n := n.(type) {
		case *ast.NumberLiteral:
			if _, ok := n.Value.(*big.Int); ok {
				return fmt.Errorf("big integers such as %s are not available in message rules", truncate(n.Literal, 40))
			}
		case *ast.RegExpLiteral:
			pattern, err := spellClasses(n.Pattern, n.Flags)
			if err != nil {
				return err
			}
			n.Pattern = pattern
		case *ast.CatchStatement:
			watchCatch(n)
		}
		if depth > maxDepth {
			return fmt.Errorf("an expression of the rule has more than %d parts in each other", maxDepth)
		}
		return nil
	})
}

// walk calls see for every node of a syntax tree, with its depth, until that returns an
// error.
func walk(tree *ast.Program, see func(n any, depth int) error) error {
	w := walker{see: see}
	w.visit(reflect.ValueOf(tree.Body))
	return w.err
}

type walker struct {
	see   func(n any, depth int) error
	depth int
	err   error
}

var fileType = reflect.TypeFor[*file.File]()

func (w *walker) visit(value reflect.Value) {
	switch value.Kind() {
	case reflect.Interface:
		if !value.IsNil() {
			w.visit(value.Elem())
		}
	case reflect.Pointer:
		if value.IsNil() || value.Type() == fileType || value.Elem().Kind() != reflect.Struct {
			return
		}
		w.depth++
		if w.err = w.see(value.Interface(), w.depth); w.err == nil {
			w.visit(value.Elem())
		}
		w.depth--
	case reflect.Slice:
		for i := 0; i < value.Len() && w.err == nil; i++ {
			w.visit(value.Index(i))
		}
	case reflect.Struct:
		for i := 0; i < value.NumField() && w.err == nil; i++ {
			if value.Type().Field(i).IsExported() {
				w.visit(value.Field(i))
			}
		}
	}
}
