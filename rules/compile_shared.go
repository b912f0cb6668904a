package rules

import (
	"errors"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"
)

var errChangesShared = errors.New("the rule changes what rules share")

// changesShared says whether a rule plainly changes a prototype or the global object. It may
// do so in ways that are not so plain; then it fails where that is refused, unless it
// catches the failure.
func changesShared(tree *ast.Program) bool {
	return walk(tree, func(n any, _ int) error {
		var changed ast.Expression
		switch n := n.(type) {
		case *ast.AssignExpression:
			changed = n.Left
		case *ast.UnaryExpression:
			if n.Operator == token.DELETE || n.Operator == token.INCREMENT || n.Operator == token.DECREMENT {
				changed = n.Operand
			}
		}
		if isShared(holder(changed)) {
			return errChangesShared
		}
		return nil
	}) != nil
}

// holder is the object of which an expression names a member, nil if it names none.
func holder(member ast.Expression) ast.Expression {
	switch member := member.(type) {
	case *ast.DotExpression:
		return member.Left
	case *ast.BracketExpression:
		return member.Left
	}
	return nil
}

func isShared(object ast.Expression) bool {
	switch object := object.(type) {
	case *ast.Identifier:
		return object.Name == "globalThis" || object.Name == "global"
	case *ast.DotExpression:
		switch object.Identifier.Name {
		case "fn", "__proto__":
			return true
		case "prototype":
			class, named := object.Left.(*ast.Identifier)
			return !named || builtIn[class.Name.String()]
		}
	}
	return false
}

// builtIn are the language's own classes that rules may want to extend.
var builtIn = map[string]bool{
	"Array": true, "Boolean": true, "Date": true, "Error": true, "Function": true, "Map": true, "Number": true, "Object": true,
	"Promise": true, "RegExp": true, "Set": true, "String": true,
}
