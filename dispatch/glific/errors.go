package glific

import (
	"fmt"
	"time"
)

// Outcome says what a failed call means for the message, whatever its cause.
type Outcome int

// The outcomes of a failed call.
const (
	// Uncertain: Glific may have executed the call. A send must be looked up with
	// FindSent or FindSentToGroup before it is sent again, an opt-in with
	// ContactByPhone. For a call that only reads it means no more than: try again.
	Uncertain Outcome = iota
	// NotExecuted: nothing happened at Glific; the call may be repeated as it is.
	NotExecuted
	// Refused: Glific has said no for a reason that does not pass by waiting. Nothing
	// reaches the phone, and sending the same again would be refused again.
	Refused
	// Wait: nothing happened, and nothing will happen for the whole organisation
	// until Error.RetryAfter has passed or, where that is 0, until somebody acts.
	Wait
)

// String is the outcome as logs and the attempt table show it.
func (o Outcome) String() string {
	switch o {
	case NotExecuted:
		return "not_executed"
	case Refused:
		return "refused"
	case Wait:
		return "wait"
	default:
		return "uncertain"
	}
}

// Code is the reason of a failed call: a closed set, used as a metric label.
type Code string

// Codes of the way to Glific and back.
const (
	// ConnectFailed: DNS, TCP or TLS failed; nothing was written. NotExecuted.
	ConnectFailed Code = "connect_failed"
	// Cancelled: the caller's context ended before anything was written. NotExecuted.
	Cancelled Code = "cancelled"
	// ConnectionLost: the connection broke before an answer, after the request may have been read. Uncertain.
	ConnectionLost Code = "connection_lost"
	// Timeout: no answer in time, or the caller's context ended, after the request may have
	// been read; or the time of another call in the same request was over. Uncertain.
	Timeout Code = "timeout"
	// ServerError: HTTP 5xx. Uncertain.
	ServerError Code = "server_error"
	// BadAnswer: HTTP 200 with something that is not, or not all of, the answer to the call. Uncertain.
	BadAnswer Code = "bad_answer"
	// InvalidRequest: HTTP 3xx, 400, 404, 405, 406 or another 4xx, or a GraphQL document
	// or variables that do not validate ("errors" without "data"). NotExecuted.
	InvalidRequest Code = "invalid_request"
	// RateLimited: HTTP 429, text "Rate limit exceeded", now or a moment ago. Wait, RetryAfter is set.
	RateLimited Code = "rate_limited"
)

// Codes of the session and the organisation.
const (
	// WrongPassword: 401 at login, "Invalid phone or password". Wait.
	WrongPassword Code = "wrong_password"
	// NotAuthenticated: 401 "Not authenticated", again and again, to tokens that were issued a moment ago. NotExecuted.
	NotAuthenticated Code = "not_authenticated"
	// AccountSuspended: 403 at login, "Your account is suspended or paused by your team. …". Wait.
	AccountSuspended Code = "account_suspended"
	// UnknownOrganisation: 403, text "Unauthorized": the host names no active organisation. Wait.
	UnknownOrganisation Code = "unknown_organisation"
	// RoleTooLow: "Unauthorized" to an operation; the API user needs the role Manager. Wait.
	RoleTooLow Code = "role_too_low"
	// OrganisationSuspended: "Cannot send hsm message to contact, organization is in
	// suspended state": no balance (for 3 hours) or the WhatsApp limit (until the next day). Wait.
	OrganisationSuspended Code = "organisation_suspended"
	// GupshupSettings: "Could not send message to contact: Check Gupshup Setting". Glific
	// has stored the message with status "error"; the whole organisation cannot send. Uncertain.
	GupshupSettings Code = "gupshup_settings"
)

// Codes of one message, its template or its receiver. Nothing is stored at Glific
// unless the code says so.
const (
	// ParameterCount: "Please provide the right number of parameters for the template." Refused.
	ParameterCount Code = "parameter_count"
	// MediaMissing: "Please provide media for media template." Refused.
	MediaMissing Code = "media_missing"
	// TemplateNotFound: "Not able to fetch the template with id N. ERROR: […]". Refused.
	TemplateNotFound Code = "template_not_found"
	// ContactInvalid: "Contact status is not valid.": opted out, blocked or not on WhatsApp. Refused.
	ContactInvalid Code = "contact_invalid"
	// BSPStatusInvalid: "Cannot send hsm message to contact, invalid BSP status.": never opted in. Refused.
	BSPStatusInvalid Code = "bsp_status_invalid"
	// NotOptedIn: "Cannot send hsm message to contact, not opted in." Refused.
	NotOptedIn Code = "not_opted_in"
	// ReceiverNotFound: "Receiver does not exist": the contact was deleted at Glific;
	// it may exist under a new id. Refused.
	ReceiverNotFound Code = "receiver_not_found"
	// MessageTooLong: "Message size greater than 4096 characters". Glific has stored the
	// message but never sends it. Refused.
	MessageTooLong Code = "message_too_long"
	// ResourceNotFound: "Resource not found": the id names nothing. Refused.
	ResourceNotFound Code = "resource_not_found"
	// GroupEmpty: "The group has no members". Refused.
	GroupEmpty Code = "group_empty"
	// PhoneTaken: "Phone: has already been taken": somebody else created the contact at
	// the same moment. OptinContact looks it up again, so callers rarely see it. NotExecuted.
	PhoneTaken Code = "phone_taken"
	// Unexpected: "Something unexpected has happened, …": any exception inside Glific. Uncertain.
	Unexpected Code = "unexpected"
	// contactNotFound: "Contact not found or permission denied." ContactByPhone reports it as false.
	contactNotFound Code = "contact_not_found"
	// UnknownText: a text that is not in this list, perhaps translated: the API user's
	// language must be English. Uncertain.
	UnknownText Code = "unknown_text"
)

// Error is every failure of a call to Glific. It carries no password, no token and
// no phone number.
type Error struct {
	Operation  Operation
	Host       string // where Glific was looked for
	Outcome    Outcome
	Code       Code
	Text       string        // what Glific said, shortened, or what the network did, in plain words; long digit runs masked
	RetryAfter time.Duration // how long to leave the organisation alone; 0 if unknown
	err        error
}

// Error says what failed, with Glific's own words.
func (e *Error) Error() string {
	return fmt.Sprintf("glific %s at %s: %s: %s", e.Operation, e.Host, e.Code, e.Text)
}

// Unwrap is the error of the network or the context, if there is one.
func (e *Error) Unwrap() error { return e.err }
