package dispatch

import "time"

// outcome is what came of one claim. The text is messenger.attempt.outcome.
type outcome string

const (
	accepted  outcome = "accepted"
	refused   outcome = "refused"   // permanent
	withdrawn outcome = "withdrawn" // not wanted any more
	expired   outcome = "expired"
	passing   outcome = "retry"     // tried again, counted
	waiting   outcome = "wait"      // tried again when the organisation may, not counted
	uncertain outcome = "uncertain" // a send whose outcome is not known
	unknown   outcome = "unknown"   // Glific could not tell the outcome; asked again
	held      outcome = "held"      // not sent under the present options
	dryRun    outcome = "dry_run"
	underWay  outcome = "under_way" // the members of a group are messaged
	completed outcome = "completed" // every member of a group had their turn

	released outcome = "released" // untouched, due again at once; not recorded
	lost     outcome = "lost"     // somebody else's claim now; not recorded
)

// verdict is what is to be written about a claim.
type verdict struct {
	outcome    outcome
	reason     Reason
	detail     string // for the database only, unless the reason says that it is plain
	cause      string // of trouble with Glific: where and what, fit for logs
	spared     bool   // Glific was not asked: the organisation was paused already
	messageID  string // of accepted
	retryAfter time.Duration
	message    message // as far as it was prepared
	took       time.Duration
}

// repeats is true of a verdict that is written down as an attempt only once in a row.
func (v verdict) repeats() bool {
	switch v.outcome {
	case waiting, unknown, held, dryRun, underWay:
		return true
	}
	return false
}

// open is true of a verdict after which the request is to be looked at again.
func (v verdict) open() bool {
	switch v.outcome {
	case passing, waiting, uncertain, unknown, released, lost:
		return true
	}
	return false
}

// change is a verdict in terms of the tables.
type change struct {
	state     state
	status    status // of Avni's row; empty: left alone
	void      bool   // Avni's row
	counted   bool   // as an attempt
	maybeSent bool   // a send may have reached Glific
	wait      time.Duration
	forever   bool // instead of wait: until the options or the request change
}

// change says what a verdict means for the tables. A dry run leaves Avni's alone, and
// what somebody else has marked as sent stays so.
func (w *worker) change(c *claim, v verdict) change {
	ch := w.fullChange(c, v)
	if w.settings.DryRun || c.elsewhere {
		ch.status, ch.void = "", false
	}
	return ch
}

func (w *worker) fullChange(c *claim, v verdict) change {
	switch v.outcome {
	case underWay:
		return change{state: stateWaiting, status: statusPartly, wait: listAgain}
	case completed:
		return change{state: stateAccepted, status: statusSent}
	case accepted:
		return change{state: stateAccepted, status: statusSent, counted: c.sent == nil} // else found: counted when it was sent
	case refused:
		return change{state: stateRefused, status: v.reason.status(), counted: c.attempts < w.settings.MaxAttempts}
	case expired:
		return change{state: stateExpired, status: statusFailed, maybeSent: c.sent != nil}
	case withdrawn:
		return change{state: stateWithdrawn, void: true}
	case held, dryRun:
		return change{state: stateWaiting, forever: true}
	case passing:
		return change{state: stateWaiting, status: statusNotSent, counted: true, wait: w.backoff(c)}
	case uncertain:
		counted := v.reason.Class() != ClassOrganisation
		return change{state: stateUncertain, status: statusNotSent, counted: counted, maybeSent: true,
			wait: max(w.settings.UncertainGrace, w.backoff(c))}
	case unknown:
		return change{state: stateUncertain, status: statusNotSent, maybeSent: true,
			wait: askAgainDelay(w.settings.UncertainGrace, c.sent.elapsed())}
	default: // waiting
		if c.sent != nil {
			return change{state: stateUncertain, status: statusNotSent, maybeSent: true}
		}
		return change{state: stateWaiting, status: statusNotSent}
	}
}

func (w *worker) backoff(c *claim) time.Duration {
	return retryDelay(w.settings.RetryBase, c.attempts+1, chance())
}
