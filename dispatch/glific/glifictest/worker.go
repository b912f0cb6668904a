package glifictest

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// retryAfter is how long Glific waits before its one retry.
const retryAfter = 17 * time.Second

// gupshupIsGone is what Glific stores when the provider cannot be reached.
const gupshupIsGone = `{"payload":{"payload":{"error":"{:error, :timeout}","reason":"Error sending message due to network issues or Gupshup Outage"}}}`

// handOver queues the job of an accepted message, which runs after
// Options.DeliverAfter, and not before sendAt. It needs the lock.
func (s *Server) handOver(m *message) {
	s.later(max(s.options.DeliverAfter, m.sendAt.Sub(s.options.Now())), func() { s.attempt(m, 1) })
}

// attempt gives a message to the provider; within the organisation's rate, else it
// snoozes for a second. It needs the lock.
func (s *Server) attempt(m *message, n int) {
	o, second := m.organisation, s.options.Now().Unix()
	if o.second != second {
		o.second, o.inSecond = second, 0
	}
	if o.inSecond++; s.options.BSPPerSecond > 0 && o.inSecond > s.options.BSPPerSecond {
		s.later(time.Second, func() { s.attempt(m, n) })
		return
	}
	f := o.providerFault(m.contact.Phone)
	if m.body == "" {
		f = ProviderFault{Kind: GupshupRefuses, Reason: "Invalid message: no text"}
	}
	switch f.Kind {
	case GupshupRefuses:
		m.update("ERROR", encoded(map[string]any{"message": f.Reason}))
	case GupshupFails:
		m.update("ERROR", encoded(map[string]any{"message": f.Reason}))
		s.retry(m, n)
	case GupshupTimesOut:
		m.update("ERROR", gupshupIsGone)
		s.retry(m, n)
	case GupshupAnswerLost:
		s.deliver(m)
		m.update("ERROR", gupshupIsGone)
		s.retry(m, n)
	default:
		s.accept(m, f)
	}
}

// retry is Glific's own: it may deliver a message twice.
func (s *Server) retry(m *message, n int) {
	if n == 1 {
		s.later(s.options.RetryAfter, func() { s.attempt(m, n+1) })
	}
}

// accept is the provider's 2xx and the callbacks after it. Errors of an attempt before
// stay on the row.
func (s *Server) accept(m *message, f ProviderFault) {
	m.bspID = fmt.Sprintf("gs-%d", m.id)
	m.update("ENQUEUED", m.errors)
	if f.Kind == CallbackFails {
		s.later(s.options.CallbackAfter, func() { s.callback(m, "ERROR", f.Code, f.Reason) })
		return
	}
	s.deliver(m)
	for i, status := range s.callbacks(f.Kind) {
		s.later(time.Duration(i)*s.options.CallbackAfter, func() { s.callback(m, status, 0, "") })
	}
}

// callbacks are the provider's, in the order in which they arrive.
func (s *Server) callbacks(kind ProviderKind) []string {
	stages := []string{"ENQUEUED", "SENT", "DELIVERED", "READ"}
	last := slices.Index(stages, s.options.BSPStatus)
	if last < 0 {
		return []string{s.options.BSPStatus}
	}
	stages = stages[:last+1]
	switch kind {
	case CallbacksLost:
		return nil
	case CallbacksReordered:
		slices.Reverse(stages)
	case CallbacksDoubled:
		stages = append(stages, stages...)
	}
	return stages
}

// callback takes a callback in, as it comes: a late one overwrites a higher status. A
// failure brings its effects. It needs the lock.
func (s *Server) callback(m *message, status string, code int, reason string) {
	if status != "ERROR" {
		m.update(status, m.errors)
		return
	}
	m.update(status, encoded(map[string]any{"app": m.organisation.name, "type": "message-event", "payload": map[string]any{
		"type": "failed", "gsId": m.bspID, "destination": m.contact.Phone,
		"payload": map[string]any{"code": code, "reason": reason},
	}}))
	m.organisation.failed(m.contact, code)
}

// deliver lets the message reach the phone.
func (s *Server) deliver(m *message) {
	s.ledger = append(s.ledger, Delivery{
		Organisation: m.organisation.name,
		Phone:        m.contact.Phone,
		TemplateID:   m.templateID,
		Parameters:   m.parameters,
		Body:         m.body,
		SendAt:       m.sendAt,
		At:           s.options.Now(),
		MessageID:    strconv.Itoa(m.id),
	})
}

// update writes what the provider says of a message.
func (m *message) update(bspStatus, errors string) {
	m.status, m.bspStatus, m.errors, m.updatedAt = "sent", bspStatus, errors, m.organisation.server.options.Now()
}
