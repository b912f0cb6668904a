package dispatch

import (
	"testing"

	"avni-messenger/internal/avnitest"
)

// Deliveries from before delivery_sent_once do not name their rule and entity, and both
// of two twins may have been sent: nobody else must suffer from it.
func TestTwinsBothOfUnknownOutcomeFromBefore(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	contact := s.asha.AddOptedInContact(ashaPhone, "")
	twins := []int64{s.queueRule(welcomeRule, asha, "Subject", asha), s.queueRule(welcomeRule, asha, "Subject", asha)}
	for i, id := range twins {
		s.execOwn(`
			insert into messenger.delivery (request_id, organisation_id, state, attempts, contact_id, site, phone, template_id, parameters, send_at, sending_since, reason)
			values ($1, $2, 'uncertain', 1, $3, $4, $5, '7001', '{Asha,Kevadia}', date_trunc('second', now()) - $6 * interval '1 second', now() - interval '10 minutes', 'lost_answer')`,
			id, avnitest.AshaGramin, contact, s.organisations[0].Glific.Site(), ashaPhone, 600+i)
	}
	other := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	s.start()
	s.awaitState(other, stateAccepted)
	s.await("one of the twins is sent", func() bool {
		return s.row(twins[0]).State == string(stateAccepted) && s.row(twins[1]).State == string(stateWithdrawn) ||
			s.row(twins[1]).State == string(stateAccepted) && s.row(twins[0]).State == string(stateWithdrawn)
	})
	if got := s.bodies(ashaPhone); len(got) != 1 {
		t.Errorf("%d messages, want 1", len(got))
	}
}
