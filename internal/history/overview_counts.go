package history

import (
	"context"
	"slices"
	"strings"
	"time"

	"avni-messenger/dispatch"
)

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

// reasoned is how often there was a reason, in words.
func reasoned[R interface {
	~string
	Text() string
	Advice() string
}](reason R, count int) Reason {
	return Reason{string(reason), reason.Text(), advice(reason.Advice()), count}
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
		tried := Tried{Reason: reasoned(row.Reason, row.Count), Last: row.Last}
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
		one.Failures = append(one.Failures, reasoned(row.Reason, row.Count))
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
			one.Lost = append(one.Lost, reasoned(row.Reason, row.Count))
		}
	}
	return err
}
