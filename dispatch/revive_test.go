package dispatch

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// editRule saves a rule of Avni's as somebody does who corrects it.
func (s *stage) editRule(id int64) {
	s.Helper()
	s.exec(`update message_rule set last_modified_date_time = last_modified_date_time + interval '1 minute' where id = $1`, id)
}

func TestEditedRuleGivesItsRefusedMessagesAnotherChance(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var mended atomic.Bool
	s.render = func(_ context.Context, r Request) (Rendered, error) {
		if mended.Load() {
			return sample[r.RuleID], nil
		}
		if r.EntityID == ramesh {
			return Rendered{[]string{"Ramesh", "undefined"}, "7001"}, nil
		}
		return Rendered{}, &Refusal{Reason: RuleFailed}
	}
	failed := s.queueRule(welcomeRule, asha, "Subject", asha)
	bad := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	other := s.queueRule(workerRule, asha, "User", meena) // its rule is not edited
	s.start()
	s.awaitReason(failed, stateRefused, RuleFailed)
	s.awaitReason(bad, stateRefused, BadParameter)
	s.awaitReason(other, stateRefused, RuleFailed)
	mended.Store(true)
	s.editRule(welcomeRule)
	for _, id := range []int64{failed, bad} {
		if r := s.awaitState(id, stateAccepted); r.Outcomes != "refused accepted" || r.Attempts != 1 || r.Status != "Sent" {
			t.Errorf("the request is %+v", r)
		}
	}
	if r := s.row(other); r.State != "refused" {
		t.Errorf("the other rule's request is %+v", r)
	}
}

func TestRuleEditedDuringTheRefusalIsNotOverlooked(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	var runs atomic.Int32
	s.render = func(_ context.Context, r Request) (Rendered, error) {
		if runs.Add(1) > 1 {
			return sample[r.RuleID], nil
		}
		s.editRule(welcomeRule)
		return Rendered{}, &Refusal{Reason: RuleFailed}
	}
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start()
	s.awaitState(id, stateAccepted)
}

func TestChangedNumberGivesRefusedMessagesAnotherChance(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.asha.AddContact(glifictest.Contact{Phone: ashaPhone, Status: "INVALID", BSPStatus: "NONE", OptoutTime: time.Now()})
	s.must(s.avni.SetUserPhone(t.Context(), meena, ""))
	of := map[int64]int64{
		s.queueRule(welcomeRule, asha, "Subject", asha):                               asha,
		s.queueRule(welcomeRule, badPhone, "Subject", badPhone):                       badPhone,
		s.queueManual(avnitest.AshaGramin, "Subject", noPhone, "7009", "Hema", "x"):   noPhone,
		s.queueManual(avnitest.AshaGramin, "User", meena, "7009", "somebody", "camp"): meena,
	}
	want := map[int64]Reason{asha: OptedOut, badPhone: InvalidPhone, noPhone: NoPhone, meena: NoPhone}
	s.start()
	for id, receiver := range of {
		s.awaitReason(id, stateRefused, want[receiver])
	}
	phones := map[int64]string{asha: "9876500091", badPhone: "9876500092", noPhone: "9876500093"}
	for receiver, phone := range phones {
		s.must(s.avni.SetPhone(t.Context(), receiver, phone))
	}
	s.must(s.avni.SetUserPhone(t.Context(), meena, "+919876500094"))
	phones[meena] = "9876500094"
	for id, receiver := range of {
		if r := s.awaitState(id, stateAccepted); r.Outcomes != "refused accepted" {
			t.Errorf("the request of %d is %+v", receiver, r)
		}
		s.wantOnce(id, "91"+phones[receiver])
	}
	if got := s.bodies(ashaPhone); len(got) != 0 {
		t.Errorf("the old number got %q", got)
	}
}

func TestRefusedContactIsLookedAtAgainAfterADay(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	out := func(phone string) {
		s.asha.AddContact(glifictest.Contact{Phone: phone, Status: "INVALID", BSPStatus: "NONE", OptoutTime: time.Now()})
	}
	out(ashaPhone)
	out(rameshPhone)
	out(meenaPhone)
	stays := s.queueRule(welcomeRule, asha, "Subject", asha)
	comesBack := s.queueRule(workerRule, asha, "User", meena)
	fresh := s.queueRule(welcomeRule, ramesh, "Subject", ramesh)
	s.start()
	for _, id := range []int64{stays, comesBack, fresh} {
		s.awaitReason(id, stateRefused, OptedOut)
	}
	s.asha.RemoveContact(meenaPhone)
	s.asha.RemoveContact(rameshPhone)
	s.asha.AddOptedInContact(meenaPhone, "")
	s.asha.AddOptedInContact(rameshPhone, "")
	s.execOwn(`update messenger.delivery set updated_at = updated_at - interval '25 hours' where request_id = any($1)`, []int64{stays, comesBack})
	s.awaitState(comesBack, stateAccepted)
	s.await("the other is refused again", func() bool { return s.row(stays).Outcomes == "refused refused" })
	if r := s.row(fresh); r.Outcomes != "refused" || r.State != "refused" {
		t.Errorf("the one of today is %+v", r)
	}
	if n := s.calls("asha", "optinContact"); n != 0 {
		t.Errorf("contacts were opted in %d times", n)
	}
}

func TestWhatIsNotWorthSendingIsNotRevived(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.render = func(context.Context, Request) (Rendered, error) { return Rendered{}, &Refusal{Reason: RuleFailed} }
	changes := []string{`is_voided = true`, `delivery_status = 'Sent', delivered_date_time = now()`, `scheduled_date_time = now() - interval '5 days'`}
	var ids []int64
	for i := range changes {
		ids = append(ids, s.queueRule(welcomeRule, 5000+int64(i), "Subject", asha))
	}
	last := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start()
	for _, id := range append(ids, last) {
		s.awaitReason(id, stateRefused, RuleFailed)
	}
	for i, change := range changes {
		s.exec(`update message_request_queue set `+change+` where id = $1`, ids[i])
	}
	s.editRule(welcomeRule)
	s.await("the one that is worth it is tried again", func() bool { return s.row(last).Outcomes == "refused refused" })
	for i, id := range ids {
		if r := s.row(id); r.Outcomes != "refused" {
			t.Errorf("%s: the request is %+v", changes[i], r)
		}
	}
}
