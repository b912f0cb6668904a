package dispatch

import (
	"context"
	"log/slog"
	"time"
)

// record writes a verdict and tells logs, metrics and the brake.
func (w *worker) record(ctx context.Context, c *claim, v verdict) {
	switch v.outcome {
	case lost:
		return
	case released:
		if err := w.queue.release(ctx, w.now(), c); err != nil {
			w.troubled(err) // the lease ends by itself
		}
		return
	}
	if !v.spared && (v.outcome == waiting || v.reason == GupshupSettings) {
		w.pause(v)
	}
	if w.settings.DryRun && v.outcome != passing {
		v.outcome = dryRun // with the reason: it says what would have happened
	}
	settle := w.queue.settle
	if v.outcome == withdrawn && v.reason == Duplicate {
		settle = w.queue.withdrawTwin
	}
	kept, err := settle(ctx, w.now(), c, v, w.change(c, v), w.organisation().ActingUserID)
	if err != nil {
		w.troubled(err) // the lease ends by itself; a send is then asked about first
		return
	}
	switch {
	case kept:
	case v.reason == Duplicate: // it counts itself by now
		w.wake()
		return
	default:
		w.logOf(c).Warn("somebody else took the message over while it was being delivered")
		return
	}
	w.tell(c, v)
}

// tell counts and logs a verdict that has been written.
func (w *worker) tell(c *claim, v verdict) {
	if !v.spared {
		w.metrics.count(w.name, v)
	}
	log := w.logOf(c).With("attempt", c.attempts+1)
	if v.outcome == accepted {
		w.metrics.endToEnd.Observe(max(0, w.now().Sub(c.since()).Seconds()))
		w.succeeded()
		log.Info("message accepted by Glific", "message", v.messageID)
		return
	}
	if v.outcome == completed {
		w.succeeded()
		log.Info("message to a group completed", "result", v.detail)
		return
	}
	log = log.With("reason", v.reason, "fix", v.reason.Advice())
	if v.reason.isPlain() && v.detail != "" {
		log = log.With("err", v.detail)
	}
	switch v.outcome {
	case refused, expired:
		log.Warn("message not sent: " + v.reason.Text())
	case passing, uncertain:
		log.Warn("message not sent yet: " + v.reason.Text())
	case withdrawn, held, dryRun:
		log.Info("message not sent: " + v.reason.Text())
	case waiting: // the pause is told of
		log.Debug("message waits: " + v.reason.Text())
	case unknown:
		log.Debug("message not sent yet: " + v.reason.Text())
	case underWay:
		level := slog.LevelInfo
		if c.reason == GroupUnderWay { // told of before
			level = slog.LevelDebug
		}
		log.Log(context.Background(), level, "message under way: "+v.reason.Text(), "result", v.detail)
	}
}

// logOf names a claim by its rows.
func (w *worker) logOf(c *claim) *slog.Logger {
	if c.member != nil {
		return w.log.With("request", c.member.requestID, "member", c.ID)
	}
	return w.log.With("request", c.ID)
}

// shownRequests is how many requests a line about several of them names.
const shownRequests = 10

// tellAll logs what became of several requests at once.
func (w *worker) tellAll(level slog.Level, reason Reason, requests []int64) {
	if len(requests) == 0 {
		return
	}
	w.log.Log(context.Background(), level, "messages not sent: "+reason.Text(), "reason", reason, "fix", reason.Advice(),
		"requests", len(requests), "request", requests[:min(len(requests), shownRequests)])
}

// since is when the receiver's wait began: when the message was due, or queued if
// that was later.
func (c *claim) since() time.Time {
	if c.createdAt.After(c.scheduledAt) {
		return c.createdAt
	}
	return c.scheduledAt
}

// pause stops the organisation's deliveries, and says so if it is news or has lasted.
func (w *worker) pause(v verdict) {
	now := w.now()
	p, tell := w.brake.pull(now, v)
	w.metrics.paused.WithLabelValues(w.name).Set(1)
	if !tell {
		return
	}
	level, text := slog.LevelError, "deliveries are paused: "
	if p.reason.endsByItself() {
		level = slog.LevelWarn
	}
	if p.since.Before(now) {
		text = "deliveries are still paused: "
	}
	w.log.Log(context.Background(), level, text+p.reason.Text(),
		"reason", p.reason, "err", p.cause, "fix", p.reason.Advice(), "since", p.since, "until", p.until)
}

// answered notes that Glific has answered as it should, to a send or to something else.
func (w *worker) answered(send bool) {
	p, ended := w.brake.free(w.now(), send)
	if !ended {
		return
	}
	w.metrics.paused.WithLabelValues(w.name).Set(0)
	text := "deliveries go on"
	if p.reason == Unreachable {
		text = "Glific answers again: deliveries go on"
	}
	w.log.Info(text, "reason", p.reason, "since", p.since)
}

// troubled notes trouble of our own, mostly with the database, and logs it when its
// text changes.
func (w *worker) troubled(err error) {
	text := err.Error()
	w.mu.Lock()
	news := w.seen.Trouble != text
	w.seen.Trouble, w.troubledAt = text, w.now()
	w.mu.Unlock()
	level := slog.LevelDebug
	if news {
		level = slog.LevelError
	}
	w.log.Log(context.Background(), level, "deliveries are disturbed", "err", text, "fix", Internal.Advice())
}

// calm notes that all went well for a while.
func (w *worker) calm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.now().Sub(w.troubledAt) > w.settings.PollInterval {
		w.seen.Trouble = ""
	}
}
