package glific

import (
	"encoding/json"
	"strings"
	"time"
)

// instant is a time as Glific writes it: RFC 3339, or without a zone, then UTC.
type instant time.Time

// UnmarshalJSON reads null and "" as the zero time.
func (i *instant) UnmarshalJSON(raw []byte) error {
	text := strings.Trim(string(raw), `"`)
	if text == "null" || text == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if at, err = time.Parse("2006-01-02T15:04:05", text); err != nil {
			return err
		}
	}
	*i = instant(at.UTC())
	return nil
}

// identifier is an id as Glific writes it: a string, or a number.
type identifier string

// UnmarshalJSON reads null as no id.
func (i *identifier) UnmarshalJSON(raw []byte) error {
	var number json.Number
	if json.Unmarshal(raw, &number) == nil {
		*i = identifier(number)
		return nil
	}
	return json.Unmarshal(raw, (*string)(i))
}

// inputErrors are the texts of the errors inside a payload.
type inputErrors []string

// UnmarshalJSON never fails: an odd error must not hide the rest of the answer.
func (e *inputErrors) UnmarshalJSON(raw []byte) error {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	for _, item := range readErrors(list) {
		*e = append(*e, item.message)
	}
	return nil
}
