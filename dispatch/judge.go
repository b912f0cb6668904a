package dispatch

import (
	"context"
	"errors"
	"time"

	"avni-messenger/dispatch/glific"
)

// judge is the verdict on an error before anything was sent.
func (w *worker) judge(ctx context.Context, c *claim, m message, err error) verdict {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return judgeRefusal(refusal, m)
	}
	f, ok := w.blame(ctx, err)
	if ctx.Err() != nil {
		return verdict{outcome: released}
	}
	if !ok {
		w.troubled(err)
		return w.again(c, verdict{reason: Internal, detail: err.Error(), message: m})
	}
	v := f.verdict(m)
	switch {
	case f.outcome == glific.Wait:
		v.outcome = waiting
		return v
	case f.outcome == glific.Refused && f.reason.Class() != ClassPassing:
		w.answered(false)
		v.outcome = refused
		return v
	case f.outcome == glific.Uncertain:
		v.reason = GlificError
	}
	return w.again(c, v)
}

func judgeRefusal(r *Refusal, m message) verdict {
	v := verdict{outcome: refused, reason: r.Reason, detail: r.Detail, message: m}
	switch {
	case r.Reason == DryRun:
		v.outcome = dryRun
	case r.Reason.Class() == ClassHeld:
		v.outcome = held
	case r.Reason.Class() == ClassWithdrawn:
		v.outcome = withdrawn
	}
	return v
}

// judgeSend is the verdict on a send that did not succeed.
func (w *worker) judgeSend(ctx context.Context, c *claim, m message, err error) verdict {
	f, ok := glificFailure(err)
	if !ok {
		return verdict{outcome: uncertain, reason: LostAnswer, detail: err.Error(), message: m}
	}
	v := f.verdict(m)
	switch f.outcome {
	case glific.Uncertain:
		v.outcome = uncertain
	case glific.Refused:
		w.answered(true)
		w.contacts.forget(m.phone) // perhaps it is the contact that has changed
		w.templates.expire(m.templateID)
		if f.reason.Class() == ClassPassing {
			return w.again(c, v)
		}
		v.outcome = refused
	case glific.Wait:
		if ctx.Err() != nil {
			return verdict{outcome: released}
		}
		v.outcome = waiting
		if f.reason == OrganisationSuspended {
			v = w.suspended(ctx, v)
		}
	default:
		return w.again(c, v)
	}
	return v
}

// suspended adds until when, if Glific says.
func (w *worker) suspended(ctx context.Context, v verdict) verdict {
	if f, ok := glificFailure(w.client.MaySend(ctx)); ok && f.reason == v.reason {
		v.detail, v.cause = f.detail, f.cause
	}
	return v
}

// judgeResolution is the verdict on a question about a send that was not answered.
func (w *worker) judgeResolution(ctx context.Context, c *claim, err error) verdict {
	f, ok := w.blame(ctx, err)
	if ctx.Err() != nil {
		return verdict{outcome: released}
	}
	if !ok {
		return w.unresolved(c, err.Error())
	}
	if f.outcome != glific.Wait {
		return w.unresolved(c, f.detail)
	}
	v := f.verdict(message{})
	v.outcome = waiting
	return v
}

// unresolved is the verdict on a send of which nothing could be learnt: to ask again,
// until long after the message is worth sending.
func (w *worker) unresolved(c *claim, detail string) verdict {
	if c.scheduledAt.Before(w.now().Add(-w.settings.Window - unresolvedFor)) {
		if c.elsewhere {
			return verdict{outcome: withdrawn, reason: SentElsewhere, detail: "Glific could not tell whether it has accepted ours: " + detail}
		}
		return verdict{outcome: expired, reason: Unresolved, detail: detail}
	}
	return verdict{outcome: unknown, reason: LostAnswer, detail: detail}
}

// unresolvedFor is how long after its window a send of unknown outcome is asked about.
const unresolvedFor = 24 * time.Hour

// again is the verdict on trouble that passes, unless it has come too often.
func (w *worker) again(c *claim, v verdict) verdict {
	v.outcome = passing
	if c.attempts+1 >= w.settings.MaxAttempts {
		v.outcome, v.reason, v.detail = refused, GaveUp, string(v.reason)+": "+v.detail
	}
	return v
}
