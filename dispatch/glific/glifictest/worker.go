package glifictest

import (
	"strconv"
	"time"
)

// notOnWhatsApp is the provider's callback for a number without WhatsApp.
const notOnWhatsApp = `{"payload":{"payload":{"code":1002,"reason":"Number Does Not Exists On WhatsApp"}}}`

// handOver gives an accepted message to the provider, at once or after
// Options.DeliverAfter. It needs the lock and returns what reached a phone.
func (s *Server) handOver(m *message) []Delivery {
	if s.options.DeliverAfter <= 0 {
		return s.provide(m)
	}
	time.AfterFunc(s.options.DeliverAfter, func() {
		s.mu.Lock()
		var deliveries []Delivery
		if !s.closed {
			deliveries = s.provide(m)
		}
		s.mu.Unlock()
		s.tell(deliveries)
	})
	return nil
}

// provide is the provider: the message reaches the phone, or the number has no
// WhatsApp, then Glific also gives the contact up. It needs the lock.
func (s *Server) provide(m *message) []Delivery {
	m.status, m.updatedAt = "sent", s.options.Now()
	c := m.contact
	if m.organisation.offline[c.Phone] {
		m.bspStatus, m.errors = "ERROR", notOnWhatsApp
		c.Status, c.BSPStatus, c.OptinTime = "INVALID", "NONE", time.Time{}
		return nil
	}
	m.bspStatus = s.options.BSPStatus
	d := Delivery{
		Organisation: m.organisation.name,
		Phone:        c.Phone,
		TemplateID:   m.templateID,
		Parameters:   m.parameters,
		Body:         m.body,
		SendAt:       m.sendAt,
		At:           m.updatedAt,
		MessageID:    strconv.Itoa(m.id),
	}
	s.ledger = append(s.ledger, d)
	return []Delivery{d}
}

// tell calls back for deliveries, without the lock.
func (s *Server) tell(deliveries []Delivery) {
	if s.options.OnDelivery == nil {
		return
	}
	for _, d := range deliveries {
		s.options.OnDelivery(d)
	}
}
