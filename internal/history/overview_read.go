package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"avni-messenger/cdc"
)

// Overview reads how the whole does. What was sent long ago is not counted: Avni keeps it
// for ever.
func (r *Reader) Overview(ctx context.Context) (Overview, error) {
	var o Overview
	err := r.read(ctx, func(ctx context.Context, v *view) error {
		o = Overview{At: v.now, Instances: v.instances, Organisations: []OrganisationNow{}, Rules: []PausedRule{}, Storms: []StormHeld{}}
		if err := v.readStream(ctx, &o.Stream); err != nil {
			return err
		}
		for _, p := range v.pauses {
			o.Rules = append(o.Rules, p)
		}
		slices.SortFunc(o.Rules, func(x, y PausedRule) int {
			return cmp.Or(x.Since.Compare(y.Since), cmp.Compare(x.RuleID, y.RuleID))
		})
		if err := v.readStorms(ctx, &o); err != nil {
			return err
		}
		return v.readCounts(ctx, &o)
	})
	return o, err
}

func (v *view) readStream(ctx context.Context, s *Stream) error {
	in, err := cdc.Inspect(ctx, v.tx, v.options.Names)
	if err != nil {
		return err
	}
	*s = Stream{Slot: v.options.Names.Slot, SlotExists: in.Slot.Exists, Active: in.Slot.Active, WALStatus: in.Slot.WALStatus,
		Position: in.Position.LSN.String(), LastChange: in.Position.CommittedAt}
	if in.Position.Exists && in.WrittenLSN > in.Position.LSN {
		s.Lag = int64(in.WrittenLSN - in.Position.LSN)
	}
	if in.Slot.RestartLSN > 0 && in.WrittenLSN > in.Slot.RestartLSN {
		s.Retained = int64(in.WrittenLSN - in.Slot.RestartLSN)
	}
	gaps, err := collect[struct {
		Reason string
		Since  time.Time
	}](ctx, v, "gaps", `select reason, since from messenger.gap where slot = $1 and finished_at is null order by id`, s.Slot)
	for _, gap := range gaps {
		s.CatchingUp = fmt.Sprintf("changes since %s were not read (%s) and are being looked up in Avni's tables", v.clock(gap.Since), gap.Reason)
	}
	return err
}

// mostStorms is of how many transactions and rules an overview tells that the storm guard
// holds something of them.
const mostStorms = 20

const stormsSQL = `
select h.rule_id, coalesce(u.name, ''), h.organisation_id, h.commit_lsn::text, h.committed_at, h.n::int, h.groups::int, h.messages::int
  from (select rule_id, organisation_id, commit_lsn, min(committed_at) as committed_at, count(*) as n, count(*) over () as groups, sum(count(*)) over () as messages
          from messenger.held where state = 'held' group by 1, 2, 3 order by n desc, committed_at, rule_id, commit_lsn limit $1) h
  left join public.message_rule u on u.id = h.rule_id
 order by h.n desc, h.committed_at, h.rule_id, h.commit_lsn`

func (v *view) readStorms(ctx context.Context, o *Overview) error {
	rows, err := collect[struct {
		RuleID         int64
		Rule           string
		OrganisationID int32
		LSN            string
		CommittedAt    time.Time
		Count          int
		Groups         int
		Messages       int
	}](ctx, v, "what the storm guard holds", stormsSQL, mostStorms)
	for i, row := range rows {
		if i == 0 {
			o.MoreStorms, o.MoreMessages = row.Groups-len(rows), row.Messages
		}
		o.MoreMessages -= row.Count
		o.Storms = append(o.Storms, StormHeld{RuleID: row.RuleID, Rule: row.Rule, Organisation: v.label(row.OrganisationID),
			Transaction: row.LSN, CommittedAt: row.CommittedAt, Count: row.Count})
	}
	return err
}
