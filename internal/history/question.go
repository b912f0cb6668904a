package history

import (
	"errors"
	"math"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"avni-messenger/dispatch"
)

// question is what somebody asked for. More than one reading may be possible: digits are
// a request and, if there is none, a phone number.
type question struct {
	text       string
	uuid       string
	entityType string // with id: Subject:1001
	id         int64
	request    int64 // message_request_queue.id; 0: it is none
	phone      bool
	digits     bool // it may be a phone number that is not valid, or the end of one
	tooGreat   bool // the id is greater than any
}

// greatestID is the greatest id that Avni's tables hold: they are of type int4.
const greatestID = math.MaxInt32

var uuidPattern = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// leastDigits is how many digits a phone number has at least.
const leastDigits = 6

func parseQuestion(text string) question {
	text = strings.TrimSpace(text)
	q := question{text: text}
	if uuidPattern.MatchString(text) {
		q.uuid = strings.ToLower(text)
		return q
	}
	if kind, id, ok := strings.Cut(text, ":"); ok {
		q.entityType = entityTypeNamed(kind)
		n, err := strconv.ParseInt(strings.TrimSpace(id), 10, 32)
		if errors.Is(err, strconv.ErrRange) {
			q.tooGreat = q.entityType != ""
			return q
		}
		q.id = n // 0 if it is no number
		if q.entityType == "Request" {
			q.request, q.entityType, q.id = q.id, "", 0
		}
		return q
	}
	if id, err := strconv.ParseInt(text, 10, 32); err == nil && id > 0 && !strings.HasPrefix(text, "+") {
		q.request = id // message_request_queue.id is an int4
	}
	q.phone, q.digits = mayBePhone(text, leastDigits), mayBePhone(text, dispatch.LeastTail)
	return q
}

// mayBePhone is true of what people write for phone numbers, in any script's digits, if it
// has enough of them.
func mayBePhone(text string, least int) bool {
	digits := 0
	for _, r := range text {
		switch {
		case unicode.IsDigit(r):
			digits++
		case !strings.ContainsRune("+-–—./()  \t", r):
			return false
		}
	}
	return digits >= least
}

// tables of the entity types.
var tableOf = map[string]string{
	"Subject": "individual", "ProgramEnrolment": "program_enrolment", "Encounter": "encounter", "ProgramEncounter": "program_encounter", "User": "users",
}

var typeOf = func() map[string]string {
	types := make(map[string]string, len(tableOf))
	for kind, table := range tableOf {
		types[table] = kind
	}
	return types
}()

// entityTypeNamed finds an entity type, however its letters are written, and by the name
// of its table. "" if there is none.
func entityTypeNamed(name string) string {
	name = strings.TrimSpace(name)
	for kind, table := range tableOf {
		if strings.EqualFold(name, kind) || strings.EqualFold(name, table) {
			return kind
		}
	}
	for _, kind := range []string{"Request", "Rule"} {
		if strings.EqualFold(name, kind) {
			return kind
		}
	}
	return ""
}
