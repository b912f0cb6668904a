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
	withoutJobs  bool       // rows are stored, but nothing will be done about them
}

// root is a root field: the least role that may use it and what it does.
type root struct {
	role    role
	resolve func(*execution, arguments) (any, error)
}

var roots = map[string]root{
	"contact":        {staff, (*execution).contactByID},
	"contactByPhone": {staff, (*execution).contactByPhone},
	"contacts":       {staff, (*execution).listContacts},
	"countContacts":  {staff, (*execution).countContacts},
	"optinContact":   {manager, (*execution).optinContact},

	"createAndSendMessage":        {staff, (*execution).createAndSendMessage},
	"createAndSendMessageToGroup": {staff, (*execution).createAndSendMessageToGroup},
	"sendHsmMessage":              {staff, (*execution).sendHsmMessage},
	"sendHsmMessageToGroup":       {staff, (*execution).sendHsmMessageToGroup},

	"message":            {staff, (*execution).messageByID},
	"messages":           {staff, (*execution).listMessages},
	"countMessages":      {staff, (*execution).countMessages},
	"search":             {staff, (*execution).search},
	"broadcastStats":     {manager, (*execution).broadcastStats},
	"notifications":      {manager, (*execution).listNotifications},
	"countNotifications": {manager, (*execution).countNotifications},

	"group":               {staff, (*execution).groupByID},
	"groups":              {staff, (*execution).listGroups},
	"countGroups":         {staff, (*execution).countGroups},
	"createGroup":         {manager, (*execution).createGroup},
	"updateGroup":         {manager, (*execution).updateGroup},
	"deleteGroup":         {manager, (*execution).deleteGroup},
	"contactGroups":       {staff, (*execution).contactGroups},
	"countContactGroups":  {staff, (*execution).countContactGroups},
	"updateGroupContacts": {staff, (*execution).updateGroupContacts},

	"sessionTemplate":  {staff, (*execution).sessionTemplate},
	"sessionTemplates": {staff, (*execution).sessionTemplates},
	"currentUser":      {staff, (*execution).currentUser},
	"organization":     {staff, (*execution).organization},
}

// glificError is an error in Glific's own words.
type glificError string

func (e glificError) Error() string { return string(e) }

// payloadError is an error that Glific reports inside the payload.
type payloadError struct{ key, message string }

func (e payloadError) Error() string { return e.message }

// execute runs a document: root fields one after another, each failing alone.
func (s *Server) execute(o *Organisation, doc *parsed, f Fault) any {
	s.mu.Lock()
	defer s.unlock()
	x := &execution{organisation: o, withoutJobs: f.Kind == RowWithoutJob}
	data := object{}
	for i, field := range fieldsOf(doc.operation.SelectionSet) {
		if f.Kind == CommitSome && i == f.Fields {
			break
		}
		data[field.Alias] = x.root(field, doc.variables)
	}
	for _, m := range x.accepted {
		s.handOver(m)
	}
	answer := map[string]any{"data": data}
	if len(x.errors) > 0 {
		answer["errors"] = x.errors
	}
	return answer
}

// commitLate executes a request after its client has been left without an answer.
func (s *Server) commitLate(o *Organisation, v visit) {
	run := func() {
		if s.enter() {
			defer s.visits.Done()
			s.execute(o, v.doc, Fault{})
		}
	}
	switch {
	case s.invalid(v.doc) != nil:
	case v.fault.Until != nil:
		go func() {
			select {
			case <-v.fault.Until:
				run()
			case <-s.closing:
			}
		}()
	default:
		s.afterwards(v.fault.Delay, run)
	}
}

// invalid is why a document executes nothing and is answered without data; nil if it
// is valid.
func (s *Server) invalid(doc *parsed) []graphQLError {
	s.mu.Lock()
	most := s.mostRootFields
	s.mu.Unlock()
	if n := len(doc.fields); len(doc.invalid) == 0 && most > 0 && n > most {
		return []graphQLError{{Message: fmt.Sprintf("Operation is too complex: complexity is %d and maximum is %d", n, most)}}
	}
	return doc.invalid
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
		x.errors = append(x.errors, graphQLError{x.organisation.user.translate(err.Error()), at(f.Position), path})
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
	if text == "" {
		text = unexpected
	}
	data, errs := object{}, []graphQLError{}
	for _, f := range fieldsOf(doc.operation.SelectionSet) {
		data[f.Alias] = nil
		errs = append(errs, graphQLError{text, at(f.Position), []any{f.Alias}})
	}
	return map[string]any{"data": data, "errors": errs}
}
