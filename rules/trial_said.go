package rules

import (
	"encoding/json"
	"strings"
)

// Said is the answer of a schedule rule as it gave it, and what avni-server's Java makes
// of each part.
type Said struct {
	ScheduledDateTime, ShouldSend string // JSON; "" if the rule did not give it
	DateRead, SendRead            string // in words
}

// readSaid reads an answer that readSchedule has taken.
func readSaid(answer string) Said {
	fields, err := readObject(answer)
	if err != nil {
		return Said{}
	}
	date, send := fields["scheduledDateTime"], fields["shouldSend"]
	return Said{ScheduledDateTime: string(date), ShouldSend: string(send),
		DateRead: dateWords(date), SendRead: sendWords(send)}
}

func dateWords(value json.RawMessage) string {
	var text string
	switch kind := kindOf(value); {
	case kind == "undefined":
		return "not given: no date, so nothing is sent"
	case kind == "null":
		return "null: no date, so nothing is sent"
	case kind == "a number":
		return "milliseconds since 1970"
	case json.Unmarshal(value, &text) != nil:
		return kind
	}
	groups := instantPattern.FindStringSubmatch(strings.TrimSpace(text))
	switch {
	case strings.TrimSpace(text) == "":
		return "an empty text: no date, so nothing is sent"
	case groups == nil:
		return "no date"
	case groups[groupZone] != "":
		return "a moment, with its zone"
	case groups[groupHour] == "":
		return "a day without time and zone, which Java takes for midnight in UTC"
	}
	return "a time without a zone, which Java takes for UTC"
}

func sendWords(value json.RawMessage) string {
	switch kind := kindOf(value); {
	case kind == "undefined":
		return "not given: counts as true"
	case kind == "null":
		return "null: counts as true"
	case kind == "a boolean":
		return ""
	case kind == "a text" && isBlank(value):
		return "an empty text: counts as true"
	}
	if send, err := readShouldSend(value); err == nil && send {
		return "counts as true"
	}
	return "counts as false"
}
