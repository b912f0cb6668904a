package dispatch

// claimMembersSQL takes messages to members of groups: those that are due, in the order
// in which they were kept, and those that may have been sent, whatever has become of the
// message to the group. The delivery is locked itself: it is there since the member is.
// Postgres has no idea how many members are open, and joins them in the worst of ways
// unless offset 0 has it look each of them up.
const claimMembersSQL = `
with due as materialized (
    select m.id, null::bigint as message_rule_id, q.manual_message_id, null::bigint as entity_id, q.scheduled_date_time, q.created_date_time,
           q.is_voided, ` + sentByAvni + ` as elsewhere, 0 as receiver_row, m.receiver_type, m.receiver_id, q.id as member_of, m.contact_id as member_contact, m.phone as member_phone
      from messenger.delivery d
      join lateral (select * from messenger.group_member where id = d.request_id offset 0) m on true
      join lateral (select * from public.message_request_queue where id = m.request_id offset 0) q on true
     where d.organisation_id = @organisation and d.request_id < 0
       and d.state in ('waiting', 'claimed', 'sending', 'uncertain') and ` + claimableOpen + `
       and (d.sending_since is not null and not @dry_run::bool
            or d.sending_since is null and m.left_at is null and ` + memberWanted + ` and ` + inWindow + `)
     order by d.next_attempt_at, d.request_id desc
     limit @size
       for update of d skip locked
), mine as (
    update messenger.delivery d
       set state = 'claimed', claimed_by = @holder, claimed_until = now() + @lease::interval, next_attempt_at = now() + @lease::interval, updated_at = now()
      from due
     where d.request_id = due.id
    returning d.*
), outranked as (
    select null::bigint as id where false
)
` + claimedSQL

// memberWanted is true of a request to a group that is still to be sent to members.
const memberWanted = `not q.is_voided and q.delivery_status <> 'Sent' and q.delivered_date_time is null`
