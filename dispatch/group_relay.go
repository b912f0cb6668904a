package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"avni-messenger/dispatch/glific"
)

const (
	membersAtOnce = 500
	listAgain     = 5 * time.Minute // while members are messaged, to see who has joined or left
	listings      = 5               // begun anew because somebody left meanwhile, before it is put off
)

var errGroupChanges = errors.New("the group's members change faster than Glific lists them")

// relay holds on to the claim while the members are listed, for as long as that takes.
func (w *worker) relay(ctx context.Context, c *claim, g groupMessage) (v verdict) {
	err := w.queue.hold(ctx, c, func(ctx context.Context) { v = w.relayHeld(ctx, c, g) })
	if err != nil {
		return verdict{outcome: lost}
	}
	return v
}

// relayHeld lists the members of a group, sees to it that each of them is messaged, and
// finds out whether all of them were.
func (w *worker) relayHeld(ctx context.Context, c *claim, g groupMessage) verdict {
	listed, err := w.listMembers(ctx, g.groupID)
	if err == nil {
		w.answered(false)
		err = w.checkTemplate(ctx, g.message())
	}
	if err == nil && hidesPhones(listed) {
		return w.again(c, verdict{reason: RoleTooLow, detail: "Glific hides the phone numbers of the group's members"})
	}
	var state groupState
	if err == nil {
		state, err = w.keepMembers(ctx, c, g, listed)
	}
	switch {
	case errors.Is(err, errClaimLost):
		return verdict{outcome: lost}
	case err != nil:
		return w.judgeGroup(ctx, c, g, err)
	}
	return state.verdict()
}

// groupState is how far the message has come.
type groupState struct {
	members int // of the group now
	open    int // who are still to get it, or perhaps have got it
	sent    int
	unsent  string // why others did not get it
}

func (s groupState) verdict() verdict {
	detail := fmt.Sprintf("%d members, sent to %d", s.members, s.sent)
	if s.unsent != "" {
		detail += ", not to " + s.unsent
	}
	switch {
	case s.open > 0:
		return verdict{outcome: underWay, reason: GroupUnderWay, detail: detail}
	case s.sent > 0:
		return verdict{outcome: completed, detail: detail}
	case s.members == 0:
		return verdict{outcome: refused, reason: GroupEmpty}
	}
	return verdict{outcome: refused, reason: GroupUnreached, detail: detail}
}

// listMembers lists a group, in the order in which the members joined. Each part begins
// with the last member of the one before: if it does not, somebody has left meanwhile,
// and whoever moved up in their place would be missed.
func (w *worker) listMembers(ctx context.Context, groupID string) ([]glific.Member, error) {
	for range listings {
		members, ok, err := w.listOnce(ctx, groupID)
		if ok || err != nil {
			return members, err
		}
	}
	return nil, errGroupChanges
}

// listOnce goes on until nothing new comes: that a part is short proves nothing, should
// Glific ever limit this list as it does others. False: somebody has left meanwhile.
func (w *worker) listOnce(ctx context.Context, groupID string) (members []glific.Member, ok bool, err error) {
	for {
		overlap := min(1, len(members))
		page, err := w.client.GroupMembers(ctx, groupID, len(members)-overlap, membersAtOnce)
		if err != nil {
			return nil, false, err
		}
		if overlap == 1 && (len(page) == 0 || page[0].ContactID != members[len(members)-1].ContactID) {
			return nil, false, nil
		}
		if len(page) == overlap {
			return members, true, nil
		}
		members = append(members, page[overlap:]...)
	}
}

// hidesPhones is true of what Glific lists to API users with the role Staff.
func hidesPhones(members []glific.Member) bool {
	shown := slices.ContainsFunc(members, func(m glific.Member) bool { return m.Phone != "" })
	return len(members) > 0 && !shown
}
