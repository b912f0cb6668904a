package history

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"avni-messenger/cdc"
	"avni-messenger/dispatch"
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

// lastDays is how far back failures are counted.
const lastDays = 3 * 24 * time.Hour

const (
	// Written to use the partial index that setup makes. What was settled is not due any
	// more: a message to a group stays PartiallySent in Avni then.
	queueSQL = `
		select organisation_id, delivery_status, count(*), count(*) filter (where due), min(scheduled_date_time) filter (where due)
		  from (select q.organisation_id, q.delivery_status, q.scheduled_date_time,
		               q.scheduled_date_time <= $2 and q.delivery_status in ('NotSent', 'PartiallySent')
		               and coalesce(d.state, 'waiting') not in ('accepted', 'refused', 'expired', 'withdrawn') as due
		          from public.message_request_queue q left join messenger.delivery d on d.request_id = q.id
		         where not q.is_voided and q.delivery_status <> 'Sent' and q.organisation_id = any($3) and q.scheduled_date_time >= $1) q
		 group by 1, 2 order by 1, 2`

	// What waits now, with what came of it the last time.
	triedSQL = `
		select d.organisation_id, d.reason, count(*), max(d.updated_at), coalesce((array_agg(d.detail order by d.updated_at desc))[1], '')
		  from messenger.delivery d join public.message_request_queue q on q.id = d.request_id
		 where d.organisation_id = any($3) and d.state in ('waiting', 'claimed', 'sending', 'uncertain') and d.reason <> ''
		   and not q.is_voided and q.delivery_status in ('NotSent', 'PartiallySent') and q.scheduled_date_time >= $1 and q.scheduled_date_time <= $2
		 group by 1, 2 order by 1, 3 desc, 2`

	inboxByOrganisationSQL = `select organisation_id, count(*), min(committed_at) from messenger.inbox group by 1`

	failuresSQL = `
		select organisation_id, coalesce(reason, ''), count(*) from messenger.delivery
		 where organisation_id = any($2) and state = 'refused' and updated_at >= $1 group by 1, 2
		union all
		select organisation_id, coalesce(reason, ''), count(*) from messenger.delivery
		 where organisation_id = any($2) and state = 'expired' and updated_at >= $1 group by 1, 2
		 order by 1, 3 desc, 2`

	receiptCountsSQL = `
		select organisation_id, status, coalesce(reason, ''), count(*) from messenger.receipt where accepted_at >= $1 group by 1, 2, 3 order by 1, 2, 3`
)

// readCounts counts by organisation. Those that are served are told of in any case.
func (v *view) readCounts(ctx context.Context, o *Overview) error {
	c := counts{view: v, byID: map[int32]*OrganisationNow{}}
	for id := range v.organisations {
		if standing, served := v.options.Served(id); served || standing.Held != "" {
			c.of(id)
		}
	}
	for id := range v.holds {
		c.of(id)
	}
	for _, read := range []func(context.Context) error{c.readInbox, c.readQueue, c.readTried, c.readFailures, c.readReceipts} {
		if err := read(ctx); err != nil {
			return err
		}
	}
	for _, one := range c.byID {
		o.Organisations = append(o.Organisations, *one)
	}
	slices.SortFunc(o.Organisations, func(x, y OrganisationNow) int { return strings.Compare(x.Name, y.Name) })
	return nil
}

// counts collects what is counted by organisation.
type counts struct {
	*view
	byID map[int32]*OrganisationNow
}

func (c counts) of(id int32) *OrganisationNow {
	if c.byID[id] == nil {
		one := &OrganisationNow{ID: id, Name: c.label(id), Queue: []Status{}, Tried: []Tried{}, Failures: []Reason{}, Receipts: []Status{}, Lost: []Reason{}}
		one.Standing, one.Served = c.options.Served(id)
		if h, held := c.holds[id]; held {
			one.Hold, one.HoldFix = "since "+c.clock(h.Since)+": "+h.text(), c.holdFix(id)
		}
		c.byID[id] = one
	}
	return c.byID[id]
}

func (c counts) readInbox(ctx context.Context) error {
	rows, err := collect[struct {
		ID     int32
		Count  int
		Oldest time.Time
	}](ctx, c.view, "inbox", inboxByOrganisationSQL)
	for _, row := range rows {
		c.of(row.ID).Inbox = Counted{row.Count, row.Oldest}
	}
	return err
}

func (c counts) readQueue(ctx context.Context) error {
	rows, err := collect[struct {
		ID         int32
		Status     string
		Count, Due int
		Oldest     *time.Time
	}](ctx, c.view, "queue", queueSQL, c.now.Add(-c.options.Window), c.now, keysOf(c.byID))
	for _, row := range rows {
		one := c.of(row.ID)
		one.Queue = append(one.Queue, Status{row.Status, row.Count})
		one.Due.Count += row.Due
		if row.Oldest != nil && (one.Due.Oldest.IsZero() || row.Oldest.Before(one.Due.Oldest)) {
			one.Due.Oldest = *row.Oldest
		}
	}
	return err
}

// readTried reads why those that are due were not sent yet. What is left to avni-server is
// tried by nobody here.
func (c counts) readTried(ctx context.Context) error {
	rows, err := collect[struct {
		ID     int32
		Reason dispatch.Reason
		Count  int
		Last   time.Time
		Detail string
	}](ctx, c.view, "deliveries that wait", triedSQL, c.now.Add(-c.options.Window), c.now, keysOf(c.byID))
	for _, row := range rows {
		one := c.of(row.ID)
		if one.Standing.Mode == "shadow" {
			continue
		}
		tried := Tried{Reason: Reason{string(row.Reason), row.Reason.Text(), advice(row.Reason.Advice()), row.Count}, Last: row.Last}
		if row.Reason.Class() == dispatch.ClassOrganisation {
			tried.Detail = row.Detail
		}
		one.Tried = append(one.Tried, tried)
	}
	return err
}

func (c counts) readFailures(ctx context.Context) error {
	rows, err := collect[struct {
		ID     int32
		Reason dispatch.Reason
		Count  int
	}](ctx, c.view, "failures", failuresSQL, c.now.Add(-lastDays), keysOf(c.byID))
	for _, row := range rows {
		one := c.of(row.ID)
		one.Failures = append(one.Failures, Reason{string(row.Reason), row.Reason.Text(), advice(row.Reason.Advice()), row.Count})
	}
	return err
}

func (c counts) readReceipts(ctx context.Context) error {
	rows, err := collect[struct {
		ID     int32
		Status string
		Reason dispatch.ReceiptReason
		Count  int
	}](ctx, c.view, "receipts", receiptCountsSQL, c.now.Add(-24*time.Hour))
	for _, row := range rows {
		one := c.of(row.ID)
		if i := slices.IndexFunc(one.Receipts, func(s Status) bool { return s.Status == row.Status }); i >= 0 {
			one.Receipts[i].Count += row.Count
		} else {
			one.Receipts = append(one.Receipts, Status{row.Status, row.Count})
		}
		if row.Reason != "" {
			one.Lost = append(one.Lost, Reason{string(row.Reason), row.Reason.Text(), advice(row.Reason.Advice()), row.Count})
		}
	}
	return err
}
