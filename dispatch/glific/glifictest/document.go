package glifictest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// schemaText lists what a sender of messages may use of Glific's schema.
//
//go:embed schema.graphql
var schemaText string

var schema = gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphql", Input: schemaText})

// parsed is a GraphQL request after parsing and validation.
type parsed struct {
	missing   bool // there is no query
	operation *ast.OperationDefinition
	variables map[string]any
	fields    []string // root fields, in order
	invalid   []graphQLError
}

// graphQLError is an error as Absinthe writes it.
type graphQLError struct {
	Message   string     `json:"message"`
	Locations []location `json:"locations,omitempty"`
	Path      []any      `json:"path,omitempty"`
}

type location struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

// parse reads a request body. It never fails: what is wrong is in the result.
func parse(body []byte) *parsed {
	var request struct {
		Query         string
		OperationName string
		Variables     map[string]any
	}
	numbers := json.NewDecoder(bytes.NewReader(body))
	numbers.UseNumber()
	if err := numbers.Decode(&request); err != nil || request.Query == "" {
		return &parsed{missing: true}
	}
	doc, errs := validated(request.Query)
	if len(errs) > 0 {
		return &parsed{invalid: errs}
	}
	op := doc.Operations.ForName(request.OperationName)
	if op == nil {
		return &parsed{invalid: []graphQLError{{Message: fmt.Sprintf("Unknown operation %q.", request.OperationName)}}}
	}
	p := &parsed{operation: op}
	for _, f := range fieldsOf(op.SelectionSet) {
		p.fields = append(p.fields, f.Name)
	}
	p.coerce(request.Variables)
	return p
}

// coerce checks and converts the variables.
func (p *parsed) coerce(variables map[string]any) {
	for _, d := range p.operation.VariableDefinitions {
		if err := checkInput(d.Type, variables[d.Variable], d.Variable); err != nil {
			p.invalid = append(p.invalid, graphQLError{
				Message:   fmt.Sprintf("Argument %q has invalid value $%s.\n%s", d.Variable, d.Variable, err),
				Locations: at(d.Position),
			})
		}
	}
	if p.invalid != nil {
		return
	}
	coerced, err := validator.VariableValues(schema, p.operation, variables)
	if err != nil {
		p.invalid = []graphQLError{{Message: err.Error()}}
		return
	}
	p.variables = coerced
}

// documents remembers validated documents by their text: clients send few different
// ones, and benchmarks should not measure this parser.
var documents sync.Map

const maxRemembered = 10_000 // bytes; longer documents are built for one request

type checked struct {
	doc  *ast.QueryDocument
	errs []graphQLError
}

func validated(query string) (*ast.QueryDocument, []graphQLError) {
	if c, ok := documents.Load(query); ok {
		return c.(checked).doc, c.(checked).errs
	}
	c := check(query)
	if len(query) <= maxRemembered {
		documents.Store(query, c)
	}
	return c.doc, c.errs
}

func check(query string) checked {
	doc, list := gqlparser.LoadQueryWithRules(schema, query, rules.NewDefaultRules())
	if len(list) == 0 {
		list = literalErrors(doc)
	}
	var errs []graphQLError
	for _, e := range list {
		g := graphQLError{Message: e.Message}
		for _, l := range e.Locations {
			g.Locations = append(g.Locations, location{l.Line, l.Column})
		}
		errs = append(errs, g)
	}
	return checked{doc, errs}
}

// literalErrors finds literals that Absinthe refuses and the validator does not.
func literalErrors(doc *ast.QueryDocument) gqlerror.List {
	var list gqlerror.List
	walker := func(v *ast.Value) {
		if err := checkLiteral(v); err != nil {
			list = append(list, gqlerror.ErrorPosf(v.Position, "%s", err))
		}
	}
	for _, op := range doc.Operations {
		eachValue(op.SelectionSet, walker)
	}
	for _, f := range doc.Fragments {
		eachValue(f.SelectionSet, walker)
	}
	return list
}

func eachValue(set ast.SelectionSet, visit func(*ast.Value)) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.InlineFragment:
			eachValue(s.SelectionSet, visit)
		case *ast.Field:
			for _, a := range s.Arguments {
				visit(a.Value)
			}
			eachValue(s.SelectionSet, visit)
		}
	}
}

func at(p *ast.Position) []location {
	if p == nil {
		return nil
	}
	return []location{{p.Line, p.Column}}
}
