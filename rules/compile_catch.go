package rules

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"
	"github.com/dop251/goja/unistring"
)

// What a rule must not keep to itself is that a change to what rules share was refused: where
// it catches that, its answer would be another than rules-server's. So each catch clause first
// shows what it has caught to a function of the host's (runtime_refuse.go).
//
// No rule can write these names.
const (
	caughtFunction = "\x00caught"
	caughtValue    = "\x00thrown"
)

// watchCatch makes a catch clause show what it has caught.
func watchCatch(clause *ast.CatchStatement) {
	at := clause.Catch
	name := func(text string) *ast.Identifier { return &ast.Identifier{Name: unistring.String(text), Idx: at} }
	var before []ast.Statement
	value, named := clause.Parameter.(*ast.Identifier)
	if !named {
		value = name(caughtValue)
		if clause.Parameter != nil {
			before = append(before, &ast.LexicalDeclaration{
				Idx: at, Token: token.LET, List: []*ast.Binding{{Target: clause.Parameter, Initializer: value}},
			})
		}
		clause.Parameter = value
	}
	show := &ast.ExpressionStatement{Expression: &ast.CallExpression{
		Callee: name(caughtFunction), LeftParenthesis: at, ArgumentList: []ast.Expression{&ast.Identifier{Name: value.Name, Idx: at}}, RightParenthesis: at,
	}}
	clause.Body.List = append(append([]ast.Statement{show}, before...), clause.Body.List...)
}
