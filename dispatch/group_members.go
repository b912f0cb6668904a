package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"avni-messenger/dispatch/glific"
)

// member is a member of a group as the receiver of one message.
type member struct {
	requestID int64 // message_request_queue.id of the message to the group
	contactID string
	phone     Phone
}

// keepMembers brings messenger.group_member in line with who is listed, with a delivery
// for everyone who is new, and returns how far the message has come. A message that had
// ended and was revived begins anew with those who did not get it.
func (w *worker) keepMembers(ctx context.Context, c *claim, g groupMessage, listed []glific.Member) (groupState, error) {
	var state groupState
	anew := c.ended()
	kept, err := w.queue.keptMembers(ctx, c, anew)
	if err != nil {
		return state, err
	}
	var fresh []glific.Member
	for _, m := range listed {
		if m.ContactID != "" && !kept[m.ContactID] {
			fresh = append(fresh, m)
			kept[m.ContactID] = true
		}
	}
	var known map[string]receiverRef
	if len(fresh) > 0 {
		if known, err = knownTo(ctx, w.options.Pool, w.organisation(), fresh); err != nil {
			return state, err
		}
	}
	err = pgx.BeginFunc(ctx, w.options.Pool, func(tx pgx.Tx) error {
		k := keeper{tx, c, w.queue.organisation, w.now()}
		state, err = k.keep(ctx, listed, fresh, known, g.stopped, anew)
		return err
	})
	return state, err
}

// ended is true of a claim that had come to its end before it was revived.
func (c *claim) ended() bool {
	switch c.reason.Class() {
	case "", ClassPassing, ClassOrganisation, ClassUncertain, ClassHeld, ClassUnderWay:
		return false
	}
	return true
}

// keptMembers are the contacts that need not be looked for in Avni (again).
func (q *queue) keptMembers(ctx context.Context, c *claim, anew bool) (map[string]bool, error) {
	rows, _ := q.pool.Query(ctx, `
		select contact_id from messenger.group_member where request_id = $1 and (receiver_id is not null or not $2)`, c.ID, anew)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read members of %s: %w", c, err)
	}
	kept := make(map[string]bool, len(ids))
	for _, id := range ids {
		kept[id] = true
	}
	return kept, nil
}

// keeper writes what is known of a group's members, in one transaction.
type keeper struct {
	tx           pgx.Tx
	claim        *claim
	organisation int32
	now          time.Time
}

func (k keeper) keep(ctx context.Context, listed, fresh []glific.Member, known map[string]receiverRef, stopped *stop, anew bool) (groupState, error) {
	var state groupState
	begun, err := k.guard(ctx)
	if err != nil {
		return state, err
	}
	sent := make(map[string]bool)
	if !begun {
		sent = stopped.sentTo(listed)
	}
	if err := k.add(ctx, fresh, known, sent); err != nil {
		return state, err
	}
	if err := k.mark(ctx, listed); err != nil {
		return state, err
	}
	if err := k.reopen(ctx, anew); err != nil {
		return state, err
	}
	return k.count(ctx)
}

// guard holds on to the claim until the members are written, and tells whether any were
// before: where avni-server stopped matters only the first time.
func (k keeper) guard(ctx context.Context) (begun bool, err error) {
	var ours bool
	err = k.tx.QueryRow(ctx, `
		select claimed_by is not distinct from $2, exists (select from messenger.group_member where request_id = $1)
		  from messenger.delivery where request_id = $1 for update`, k.claim.ID, k.claim.holder).Scan(&ours, &begun)
	if err != nil {
		return false, fmt.Errorf("lock claim of %s: %w", k.claim, err)
	}
	if !ours {
		return false, errClaimLost
	}
	return begun, nil
}

// addMembersSQL gives the numbers in the order of the list. One that was kept before is
// of somebody whom Avni may know by now.
const addMembersSQL = `
with listed as (
    select * from unnest(@contacts::text[], @phones::text[], @kinds::text[], @ids::bigint[], @reasons::text[])
             with ordinality as l(contact_id, phone, receiver_type, receiver_id, reason, place)
), added as (
    insert into messenger.group_member (request_id, contact_id, phone, receiver_type, receiver_id)
    select @request, contact_id, phone, receiver_type, nullif(receiver_id, 0) from listed order by place
        on conflict (request_id, contact_id) do update
       set receiver_type = excluded.receiver_type, receiver_id = excluded.receiver_id
    returning id, contact_id, phone
)
insert into messenger.delivery (request_id, organisation_id, state, reason, phone, next_attempt_at)
select a.id, @organisation,
       case l.reason when '' then 'waiting' when 'sent_before' then 'withdrawn' else 'refused' end,
       nullif(l.reason, ''), a.phone, @now
  from added a join listed l using (contact_id)
    on conflict (request_id) do nothing`

