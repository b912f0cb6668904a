package dispatch

import (
	"errors"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

func (s *stage) byHand() ByHand {
	return ByHand{Pool: s.db.Pool(), Organisations: s.organisations[:1], Window: 4 * 24 * time.Hour}
}

// leftAlone fails unless err says, with these words, why nothing was done.
func (s *stage) leftAlone(err error, words string) {
	s.Helper()
	var no *NotPossible
	if !errors.As(err, &no) || !strings.Contains(no.Why, words) {
		s.Errorf("the error is %v, want a *NotPossible with %q", err, words)
	}
}

func TestRequeueOfRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.asha.AddContact(glifictest.Contact{Phone: ashaPhone, OptoutTime: time.Now().Add(-time.Hour)})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start()
	s.awaitReason(id, stateRefused, OptedOut)
	s.asha.RemoveContact(ashaPhone)
	stood, err := s.byHand().Requeue(t.Context(), id, RequeueOptions{})
	s.must(err)
	if stood.State != "refused" || stood.Reason != OptedOut || stood.OrganisationID != avnitest.AshaGramin {
		t.Errorf("it stood as %+v", stood)
	}
	d.Wake(avnitest.AshaGramin)
	s.awaitState(id, stateAccepted)
	s.wantOnce(id, ashaPhone)
	_, err = s.byHand().Requeue(t.Context(), id, RequeueOptions{DueNow: true, NotAtGlific: true})
	s.leftAlone(err, "it is sent")
	_, err = s.byHand().Cancel(t.Context(), id)
	s.leftAlone(err, "it is sent already")
}

func TestRequeueOfExpired(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	id := s.queueRuleAt(welcomeRule, asha, "Subject", asha, time.Now().AddDate(0, 0, -5))
	d, _ := s.start()
	s.awaitReason(id, stateExpired, Expired)
	_, err := s.byHand().Requeue(t.Context(), id, RequeueOptions{})
	s.leftAlone(err, "too long ago to be sent as it is; --due-now")
	_, err = s.byHand().Requeue(t.Context(), id, RequeueOptions{DueNow: true})
	s.must(err)
	d.Wake(avnitest.AshaGramin)
	s.awaitState(id, stateAccepted)
	s.wantOnce(id, ashaPhone)
}

// A send of unknown outcome is repeated by hand only when somebody says that it is not at
// Glific.
func TestRequeueOfUncertain(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.DropRequest})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	_, stop := s.start(func(o *Options) { o.Settings.UncertainGrace = time.Hour })
	s.awaitState(id, stateUncertain)
	stop()
	_, err := s.byHand().Requeue(t.Context(), id, RequeueOptions{DueNow: true})
	s.leftAlone(err, "--not-at-glific")
	_, err = s.byHand().Requeue(t.Context(), id, RequeueOptions{NotAtGlific: true})
	s.must(err)
	s.start(func(o *Options) { o.Settings.UncertainGrace = time.Hour })
	s.awaitState(id, stateAccepted)
	s.wantOnce(id, ashaPhone)
}

func TestRequeueLeavesAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	later := s.queueRuleAt(welcomeRule, asha, "Subject", asha, time.Now().Add(time.Hour))
	unwanted := s.queueRule(workerRule, asha, "User", meena)
	s.exec(`update message_request_queue set is_voided = true where id = $1`, unwanted)
	others := s.queueRule(nepalRule, maya, "Subject", maya)
	hand := s.byHand()
	for id, words := range map[int64]string{later: "it is due at ", unwanted: "it is voided", others: "it belongs to organisation 103, ", -1: "no such row"} {
		_, err := hand.Requeue(t.Context(), id, RequeueOptions{})
		s.leftAlone(err, words)
	}
	for id, words := range map[int64]string{unwanted: "it is voided already", others: "it belongs to organisation 103, "} {
		_, err := hand.Cancel(t.Context(), id)
		s.leftAlone(err, words)
	}
}
