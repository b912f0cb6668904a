package dispatch

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/dispatch/glific/glifictest"
)

func TestGroupThatIsGoneOrEmptyIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	empty := s.asha.AddGroup("nobody")
	want := map[int64]Reason{
		s.queuePlain("4711"): GroupGone, s.queueNamed("4712"): GroupEmpty, s.queuePlain(empty): GroupEmpty, s.queueNamed(empty): GroupEmpty,
	}
	s.start()
	for id, reason := range want {
		if r := s.awaitReason(id, stateRefused, reason); r.Status != "Failed" || r.Delivered {
			t.Errorf("%s: the request is %+v", reason, r)
		}
	}
}

func TestGroupOfStrangersIsRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.contacts(2)
	optedOut := s.asha.AddContact(glifictest.Contact{Phone: ashaPhone, BSPStatus: "HSM", OptinTime: secondsAgo(9), OptoutTime: secondsAgo(5)})
	id := s.queueNamed(s.asha.AddGroup("camp", append(f.contacts, optedOut)...))
	s.start()
	if r := s.awaitReason(id, stateRefused, GroupUnreached); r.Status != "Failed" || r.Delivered {
		t.Errorf("the request is %+v", r)
	}
	if got := s.detail(id); got != "3 members, sent to 0, not to 2 unknown_to_avni, 1 opted_out" {
		t.Errorf("detail %q", got)
	}

	s.must(s.avni.SetPhone(t.Context(), ramesh, "+"+f.phones[0]))
	s.exec(`update message_request_queue set last_modified_date_time = now() where id = $1`, id)
	s.awaitState(id, stateAccepted) // begun anew, as Avni knows one of them now
	if diff := cmp.Diff([]string{"Dear Ramesh Kumar, camp"}, s.bodies(f.phones[0])); diff != "" {
		t.Error(diff)
	}
}

func TestGroupMessageThatDoesNotFitItsTemplateIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(2)
	group := s.asha.AddGroup("camp", f.contacts...)
	want := map[int64]Reason{
		s.queueToGroup(group, plainTemplate, "one"):            ParameterCount,
		s.queueToGroup(group, plainTemplate, "@name"):          ParameterCount,
		s.queueToGroup(group, plainTemplate, "one", ""):        BadParameter,
		s.queueToGroup(group, plainTemplate, "@name", "null"):  BadParameter,
		s.queueToGroup(group, "4711", "one", "two"):            TemplateNotFound,
		s.queueToGroup(group, "7010", "@name"):                 MediaTemplate,
		s.queueToGroup(group, "x", "one", "two"):               TemplateInvalid,
		s.queueToGroup(group, plainTemplate, "@contact.name"):  ParameterExpands,
		s.queueToGroup(group, plainTemplate, "@name", "@name"): "",
	}
	s.start()
	for id, reason := range want {
		if reason == "" {
			s.awaitState(id, stateAccepted)
			continue
		}
		s.awaitReason(id, stateRefused, reason)
	}
	if n := len(s.glific.Ledger()); n != 2 {
		t.Errorf("%d messages, want those of the one that fits", n)
	}
}

func TestTestNumbersHoldForGroups(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(3)
	group := s.asha.AddGroup("camp", f.contacts...)
	plain, named := s.queuePlain(group), s.queueNamed(group)
	_, stop := s.start(func(o *Options) { o.Settings.TestNumbers = []Phone{Phone(f.phones[1])} })
	s.awaitReason(plain, stateWaiting, NotTestNumber)
	s.await("the test number has its message, the others are held", func() bool {
		held := 0
		for _, m := range s.members(named) {
			if m.Reason == string(NotTestNumber) && m.State == "waiting" {
				held++
			}
		}
		return held == 2 && len(s.bodies(f.phones[1])) == 1
	})
	stop()
	if n := len(s.glific.Ledger()); n != 1 {
		t.Errorf("%d messages, want 1", n)
	}
	s.start()
	s.awaitState(plain, stateAccepted)
	s.awaitState(named, stateAccepted)
	s.wantNamed(f)
}

func TestDryRunLeavesGroupsAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(2)
	group := s.asha.AddGroup("camp", f.contacts...)
	ids := []int64{s.queuePlain(group), s.queueNamed(group)}
	s.start(func(o *Options) { o.Settings.DryRun = true })
	for _, id := range ids {
		if r := s.awaitReason(id, stateWaiting, DryRun); r.Status != "NotSent" || r.Outcomes != "dry_run" {
			t.Errorf("the request is %+v", r)
		}
	}
	if n := len(s.glific.Requests()); n != 0 {
		t.Errorf("Glific was asked %d times", n)
	}
}

func TestHiddenPhoneNumbersAreToldOf(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(2)
	s.asha.SetRole("Staff")
	id := s.queueNamed(s.asha.AddGroup("camp", f.contacts...))
	s.start()
	s.awaitReason(id, stateWaiting, RoleTooLow)
	s.asha.SetRole("Manager")
	s.awaitState(id, stateAccepted)
	s.wantNamed(f)
}
