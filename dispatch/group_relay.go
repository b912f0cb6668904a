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
	lookupLease   = 5 * time.Minute // for reading the numbers of all subjects once
)

var (
	errClaimLost    = errors.New("the claim is lost")
	errGroupChanges = errors.New("the group's members change faster than Glific lists them")
)

// relay lists the members of a group, sees to it that each of them is messaged, and
// finds out whether all of them were.
func (w *worker) relay(ctx context.Context, c *claim, g groupMessage) verdict {
	listed, err := w.listMembers(ctx, c, g.groupID)
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
func (w *worker) listMembers(ctx context.Context, c *claim, groupID string) ([]glific.Member, error) {
	for range listings {
		members, ok, err := w.listOnce(ctx, c, groupID)
		if ok || err != nil {
			return members, err
		}
	}
	return nil, errGroupChanges
}

// listOnce goes on until nothing new comes: that a part is short proves nothing, should
// Glific ever limit this list as it does others. False: somebody has left meanwhile.
func (w *worker) listOnce(ctx context.Context, c *claim, groupID string) (members []glific.Member, ok bool, err error) {
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
		if err := w.queue.extend(ctx, c, w.settings.Lease); err != nil {
			return nil, false, err
		}
	}
}

// hidesPhones is true of what Glific lists to API users with the role Staff.
func hidesPhones(members []glific.Member) bool {
	shown := slices.ContainsFunc(members, func(m glific.Member) bool { return m.Phone != "" })
	return len(members) > 0 && !shown
}

// extend lengthens a claim. The error is errClaimLost if it is somebody else's by now.
func (q *queue) extend(ctx context.Context, c *claim, by time.Duration) error {
	tag, err := q.pool.Exec(ctx, `
		update messenger.delivery set claimed_until = clock_timestamp() + $3::interval, next_attempt_at = clock_timestamp() + $3::interval
		 where request_id = $1 and claimed_by = $2`, c.ID, c.holder, by)
	if err != nil {
		return fmt.Errorf("extend claim of %s: %w", c, err)
	}
	if tag.RowsAffected() == 0 {
		return errClaimLost
	}
	return nil
}