// add keeps members that are new. Those whom Avni does not know, or who cannot get
// templates, are not messaged, and the reason is kept with them.
func (k keeper) add(ctx context.Context, fresh []glific.Member, known map[string]receiverRef, sent map[string]bool) error {
	var contacts, phones, kinds, reasons []string
	var ids []int64
	for _, m := range fresh {
		to := known[m.ContactID]
		contacts, phones = append(contacts, m.ContactID), append(phones, m.Phone)
		kinds, ids = append(kinds, to.kind), append(ids, to.id)
		reasons = append(reasons, string(skips(m, to, sent[m.ContactID])))
	}
	_, err := k.tx.Exec(ctx, addMembersSQL, pgx.NamedArgs{
		"request": k.claim.ID, "organisation": k.organisation, "now": k.now,
		"contacts": contacts, "phones": phones, "kinds": kinds, "ids": ids, "reasons": reasons,
	})
	if err != nil {
		return fmt.Errorf("keep members of %s: %w", k.claim, err)
	}
	return nil
}

// skips is why a member is not messaged; empty if they are.
func skips(m glific.Member, to receiverRef, sent bool) Reason {
	var refusal *Refusal
	switch {
	case sent:
		return SentBefore
	case to.id == 0:
		return UnknownToAvni
	case errors.As(consent(m.Contact()), &refusal):
		return refusal.Reason
	}
	return ""
}

// mark notes who has left, and who has come back.
func (k keeper) mark(ctx context.Context, listed []glific.Member) error {
	contacts := make([]string, len(listed))
	for i, m := range listed {
		contacts[i] = m.ContactID
	}
	_, err := k.tx.Exec(ctx, `
		update messenger.group_member m set left_at = case when l.contact_id is null then now() end
		  from messenger.group_member o left join (select distinct unnest($2::text[]) as contact_id) l using (contact_id)
		 where o.request_id = $1 and m.id = o.id and (o.left_at is null) <> (l.contact_id is not null)`, k.claim.ID, contacts)
	if err != nil {
		return fmt.Errorf("mark members of %s who left: %w", k.claim, err)
	}
	return nil
}

// reopen lets those be messaged who have come back and, if the message begins anew, all
// who did not get it.
func (k keeper) reopen(ctx context.Context, anew bool) error {
	_, err := k.tx.Exec(ctx, `
		update messenger.delivery d
		   set state = 'waiting', reason = null, detail = null, attempts = 0, next_attempt_at = $3, updated_at = now()
		  from messenger.group_member m
		 where m.request_id = $1 and d.request_id = m.id and m.left_at is null and m.receiver_id is not null
		   and (d.state = 'withdrawn' and d.reason = 'left_group' or $2 and `+settled+` and d.reason <> 'sent_before')`, k.claim.ID, anew, k.now)
	if err != nil {
		return fmt.Errorf("reopen members of %s: %w", k.claim, err)
	}
	return nil
}

// openMember is true of a member m, with their delivery d, who is still to be messaged
// or perhaps was.
const openMember = `(d.state in ('waiting', 'claimed', 'sending', 'uncertain') and (m.left_at is null or d.sending_since is not null))`

// countMembersSQL counts the members of a request, and why some did not get the message.
const countMembersSQL = `
with counted as materialized (
    select d.state, coalesce(d.reason, '') as reason, m.left_at is null as stays, ` + openMember + ` as open
      from messenger.group_member m join messenger.delivery d on d.request_id = m.id
     where m.request_id = $1
), unsent as (
    select reason, count(*) as n from counted where not open and state <> 'accepted' and reason <> 'sent_before' group by reason
)
select count(*) filter (where stays), count(*) filter (where open), count(*) filter (where state = 'accepted' or reason = 'sent_before'),
       (select coalesce(string_agg(n || ' ' || reason, ', ' order by n desc, reason), '') from unsent)
  from counted`

func (k keeper) count(ctx context.Context) (groupState, error) {
	var s groupState
	err := k.tx.QueryRow(ctx, countMembersSQL, k.claim.ID).Scan(&s.members, &s.open, &s.sent, &s.unsent)
	if err != nil {
		return s, fmt.Errorf("count members of %s: %w", k.claim, err)
	}
	return s, nil
}
