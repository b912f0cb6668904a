package glifictest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// maxInt is the largest Int of Absinthe, 53 bits.
const maxInt = 1<<53 - 1

var (
	wholeNumber = regexp.MustCompile(`^-?[0-9]+$`)
	uuid4       = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// checkInput refuses variables that Absinthe refuses; gqlparser alone lets a string
// through for an Int, and anything for scalars it does not know.
func checkInput(t *ast.Type, v any, field string) error {
	if v == nil {
		return nil // whether it may be null is gqlparser's to say
	}
	if t.Elem != nil {
		return checkList(t.Elem, v, field)
	}
	definition := schema.Types[t.Name()]
	refused := glificError(fmt.Sprintf("In field %q: Expected type %q, found %s.", field, t.String(), shown(v)))
	switch definition.Kind {
	case ast.InputObject:
		object, ok := v.(map[string]any)
		if !ok {
			return refused
		}
		return checkObject(definition, object)
	case ast.Enum:
		text, ok := v.(string)
		if !ok || definition.EnumValues.ForName(text) == nil {
			return refused
		}
	default:
		if !isScalar(t.Name(), v) {
			return refused
		}
	}
	return nil
}

// checkList takes a single value for a list of one.
func checkList(element *ast.Type, v any, field string) error {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for i, x := range list {
		if err := checkInput(element, x, fmt.Sprintf("%s[%d]", field, i)); err != nil {
			return err
		}
	}
	return nil
}

func checkObject(definition *ast.Definition, object map[string]any) error {
	for name, x := range object {
		field := definition.Fields.ForName(name)
		if field == nil {
			return glificError(fmt.Sprintf("In field %q: Unknown field.", name))
		}
		if err := checkInput(field.Type, x, name); err != nil {
			return err
		}
	}
	return nil
}

// isScalar reports whether a JSON value is one of the scalar's.
func isScalar(name string, v any) bool {
	text, isText := v.(string)
	number, isNumber := v.(json.Number)
	_, isBool := v.(bool)
	switch name {
	case "Int":
		n, err := strconv.ParseInt(string(number), 10, 64)
		return isNumber && err == nil && n >= -maxInt && n <= maxInt
	case "Float":
		return isNumber
	case "Boolean":
		return isBool
	case "ID":
		return isText || isNumber && wholeNumber.MatchString(string(number))
	default:
		return isText && isTextScalar(name, text)
	}
}

// isTextScalar reports whether a string is one of a scalar that is written as one.
func isTextScalar(name, text string) bool {
	var err error
	switch name {
	case "Gid":
		return wholeNumber.MatchString(text)
	case "Json":
		return json.Valid([]byte(text))
	case "DateTime":
		_, err = time.Parse(time.RFC3339, text)
	case "Date":
		_, err = time.Parse(time.DateOnly, text)
	case "UUID4":
		return uuid4.MatchString(text)
	}
	return err == nil
}

// checkLiteral is checkInput for a value that stands in the document, for the
// scalars that the validator does not know.
func checkLiteral(v *ast.Value) error {
	for _, child := range v.Children {
		if err := checkLiteral(child.Value); err != nil {
			return err
		}
	}
	custom := v.Definition != nil && v.Definition.Kind == ast.Scalar && !v.Definition.BuiltIn
	list := v.Kind == ast.ListValue && v.ExpectedType != nil && v.ExpectedType.Elem != nil
	if !custom || list || v.Kind == ast.Variable || v.Kind == ast.NullValue {
		return nil
	}
	quoted := v.Kind == ast.StringValue || v.Kind == ast.BlockValue
	if !quoted || !isTextScalar(v.Definition.Name, v.Raw) {
		return glificError(fmt.Sprintf("Expected type %q, found %s.", v.Definition.Name, v))
	}
	return nil
}

// shown is a value as an error shows it.
func shown(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
