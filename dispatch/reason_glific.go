package dispatch

import (
	"errors"
	"time"

	"avni-messenger/dispatch/glific"
)

// glificReasons maps what Glific says. Codes that are missing here are known by
// their outcome alone.
var glificReasons = map[glific.Code]Reason{
	glific.ConnectFailed:    Unreachable,
	glific.InvalidRequest:   GlificRequest,
	glific.RateLimited:      RateLimited,
	glific.Cancelled:        RateLimited, // by our own time limit, spent waiting for our own rate limit
	glific.NotAuthenticated: GlificSession,

	glific.WrongPassword:         WrongPassword,
	glific.AccountSuspended:      AccountSuspended,
	glific.UnknownOrganisation:   UnknownOrganisation,
	glific.RoleTooLow:            RoleTooLow,
	glific.OrganisationSuspended: OrganisationSuspended,
	glific.GupshupSettings:       GupshupSettings,

	glific.ParameterCount:   ParameterCount,
	glific.MediaMissing:     MediaTemplate,
	glific.TemplateNotFound: TemplateNotFound,
	glific.ContactInvalid:   ContactInvalid,
	glific.BSPStatusInvalid: NeverOptedIn,
	glific.NotOptedIn:       NeverOptedIn,
	glific.ReceiverNotFound: ContactChanged,
	glific.PhoneTaken:       ContactChanged,
	glific.MessageTooLong:   MessageTooLong,
	glific.ResourceNotFound: ResourceNotFound,
	glific.GroupEmpty:       GroupEmpty,
}

// leavesTraces are the calls that may have done something at Glific although the
// connection was cut before the answer. After the others nothing is in doubt.
var leavesTraces = map[glific.Operation]bool{glific.OpSend: true, glific.OpSendToGroup: true, glific.OpOptinContact: true}

// failure is an error of preparing or sending, read for what to do about it.
type failure struct {
	outcome    glific.Outcome
	reason     Reason
	detail     string // for the database
	cause      string // where and what, fit for logs
	retryAfter time.Duration
	cut        bool // the connection, of a call that only asks: see worker.blame
}

// glificFailure reads an error of the client. False: it is not one of Glific's.
func glificFailure(err error) (failure, bool) {
	var e *glific.Error
	if !errors.As(err, &e) {
		return failure{}, false
	}
	f := failure{outcome: e.Outcome, detail: e.Error(), cause: e.Host + ": " + e.Text, retryAfter: e.RetryAfter}
	if reason, ok := glificReasons[e.Code]; ok {
		f.reason = reason
	} else {
		f.reason = outcomeReason(e.Outcome)
	}
	login := e.Operation == glific.OpLogin
	f.cut = e.Code == glific.ConnectionLost && !login && !leavesTraces[e.Operation]
	if f.cut || login && e.Outcome == glific.NotExecuted && e.Code != glific.Cancelled {
		f.reason = Unreachable
	}
	if f.reason.endsByItself() { // all requests suffer, none of them is to blame
		f.outcome = glific.Wait
	}
	return f, true
}

// verdict is what a failure says, still without its outcome.
func (f failure) verdict(m message) verdict {
	return verdict{reason: f.reason, detail: f.detail, cause: f.cause, message: m, retryAfter: f.retryAfter}
}

func outcomeReason(outcome glific.Outcome) Reason {
	switch outcome {
	case glific.Refused:
		return ResourceNotFound
	case glific.Wait, glific.NotExecuted:
		return GlificError
	default:
		return LostAnswer
	}
}
