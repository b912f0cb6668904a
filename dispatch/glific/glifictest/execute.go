package glifictest

import (
	"errors"
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
)

// object is a value with fields; what a resolver leaves out is null. A func() any
// is called when the field is selected.
type object map[string]any

// execution runs one document for one organisation, under the server's lock.
type execution struct {
	organisation *Organisation
	errors       []graphQLError
	accepted     []*message // to be handed to the provider when the document is done
}

// root is a root field: the least role that may use it and what it does.
type root struct {
	role    role
	resolve func(*execution, arguments) (any, error)
}

var roots = map[string]root{
	"contactByPhone":       {staff, (*execution).contactByPhone},
	"contacts":             {staff, (*execution).listContacts},
	"optinContact":         {manager, (*execution).optinContact},
	"createAndSendMessage": {staff, (*execution).createAndSendMessage},
	"message":              {staff, (*execution).messageByID},
	"messages":             {staff, (*execution).listMessages},
	"search":               {staff, (*execution).search},
	"sessionTemplate":      {staff, (*execution).sessionTemplate},
	"sessionTemplates":     {staff, (*execution).sessionTemplates},
	"currentUser":          {staff, (*execution).currentUser},
	"organization":         {staff, (*execution).organization},
}

// glificError is an error in Glific's own words.
type glificError string

func (e glificError) Error() string { return string(e) }

// payloadError is an error that Glific reports inside the payload.
type payloadError struct{ key, message string }

func (e payloadError) Error() string { return e.message }

// execute runs a document: root fields one after another, each failing alone. An
// invalid document executes nothing and answers without data.
func (s *Server) execute(o *Organisation, doc *parsed) any {
	if len(doc.invalid) > 0 {
		return map[string]any{"errors": doc.invalid}
	}
	s.mu.Lock()
	x := &execution{organisation: o}
	data := object{}
	for _, f := range fieldsOf(doc.operation.SelectionSet) {
		data[f.Alias] = x.root(f, doc.variables)
	}
	var deliveries []Delivery
	for _, m := range x.accepted {
		deliveries = append(deliveries, s.handOver(m)...)
	}
	s.mu.Unlock()
	s.tell(deliveries)

	answer := map[string]any{"data": data}
	if len(x.errors) > 0 {
		answer["errors"] = x.errors
	}
	return answer
}

// root runs one root field.
func (x *execution) root(f *ast.Field, variables map[string]any) any {
	path := []any{f.Alias}
	if f.Name == "__typename" {
		return f.ObjectDefinition.Name
	}
	value, err := x.resolve(f, variables)
	var inPayload payloadError
	switch {
	case errors.As(err, &inPayload):
		value = object{"errors": []object{{"key": inPayload.key, "message": inPayload.message}}}
	case err != nil:
		x.errors = append(x.errors, graphQLError{err.Error(), at(f.Position), path})
		return nil
	}
	return project(value, f.SelectionSet)
}

func (x *execution) resolve(f *ast.Field, variables map[string]any) (any, error) {
	r, ok := roots[f.Name]
	if !ok {
		return nil, fmt.Errorf("this fake of Glific does not implement %s", f.Name)
	}
	if roleOf(x.organisation.user.role) < r.role {
		return nil, glificError("Unauthorized")
	}
	return r.resolve(x, f.ArgumentMap(variables))
}

// project is the part of a value that a selection asks for.
func project(value any, set ast.SelectionSet) any {
	switch v := value.(type) {
	case func() any:
		return project(v(), set)
	case []object:
		list := make([]any, len(v))
		for i := range v {
			list[i] = project(v[i], set)
		}
		return list
	case object:
		out := object{}
		for _, f := range fieldsOf(set) {
			if f.Name == "__typename" {
				out[f.Alias] = f.ObjectDefinition.Name
				continue
			}
			out[f.Alias] = project(v[f.Name], f.SelectionSet)
		}
		return out
	default:
		return v
	}
}

// fieldsOf are the fields of a selection with its fragments, in order.
func fieldsOf(set ast.SelectionSet) []*ast.Field {
	var fields []*ast.Field
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			fields = append(fields, s)
		case *ast.InlineFragment:
			fields = append(fields, fieldsOf(s.SelectionSet)...)
		case *ast.FragmentSpread:
			fields = append(fields, fieldsOf(s.Definition.SelectionSet)...)
		}
	}
	return fields
}

// refusal answers every root field of a document with an error.
func refusal(doc *parsed, text string) any {
	data, errs := object{}, []graphQLError{}
	for _, f := range fieldsOf(doc.operation.SelectionSet) {
		data[f.Alias] = nil
		errs = append(errs, graphQLError{text, at(f.Position), []any{f.Alias}})
	}
	return map[string]any{"data": data, "errors": errs}
}
