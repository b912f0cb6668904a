package dispatch

import (
	"context"
	"errors"
	"time"

	"avni-messenger/dispatch/glific"
)

// deliver brings one claim to a verdict and writes it. The context outlives the order
// to stop for a while, so that a send in hand can end well.
func (w *worker) deliver(ctx context.Context, stopping <-chan struct{}, c *claim) {
	started := time.Now()
	w.metrics.inFlight.Inc()
	defer w.metrics.inFlight.Dec()
	w.sending.Add(1)
	defer w.sending.Add(-1)
	v := w.attempt(ctx, stopping, c)
	v.took = time.Since(started)
	w.record(ctx, c, v)
	if v.open() {
		w.wake()
	}
}

func (w *worker) attempt(ctx context.Context, stopping <-chan struct{}, c *claim) verdict {
	switch {
	case time.Since(c.claimedAt) > w.settings.Lease: // anybody may have it by now
		return verdict{outcome: lost}
	case w.stopped(stopping), w.paused() && c.judged(): // only Glific could say more
		return verdict{outcome: released}
	}
	if c.sent != nil {
		if v, absent := w.resolve(ctx, c); !absent {
			return v
		}
	}
	switch {
	case c.reason == Cancelled: // also if somebody has un-voided it since
		return verdict{outcome: withdrawn, reason: Cancelled}
	case c.elsewhere:
		return verdict{outcome: withdrawn, reason: SentElsewhere}
	case c.voided:
		return verdict{outcome: withdrawn, reason: Withdrawn, detail: "the request is voided"}
	case c.outranked:
		return verdict{outcome: withdrawn, reason: Duplicate}
	case c.scheduledAt.Before(w.now().Add(-w.settings.Window)):
		return verdict{outcome: expired, reason: Expired}
	case c.attempts >= w.settings.MaxAttempts:
		return verdict{outcome: refused, reason: GaveUp}
	case c.receiver.kind == receiverGroup:
		return w.deliverGroup(ctx, stopping, c)
	}
	m, err := w.compose(ctx, c)
	if err != nil {
		return w.judge(ctx, c, m, err)
	}
	if p, paused := w.brake.holds(w.now()); paused {
		return verdict{outcome: waiting, reason: p.reason, detail: p.cause, message: m, spared: true}
	}
	if err := w.checkTemplate(ctx, m); err != nil {
		return w.judge(ctx, c, m, err)
	}
	if m.contactID, err = w.contact(ctx, m); err != nil {
		return w.judge(ctx, c, m, err)
	}
	if !w.pace(ctx, stopping) || w.stopped(stopping) || w.paused() {
		return verdict{outcome: released}
	}
	return w.send(ctx, c, m)
}

// resolve asks Glific about a send that it may have accepted. True: it has certainly
// not, and the claim may be sent (again).
func (w *worker) resolve(ctx context.Context, c *claim) (v verdict, absent bool) {
	if c.sent.site != w.account.Site() { // the same ids are others' there
		return w.unresolved(c, "it was sent by the account of another Glific organisation, "+c.sent.site), false
	}
	conclusive := c.sent.elapsed() >= w.settings.UncertainGrace && !w.markersFail.Load() // before Glific looks
	found, err := w.findSent(ctx, c.sent)
	if err != nil {
		return w.judgeResolution(ctx, c, err), false
	}
	w.answered(false)
	switch {
	case found.Presence == glific.Accepted:
		return verdict{outcome: accepted, messageID: found.MessageID}, false
	case found.Presence == glific.Absent && conclusive:
		c.sent = nil
		return verdict{}, true
	}
	return w.unresolved(c, "Glific's answer: "+found.Presence.String()), false
}

// compose finds out what a claim says, to which number: all that can be known without
// Glific. The message is returned as far as it got, also with an error.
func (w *worker) compose(ctx context.Context, c *claim) (message, error) {
	var m message
	to, err := loadReceiver(ctx, w.options.Pool, w.organisation(), c.receiver)
	if err != nil {
		return m, err
	}
	rendered, err := w.render(ctx, c, to)
	if err != nil {
		return m, err
	}
	m.name, m.parameters = to.name, rendered.Parameters
	if m.templateID, err = parseTemplateID(rendered.TemplateID); err != nil {
		return m, err
	}
	if m.phone, err = to.phone(w.organisation().Region); err != nil {
		return m, err
	}
	if c.member != nil {
		m.contactID = c.member.contactID
	}
	m.site = w.account.Site()
	return m, w.settings.hold(m.phone)
}

// hold refuses what the options forbid to send.
func (s Settings) hold(phone Phone) error {
	if s.DryRun {
		return &Refusal{Reason: DryRun}
	}
	if len(s.TestNumbers) == 0 {
		return nil
	}
	for _, allowed := range s.TestNumbers {
		if phone == allowed {
			return nil
		}
	}
	return &Refusal{Reason: NotTestNumber}
}

// send hands a message to Glific.
func (w *worker) send(ctx context.Context, c *claim, m message) verdict {
	var messageID string
	v, ok := w.hand(ctx, c, m, m, func(ctx context.Context, sendAt time.Time) error {
		sent, err := w.client.Send(ctx, glific.Message{
			TemplateID: m.templateID, ContactID: m.contactID, Parameters: m.parameters, SendAt: sendAt,
		})
		if err == nil && !sent.SendAt.Equal(sendAt) {
			w.markerFailed(c)
		}
		messageID = sent.MessageID
		return err
	})
	if !ok {
		return v
	}
	return verdict{outcome: accepted, messageID: messageID, message: m}
}

// hand records a send and makes it; of m, kept is what may be kept if it is not accepted.
// True: Glific has accepted it. The time limit runs from before the send is recorded, so
// that nothing leaves later than that after the record says so: however long the process
// was held up, others can rely on the grace period.
func (w *worker) hand(ctx context.Context, c *claim, m, kept message, call func(context.Context, time.Time) error) (verdict, bool) {
	sending, cancel := context.WithTimeout(ctx, w.settings.SendTimeout)
	defer cancel()
	sendAt, ok, err := w.queue.begin(sending, w.now(), c, m)
	switch {
	case errors.Is(err, errOutranked):
		return verdict{outcome: withdrawn, reason: Duplicate, message: kept}, false
	case err != nil:
		return w.judge(ctx, c, kept, err), false
	case !ok:
		return verdict{outcome: released}, false
	}
	started := time.Now()
	err = call(sending, sendAt)
	w.metrics.deliveryDuration.Observe(time.Since(started).Seconds())
	if err != nil {
		return w.judgeSend(ctx, c, kept, err), false
	}
	w.answered(true)
	return verdict{}, true
}

// markerFailed stops relying on send times: Glific accepts messages without keeping them.
func (w *worker) markerFailed(c *claim) {
	if !w.markersFail.Swap(true) {
		w.logOf(c).Error("Glific does not keep the send time of messages: after a lost answer it cannot tell whether it has the message, " +
			"and such messages are not sent again")
	}
}

// pace waits for the organisation's turn. False: the process is being stopped.
func (w *worker) pace(ctx context.Context, stopping <-chan struct{}) bool {
	turn := w.limiter.Reserve()
	select {
	case <-time.After(turn.Delay()):
		return true
	case <-stopping:
	case <-ctx.Done():
	}
	turn.Cancel()
	return false
}
