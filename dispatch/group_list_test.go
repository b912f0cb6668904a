package dispatch

import (
	"context"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/dispatch/glific"
)

// lister is a sender whose lists of members go another way.
type lister struct {
	sender
	list func(context.Context, sender, string, int, int) ([]glific.Member, error)
}

func (l *lister) GroupMembers(ctx context.Context, group string, offset, limit int) ([]glific.Member, error) {
	return l.list(ctx, l.sender, group, offset, limit)
}

func (s *stage) startListing(list func(context.Context, sender, string, int, int) ([]glific.Member, error)) {
	s.start(func(o *Options) {
		o.connect = func(a glific.Account) sender { return &lister{glific.NewClient(a, o.Glific), list} }
	})
}

func TestMemberWhoMovesUpWhileTheGroupIsListedIsNotMissed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(4)
	group := s.asha.AddGroup("camp", f.contacts...)
	id := s.queueNamed(group)
	listed := 0
	s.startListing(func(ctx context.Context, to sender, group string, offset, limit int) ([]glific.Member, error) {
		members, err := to.GroupMembers(ctx, group, offset, min(limit, 2))
		if listed++; listed == 1 {
			s.asha.RemoveFromGroup(group, f.contacts[0]) // now the third is the second
		}
		return members, err
	})
	s.awaitState(id, stateAccepted)
	s.wantNamedBut(f, 0)
	if n := len(s.members(id)); n != 3 {
		t.Errorf("%d members are kept, want 3", n)
	}
}

func TestGroupThatChangesAllTheTimeIsListedLater(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(2)
	group := s.asha.AddGroup("camp", f.contacts...)
	id := s.queueNamed(group)
	calls := 0
	s.startListing(func(ctx context.Context, to sender, group string, offset, limit int) ([]glific.Member, error) {
		members, err := to.GroupMembers(ctx, group, offset, limit)
		if calls++; offset > 0 && calls <= 2*listings {
			members = nil // as if somebody had left
		}
		return members, err
	})
	if r := s.awaitState(id, stateAccepted); r.Outcomes != "retry under_way completed" {
		t.Errorf("attempts: %s", r.Outcomes)
	}
	s.wantNamed(f)
}

func TestWhereAvniServerStopped(t *testing.T) {
	listed := []glific.Member{{ContactID: "30"}, {ContactID: "9"}, {ContactID: "100"}, {ContactID: ""}, {ContactID: "20"}}
	var many []glific.Member
	for i := range 600 {
		many = append(many, glific.Member{ContactID: strconv.Itoa(1000 + i)})
	}
	for details, want := range map[string][]string{
		`{"pageNo":0,"contactId":"30"}`:  {"20", "9"},
		`{"pageNo":0,"contactId":"31"}`:  {"20", "30", "9"},
		`{"pageNo":0,"contactId":"9"}`:   nil,
		`{"pageNo":0,"contactId":null}`:  nil,
		`{"pageNo":2,"contactId":null}`:  {"100", "20", "30", "9"},
		`{"pageNo":-1,"contactId":null}`: nil,
		`{}`:                             nil,
		`null`:                           nil,
		`"what"`:                         nil,
	} {
		var got []string
		for id := range parseStop(details).sentTo(listed) {
			got = append(got, id)
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", details, diff)
		}
	}
	if n := len((&stop{Page: 1}).sentTo(many)); n != membersAtOnce {
		t.Errorf("a page is of %d members, want %d", n, membersAtOnce)
	}
}
