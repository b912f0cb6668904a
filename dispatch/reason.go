package dispatch

import "slices"

// Reason is why a request is not, or not yet, accepted by Glific: a closed set, used
// as a metric label and kept in messenger.delivery and messenger.attempt.
type Reason string

// Reasons that pass: the request is tried again, a limited number of times.
const (
	GlificError    Reason = "glific_error"
	GlificRequest  Reason = "glific_request"
	GlificSession  Reason = "glific_session"
	ContactChanged Reason = "contact_changed"
	Internal       Reason = "internal"
)

// Reasons for which the whole organisation waits, without counting attempts.
const (
	Unreachable           Reason = "glific_unreachable"
	RateLimited           Reason = "rate_limited"
	WrongPassword         Reason = "wrong_password"
	AccountSuspended      Reason = "account_suspended"
	UnknownOrganisation   Reason = "unknown_organisation"
	RoleTooLow            Reason = "role_too_low"
	OrganisationSuspended Reason = "organisation_suspended"
	GupshupSettings       Reason = "gupshup_settings"
)

// Reasons of whoever wrote the rule, the message or the template.
const (
	RuleFailed       Reason = "rule_failed"
	BadParameter     Reason = "bad_parameter"
	ParameterExpands Reason = "parameter_expands"
	ParameterCount   Reason = "parameter_count"
	MessageTooLong   Reason = "message_too_long"
)

// Reasons of the receiver and of what they agreed to.
const (
	NoPhone        Reason = "no_phone"
	InvalidPhone   Reason = "invalid_phone"
	OptedOut       Reason = "opted_out"
	Blocked        Reason = "blocked"
	NeverOptedIn   Reason = "never_opted_in"
	ContactInvalid Reason = "contact_invalid"
	UnknownToAvni  Reason = "unknown_to_avni" // a member of a group
	GroupUnreached Reason = "group_unreached"
)

// Reasons of the configuration of Avni or Glific.
const (
	NoContent           Reason = "no_content"
	TemplateInvalid     Reason = "template_invalid"
	TemplateNotFound    Reason = "template_not_found"
	TemplateNotApproved Reason = "template_not_approved"
	MediaTemplate       Reason = "media_template"
	ResourceNotFound    Reason = "resource_not_found"
	GroupGone           Reason = "group_gone"
	GroupEmpty          Reason = "group_empty"
)

// The other reasons.
const (
	LostAnswer    Reason = "lost_answer"     // a send of unknown outcome
	Withdrawn     Reason = "withdrawn"       // what the message is about was voided or is gone
	Cancelled     Reason = "cancelled"       // by hand
	SentElsewhere Reason = "sent_elsewhere"  // somebody else marked the request Sent
	Duplicate     Reason = "duplicate"       // of another request that is sent
	RulePaused    Reason = "rule_paused"     // held
	NotTestNumber Reason = "not_test_number" // held
	DryRun        Reason = "dry_run"         // held
	GroupUnderWay Reason = "group_under_way"
	LeftGroup     Reason = "left_group"  // a member, before it was their turn
	SentBefore    Reason = "sent_before" // to a member of a group, by avni-server
	GaveUp        Reason = "gave_up"
	Expired       Reason = "expired"
	Unresolved    Reason = "unresolved"
)

// Class is what a reason means for the request.
type Class string

// The classes.
const (
	ClassPassing      Class = "passing"      // tried again, with growing waits
	ClassOrganisation Class = "organisation" // the whole organisation waits
	ClassAuthor       Class = "author"       // permanent, for whoever wrote the rule or the message
	ClassReceiver     Class = "receiver"     // permanent, until the receiver's number changes
	ClassConsent      Class = "consent"      // permanent, as the receiver wants it
	ClassConfig       Class = "config"       // permanent, until Avni's or Glific's set-up changes
	ClassUncertain    Class = "uncertain"    // Glific is asked before anything is sent again
	ClassWithdrawn    Class = "withdrawn"    // not wanted any more
	ClassHeld         Class = "held"         // not sent under the present options
	ClassUnderWay     Class = "under_way"    // the members of a group are messaged
	ClassEnded        Class = "ended"        // no more attempts
)

// Class of the reason.
func (r Reason) Class() Class { return reasons[r].class }

// Text says what happened, for an operator.
func (r Reason) Text() string { return reasons[r].text }

// Advice says what to do about it.
func (r Reason) Advice() string { return reasons[r].advice }

// OfTemplate is true of reasons that a change of the template at Glific may end.
func (r Reason) OfTemplate() bool { return slices.Contains(templateReasons, r) }

// isPlain is true of reasons whose details are written in this package and hold nothing
// of anybody's data, so that they may be logged.
func (r Reason) isPlain() bool {
	switch r {
	case NoPhone, InvalidPhone, BadParameter, ParameterExpands, NoContent, Internal, GroupUnreached:
		return true
	}
	return false
}

// endsByItself is true of reasons for which the organisation waits, but nobody has to act.
func (r Reason) endsByItself() bool { return r == Unreachable || r == RateLimited }

// status is what Avni's row says of a request that ended for this reason.
func (r Reason) status() status {
	switch r {
	case NoPhone:
		return statusNoPhone
	case InvalidPhone:
		return statusInvalidPhone
	default:
		return statusFailed
	}
}
