package glific

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
)

// definition is what a code means and how Glific says it.
type definition struct {
	outcome    Outcome
	text       string      // the beginning of Glific's English text; empty for codes of the HTTP layer
	operations []Operation // that can fail so; nil: any call but a login
}

func (d definition) concerns(op Operation) bool {
	if d.operations == nil {
		return op != OpLogin
	}
	return slices.Contains(d.operations, op)
}

var (
	everywhere = operations
	atLogin    = []Operation{OpLogin}
	sending    = []Operation{OpSend}
	groups     = []Operation{OpSendToGroup}
	templates  = []Operation{OpSend, OpSendToGroup}
	contacts   = []Operation{OpContactByPhone, OpOptinContact}
	byID       = []Operation{OpSend, OpSendToGroup, OpReceipts, OpTemplate}
)

// definitions is the failure catalogue. The texts are those of Glific 8.10.1.
var definitions = map[Code]definition{
	ConnectFailed:       {NotExecuted, "", everywhere},
	Cancelled:           {NotExecuted, "", everywhere},
	ConnectionLost:      {Uncertain, "", everywhere},
	Timeout:             {Uncertain, "", everywhere},
	ServerError:         {Uncertain, "", everywhere},
	BadAnswer:           {Uncertain, "", everywhere},
	InvalidRequest:      {NotExecuted, "", everywhere},
	RateLimited:         {Wait, "", everywhere},
	UnknownOrganisation: {Wait, "", everywhere},
	AccountSuspended:    {Wait, "Your account is suspended or paused", everywhere},
	WrongPassword:       {Wait, "", atLogin},
	NotAuthenticated:    {NotExecuted, "", nil},
	RoleTooLow:          {Wait, "Unauthorized", nil},

	OrganisationSuspended: {Wait, "Cannot send hsm message to contact, organization is in suspended state", templates},
	GupshupSettings:       {Uncertain, "Could not send message to contact: Check Gupshup Setting", templates},
	ParameterCount:        {Refused, "Please provide the right number of parameters for the template.", templates},
	MediaMissing:          {Refused, "Please provide media for media template.", templates},
	TemplateNotFound:      {Refused, "Not able to fetch the template with id", templates},
	ContactInvalid:        {Refused, "Contact status is not valid.", sending},
	BSPStatusInvalid:      {Refused, "Cannot send hsm message to contact, invalid BSP status.", sending},
	NotOptedIn:            {Refused, "Cannot send hsm message to contact, not opted in.", sending},
	ReceiverNotFound:      {Refused, "Receiver does not exist", sending},
	MessageTooLong:        {Refused, "Message size greater than 4096 characters", templates},
	ResourceNotFound:      {Refused, "Resource not found", byID},
	GroupEmpty:            {Refused, "The group has no members", groups},
	PhoneTaken:            {NotExecuted, "Phone: has already been taken", []Operation{OpOptinContact}},
	contactNotFound:       {Refused, "Contact not found or permission denied", contacts},
	Unexpected:            {Uncertain, "Something unexpected has happened", nil},
	UnknownText:           {Uncertain, "", nil},
}

// textError sorts an error text of a GraphQL answer.
func (c *Client) textError(op Operation, text string) *Error {
	for code, d := range definitions {
		if d.text != "" && d.concerns(op) && strings.HasPrefix(strings.TrimSpace(text), d.text) {
			return c.fail(op, code, text, nil)
		}
	}
	return c.fail(op, UnknownText, text, nil)
}

// statusError sorts an HTTP status; nil for 200.
func (c *Client) statusError(op Operation, a answer) error {
	text := fmt.Sprintf("HTTP %d: %s", a.status, excerpt(a.body))
	switch {
	case a.status == http.StatusOK && len(a.body) > maxAnswer:
		return c.fail(op, BadAnswer, fmt.Sprintf("the answer is larger than %d MB", maxAnswer>>20), nil)
	case a.status == http.StatusOK:
		return nil
	case a.status == http.StatusUnauthorized:
		return c.fail(op, NotAuthenticated, text, nil)
	case a.status == http.StatusForbidden && strings.Contains(string(a.body), definitions[AccountSuspended].text):
		return c.fail(op, AccountSuspended, text, nil)
	case a.status == http.StatusForbidden:
		return c.fail(op, UnknownOrganisation, "no active organisation of Glific has this address: "+text, nil)
	case a.status == http.StatusTooManyRequests:
		e := c.fail(op, RateLimited, text, nil)
		e.RetryAfter = untilNextMinute(a.date(c.now()))
		return e
	case a.status >= 500:
		return c.fail(op, ServerError, text, nil)
	case a.status >= 300 && a.status < 400 || slices.Contains(neverExecuted, a.status):
		return c.fail(op, InvalidRequest, text, nil)
	default:
		return c.fail(op, BadAnswer, text, nil)
	}
}

// neverExecuted are the statuses that a server gives before it runs anything.
var neverExecuted = []int{
	http.StatusBadRequest, http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusNotAcceptable,
	http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusUnsupportedMediaType,
	http.StatusRequestHeaderFieldsTooLarge,
}

// untilNextMinute is when Glific's limit, a fixed window of a minute, begins anew.
func untilNextMinute(at time.Time) time.Duration {
	return at.Truncate(time.Minute).Add(time.Minute).Sub(at)
}

// fail makes the error of a code, without secrets and personal data in its text.
func (c *Client) fail(op Operation, code Code, text string, cause error) *Error {
	for _, secret := range []string{c.account.Password, c.session.peek()} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "(secret)")
		}
	}
	return &Error{Operation: op, Host: c.account.Host(), Outcome: definitions[code].outcome, Code: code, Text: tidy(text), err: cause}
}

func hasCode(err error, code Code) bool {
	e := (*Error)(nil)
	return errors.As(err, &e) && e.Code == code
}

var (
	digitRun = regexp.MustCompile(`[0-9]{4,}([0-9]{4})`)
	spaces   = regexp.MustCompile(`\s+`)
)

const maxText = 300

// tidy makes a text short, on one line and free of phone numbers.
func tidy(text string) string {
	text = strings.TrimSpace(spaces.ReplaceAllString(strings.ToValidUTF8(text, "�"), " "))
	text = digitRun.ReplaceAllString(text, "…$1")
	if r := []rune(text); len(r) > maxText {
		text = string(r[:maxText]) + "…"
	}
	return text
}

// excerpt is a body as an error shows it.
func excerpt(body []byte) string {
	text := strings.TrimSpace(string(body[:min(len(body), 4*maxText)]))
	switch {
	case text == "":
		return "an empty body"
	case strings.HasPrefix(text, "<"):
		return "an HTML page"
	default:
		return text
	}
}
