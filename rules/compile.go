package rules

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"

	"github.com/dop251/goja"
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/parser"
	"github.com/evanw/esbuild/pkg/api"
)

// maxRuleBytes is how long the text of a rule may be.
const maxRuleBytes = 64 << 10

// A compiledRule is a rule's program, whose completion value is the rule's function, or
// why there is none. It is shared by all runtimes.
type compiledRule struct {
	program *goja.Program
	pure    bool // running it again makes the same function, which keeps nothing
	// spoils: it changes what rules share. Found out by running it where that is refused.
	spoils  *atomic.Bool
	failure *Failure
}

// rules-server removes the directive wherever it stands, even inside a string, and then
// evaluates the rule strictly.
var useStrict = regexp.MustCompile(`(?i)"use strict";|'use strict';`)

func compileRule(script string) compiledRule {
	if err := checkText(script); err != nil {
		return compiledRule{failure: &Failure{Kind: FailedCompile, Message: err.Error()}}
	}
	code, tree, err := read(useStrict.ReplaceAllString(script, ""))
	if err != nil {
		return compiledRule{failure: syntaxFailure(err, 0)}
	}
	return compileTree(code, tree)
}

// read parses a rule's text. The text it returns is another if goja does not parse the
// rule's, or not in time.
func read(code string) (string, *ast.Program, error) {
	if hasManyColons(code) {
		if _, err := translate(code); err != nil {
			return "", nil, err
		}
	}
	if !isTangled(code) {
		if tree, err := parse(code); err == nil {
			return code, tree, nil
		}
	}
	code, err := translate(code)
	if err != nil {
		return "", nil, err
	}
	tree, err := parse(code)
	return code, tree, err
}

func parse(code string) (*ast.Program, error) {
	return parser.ParseFile(nil, ruleFile, code, 0, parser.WithDisableSourceMaps)
}

// translate turns JavaScript that goja does not know (for await, async generators) or takes
// too long to parse (arrow functions) into what it knows. Its error is what an author should
// read.
func translate(code string) (string, error) {
	result := api.Transform(code, api.TransformOptions{
		Target: api.ES2017, Supported: map[string]bool{"arrow": false},
		Loader: api.LoaderJS, Charset: api.CharsetUTF8, LogLevel: api.LogLevelSilent,
	})
	if len(result.Errors) > 0 {
		return "", &sourceError{result.Errors[0]}
	}
	return string(result.Code), nil
}

// A sourceError is a syntax error that esbuild found.
type sourceError struct{ message api.Message }

func (e *sourceError) Error() string { return e.message.Text }

// compileTree makes a program whose completion value is that of the script. The code goes
// into a function that returns it, so that declarations stay local and `this` is
// undefined, as in the eval of rules-server. Where the value is not that of one statement
// a block has to do.
func compileTree(code string, tree *ast.Program) compiledRule {
	before, after := "(function(){\n", "\n})()"
	last := valuedStatement(tree.Body)
	if last < 0 {
		before, after = "{\n", "\n}"
	}
	wrapped, err := parse(before + code + after)
	if err != nil {
		return compiledRule{failure: syntaxFailure(err, 1)}
	}
	if err := mend(wrapped); err != nil {
		return compiledRule{failure: syntaxFailure(err, 1)}
	}
	if last >= 0 {
		returnStatement(wrapped, last)
	}
	program, err := goja.CompileAST(wrapped, true)
	if err != nil {
		return compiledRule{failure: syntaxFailure(err, 1)}
	}
	rule := compiledRule{program: program, pure: isArrow(code, tree.Body), spoils: &atomic.Bool{}}
	rule.spoils.Store(last < 0 && len(tree.DeclarationList) > 0 || changesShared(wrapped))
	return rule
}

// isArrow says whether a script is one arrow function. Unlike other functions that has no
// name by which it could reach itself; the arguments it sees are those of the function
// around it.
func isArrow(code string, body []ast.Statement) bool {
	if len(body) != 1 || strings.Contains(code, "arguments") {
		return false
	}
	statement, ok := body[0].(*ast.ExpressionStatement)
	if !ok {
		return false
	}
	_, ok = statement.Expression.(*ast.ArrowFunctionLiteral)
	return ok
}

// valuedStatement finds the statement whose value is the script's, if it is an expression
// after which only functions are declared; -1 otherwise.
func valuedStatement(body []ast.Statement) int {
	for i := len(body) - 1; i >= 0; i-- {
		switch body[i].(type) {
		case *ast.EmptyStatement, *ast.FunctionDeclaration:
		case *ast.ExpressionStatement:
			return i
		default:
			return -1
		}
	}
	return -1
}

// returnStatement makes the i-th statement of the function that the program calls its
// return statement.
func returnStatement(program *ast.Program, i int) {
	call := program.Body[0].(*ast.ExpressionStatement).Expression.(*ast.CallExpression)
	body := call.Callee.(*ast.FunctionLiteral).Body.List
	statement := body[i].(*ast.ExpressionStatement)
	body[i] = &ast.ReturnStatement{Return: statement.Idx0(), Argument: statement.Expression}
}

// syntaxFailure tells an author what is wrong with the text, and where. linesBefore is how
// many lines were put before it.
func syntaxFailure(err error, linesBefore int) *Failure {
	var source *sourceError
	var parsing parser.ErrorList
	var compiling *goja.CompilerSyntaxError
	message := err.Error()
	switch {
	case errors.As(err, &source):
		message = source.message.Text
		if at := source.message.Location; at != nil {
			message = fmt.Sprintf("%s (line %d, column %d)", message, at.Line, at.Column+1)
		}
	case errors.As(err, &parsing) && len(parsing) > 0:
		message = parsing[0].Message
	case errors.As(err, &compiling):
		message = compiling.Message
		if compiling.File != nil {
			at := compiling.File.Position(compiling.Offset)
			message = fmt.Sprintf("%s (line %d, column %d)", message, at.Line-linesBefore, at.Column)
		}
	}
	return &Failure{Kind: FailedCompile, Message: truncate("SyntaxError: "+message, maxFailureMessage)}
}
