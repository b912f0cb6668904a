package dispatch

import (
	"context"

	"github.com/jackc/pgx/v5"
)

// Cancel withdraws a request that is not sent, and with it the others of its rule and
// entity, of which one would be sent in its place. It stays withdrawn, whatever the rule
// says of the entity later and whoever un-voids the row, until it is requeued: the reason
// Cancelled of messenger.delivery is what says so, and the rules read it. A claim is taken
// from its holder, who cannot send without. If an earlier send may have reached Glific
// (Standing.MaybeSent), Glific is still asked, but nothing is sent again. The error is a
// *NotPossible if the request is sent, being sent or voided, else trouble with the database.
func (h ByHand) Cancel(ctx context.Context, id int64) (Standing, error) {
	return h.change(ctx, id, func(tx pgx.Tx, r *lockedRequest) error {
		switch {
		case r.sent || r.State == string(stateAccepted):
			return notPossible("it is sent already")
		case r.voided && r.Reason == Cancelled:
			return notPossible("it is cancelled already")
		case r.voided:
			return notPossible("it is voided already")
		case r.sendingNow:
			return notPossible("it is being delivered at this moment; try again in a moment")
		}
		if err := r.wantedTwins(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, cancelSQL, append(r.Twins, id), r.user)
		return err
	})
}

// wantedTwins finds those of the family that would be sent.
func (r *lockedRequest) wantedTwins(ctx context.Context, tx pgx.Tx) error {
	rows, _ := tx.Query(ctx, `
		select q.id, coalesce(d.state = 'sending' and d.claimed_until >= now(), false)
		  from public.message_request_queue q left join messenger.delivery d on d.request_id = q.id
		 where q.id = any($1) and q.id <> $2 and not q.is_voided and q.delivery_status <> 'Sent' and q.delivered_date_time is null
		   and d.state is distinct from 'accepted'
		 order by q.id`, r.family, r.RequestID)
	var twin int64
	var sending bool
	_, err := pgx.ForEachRow(rows, []any{&twin, &sending}, func() error {
		if sending {
			return notPossible("request %d, of the same rule for the same entity, is being delivered at this moment; try again in a moment", twin)
		}
		r.Twins = append(r.Twins, twin)
		return nil
	})
	return err
}

// cancelSQL leaves a send of unknown outcome to be asked about.
const cancelSQL = `
with avni as (
    update public.message_request_queue
       set is_voided = true, last_modified_by_id = coalesce($2, last_modified_by_id),
           last_modified_date_time = greatest(` + stamp + `, last_modified_date_time + interval '1 ms')
     where id = any($1)
    returning id, organisation_id, message_rule_id, entity_id, last_modified_date_time
), cancelled as (
    insert into messenger.delivery as d (request_id, organisation_id, state, reason, request_modified_at, rule_id, entity_id)
    select id, organisation_id, 'withdrawn', 'cancelled', last_modified_date_time, message_rule_id, entity_id from avni
        on conflict (request_id) do update
       set state = case when d.sending_since is null then 'withdrawn' else 'uncertain' end, reason = 'cancelled', detail = d.reason,
           claimed_by = null, claimed_until = null, request_modified_at = excluded.request_modified_at, updated_at = now()
    returning d.request_id, d.organisation_id
)
insert into messenger.attempt (request_id, organisation_id, outcome, reason, duration_ms)
select request_id, organisation_id, 'withdrawn', 'cancelled', 0 from cancelled`
