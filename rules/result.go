package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// maxAnswer is how long the JSON of a rule's answer may be, in bytes.
const maxAnswer = 1 << 20

// readSchedule reads the answer of a schedule rule as avni-server's Java does
// (ScheduleRuleResponseEntity, Jackson with joda-time).
func readSchedule(answer string) (Schedule, error) {
	fields, err := readObject(answer)
	if err != nil {
		return Schedule{}, err
	}
	at, err := readInstant(fields["scheduledDateTime"])
	if err != nil {
		return Schedule{}, err
	}
	send, err := readShouldSend(fields["shouldSend"])
	if err != nil {
		return Schedule{}, err
	}
	return Schedule{Send: send, At: at}, nil
}

// readParameters reads the answer of a message rule as avni-server's Java does
// (MessageRuleResponseEntity): an array of scalars, which become text. A null element is
// sent as the text "null"; no array at all as no parameters.
func readParameters(answer string) ([]string, error) {
	fields, err := readObject(answer)
	if err != nil {
		return nil, err
	}
	value := fields["parameters"]
	if isNull(value) {
		return []string{}, nil
	}
	var elements []json.RawMessage
	if json.Unmarshal(value, &elements) != nil {
		return nil, failedResult("parameters must be an array, but it is %s", kindOf(value))
	}
	parameters := make([]string, len(elements))
	for i, element := range elements {
		switch kind := kindOf(element); kind {
		case "an object", "an array":
			return nil, failedResult("parameter %d must be a text, but it is %s", i+1, kind)
		case "a text":
			if err := json.Unmarshal(element, &parameters[i]); err != nil {
				return nil, failedResult("parameter %d: %v", i+1, err)
			}
		default:
			parameters[i] = string(element)
		}
	}
	return parameters, nil
}

// readObject reads the members of the object that a rule must return.
func readObject(answer string) (map[string]json.RawMessage, error) {
	if len(answer) > maxAnswer {
		return nil, failedResult("the rule's answer is %d bytes long; at most %d are allowed", len(answer), maxAnswer)
	}
	if kind := kindOf(json.RawMessage(answer)); kind != "an object" {
		return nil, failedResult("the rule must return an object, but it returned %s", kind)
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(answer), &fields); err != nil {
		return nil, failedResult("read the rule's answer: %v", err)
	}
	return fields, nil
}

// readShouldSend: no answer means yes.
func readShouldSend(value json.RawMessage) (bool, error) {
	switch text := string(value); text {
	case "", "null", `""`, `"null"`, "true", `"true"`, `"True"`, `"TRUE"`:
		return true, nil
	case "false", `"false"`, `"False"`, `"FALSE"`:
		return false, nil
	default:
		if kindOf(value) == "a number" && !strings.ContainsAny(text, ".eE") {
			return strings.Trim(text, "-0") != "", nil
		}
		if kindOf(value) == "a text" && isBlank(value) {
			return true, nil
		}
		return false, failedResult("shouldSend must be true or false, but it is %s", kindOf(value))
	}
}

func isNull(value json.RawMessage) bool { return len(value) == 0 || string(value) == "null" }

func isBlank(text json.RawMessage) bool {
	return strings.TrimSpace(strings.Trim(string(text), `"`)) == ""
}

// kindOf names the kind of a JSON value; nothing at all is JavaScript's undefined.
func kindOf(value json.RawMessage) string {
	value = bytes.TrimSpace(value)
	if len(value) == 0 {
		return "undefined"
	}
	switch value[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a text"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

func failedResult(format string, args ...any) *Failure {
	return &Failure{Kind: FailedResult, Message: truncate(fmt.Sprintf(format, args...), maxFailureMessage)}
}
