package dispatch

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// receiptBook is one organisation's part of messenger.receipt, as far as its messages
// are those of one site of Glific. All its times are the process's own: a look that two
// replicas take does no harm.
type receiptBook struct {
	pool         *pgxpool.Pool
	organisation int32
	site         string
}

// followSQL begins to follow the message that a verdict has found accepted, in the
// statement that writes it. It can never fail it.
const followSQL = `
    insert into messenger.receipt (request_id, message_id, organisation_id, site, accepted_at, next_look_at)
    select request_id, @message_id::text, @organisation, site, @now, @first_look
      from mine
     where @state = 'accepted' and @message_id::text is not null and site is not null
        on conflict do nothing`

// receiptLease is how long claimed receipts are left to whoever has claimed them. If it
// dies, or Glific does not answer, they are due again afterwards.
const receiptLease = 2 * time.Minute

// claimReceiptsSQL takes due receipts, and skips those that another replica is taking.
const claimReceiptsSQL = `
with due as materialized (
    select request_id, message_id
      from messenger.receipt
     where organisation_id = @organisation and site = @site and next_look_at <= @now
     order by next_look_at
     limit @size
       for update skip locked
)
update messenger.receipt r
   set next_look_at = @until, claimed_by = @holder
  from due
 where r.request_id = due.request_id and r.message_id = due.message_id
returning r.request_id, r.message_id, r.accepted_at, r.status, r.status_at, r.error_at, coalesce(r.reason, '')`

// claim takes up to size receipts that are due. The holder guards what is written
// about them.
func (b receiptBook) claim(ctx context.Context, now time.Time, size int) ([]receipt, uuid.UUID, error) {
	holder := uuid.New()
	rows, _ := b.pool.Query(ctx, claimReceiptsSQL, pgx.NamedArgs{
		"organisation": b.organisation, "site": b.site, "now": now, "until": now.Add(receiptLease), "size": size, "holder": holder,
	})
	claimed, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (receipt, error) {
		var r receipt
		var statusAt, errorAt *time.Time
		err := row.Scan(&r.requestID, &r.messageID, &r.acceptedAt, &r.status, &statusAt, &errorAt, &r.reason)
		r.statusAt, r.errorAt = orZero(statusAt), orZero(errorAt)
		return r, err
	})
	if err != nil {
		return nil, holder, fmt.Errorf("claim receipts: %w", err)
	}
	return claimed, holder, nil
}

func orZero(at *time.Time) time.Time {
	if at == nil {
		return time.Time{}
	}
	return *at
}

const writeReceiptsSQL = `
update messenger.receipt r
   set status = seen.status, status_at = seen.status_at, error_at = seen.error_at, reason = seen.reason, code = seen.code,
       detail = seen.detail, looked_at = @now, next_look_at = seen.next_look_at, claimed_by = null
  from unnest(@requests::bigint[], @messages::text[], @statuses::text[], @status_times::timestamptz[], @error_times::timestamptz[],
              @reasons::text[], @codes::integer[], @details::text[], @next_looks::timestamptz[])
       as seen (request_id, message_id, status, status_at, error_at, reason, code, detail, next_look_at)
 where r.request_id = seen.request_id and r.message_id = seen.message_id and r.claimed_by = @holder
returning r.message_id`

// write writes what the looks have told and gives the claim up. It returns the ids of
// the messages that were written: others are somebody else's by now.
func (b receiptBook) write(ctx context.Context, now time.Time, holder uuid.UUID, receipts []receipt) (map[string]bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	rows, _ := b.pool.Query(ctx, writeReceiptsSQL, pgx.NamedArgs{
		"holder": holder, "now": now,
		"requests":     column(receipts, func(r receipt) int64 { return r.requestID }),
		"messages":     column(receipts, func(r receipt) string { return r.messageID }),
		"statuses":     column(receipts, func(r receipt) receiptStatus { return r.status }),
		"status_times": column(receipts, func(r receipt) *time.Time { return orNull(r.statusAt) }),
		"error_times":  column(receipts, func(r receipt) *time.Time { return orNull(r.errorAt) }),
		"reasons":      column(receipts, func(r receipt) *ReceiptReason { return orNull(r.reason) }),
		"codes":        column(receipts, func(r receipt) *int32 { return orNull(int32(r.code)) }),
		"details":      column(receipts, func(r receipt) *string { return orNull(storable(r.detail)) }),
		"next_looks":   column(receipts, func(r receipt) *time.Time { return orNull(r.next) }),
	})
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("record receipts: %w", err)
	}
	written := make(map[string]bool, len(ids))
	for _, id := range ids {
		written[id] = true
	}
	return written, nil
}

func column[T any](receipts []receipt, of func(receipt) T) []T {
	values := make([]T, len(receipts))
	for i, r := range receipts {
		values[i] = of(r)
	}
	return values
}

// settleSites stops following messages of other sites, which cannot be asked any more,
// and follows those of this one again, should they have been left so before. What was known
// to have failed stays known.
func (b receiptBook) settleSites(ctx context.Context, now time.Time) error {
	_, err := b.pool.Exec(ctx, `
		update messenger.receipt
		   set reason = coalesce(reason, 'account_changed'), next_look_at = null, claimed_by = null
		 where organisation_id = $1 and site <> $2 and next_look_at is not null`, b.organisation, b.site)
	if err != nil {
		return fmt.Errorf("stop following messages of other sites: %w", err)
	}
	_, err = b.pool.Exec(ctx, `
		update messenger.receipt set reason = null, next_look_at = $3
		 where organisation_id = $1 and site = $2 and reason = 'account_changed' and accepted_at > $4`,
		b.organisation, b.site, now, now.Add(-lastLook))
	if err != nil {
		return fmt.Errorf("follow messages of this site again: %w", err)
	}
	return nil
}

// awaited is how many accepted messages are not known to have arrived, and still followed.
func (b receiptBook) awaited(ctx context.Context) (n int, err error) {
	err = b.pool.QueryRow(ctx, `
		select count(*) from messenger.receipt
		 where organisation_id = $1 and next_look_at is not null and status in ('pending', 'enqueued', 'sent')`, b.organisation).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count messages without a receipt: %w", err)
	}
	return n, nil
}

// failures counts by reason the messages accepted since a time that then failed, the
// most frequent reason first. That nobody can tell of a message is no failure.
func (b receiptBook) failures(ctx context.Context, since time.Time) ([]ReceiptFailure, error) {
	rows, _ := b.pool.Query(ctx, `
		select reason, count(*) from messenger.receipt
		 where organisation_id = $1 and reason <> 'account_changed' and accepted_at > $2
		 group by reason order by count(*) desc, reason`, b.organisation, since)
	failures, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ReceiptFailure])
	if err != nil {
		return nil, fmt.Errorf("count messages that failed: %w", err)
	}
	return failures, nil
}
