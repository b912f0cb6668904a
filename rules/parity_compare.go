package rules

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// parityPage is how many rows are compared in one transaction.
const parityPage = 200

const (
	// dueParitySQL takes what is to be compared of organisations $1, with the request of
	// avni-server's that counts. What is younger than $2 may yet change.
	dueParitySQL = `
		select p.rule_id, p.source_table, p.entity_id, p.organisation_id, p.evaluated_at, p.committed_at, p.our_outcome, coalesce(p.our_reason, ''),
			p.messaging, p.our_scheduled_for, coalesce(p.our_receiver_type, ''), coalesce(p.our_receiver_id, 0),
			q.id, q.live, q.own, q.scheduled_date_time, coalesce(m.receiver_type, ''), coalesce(m.receiver_id, 0)::bigint, q.delivery_status,
			q.created_date_time, q.last_modified_date_time, q.delivered_date_time, coalesce(q.total, 0)::int,
			coalesce(r.is_voided, true), r.last_modified_date_time,
			exists (select from messenger.inbox i where i.source_table = p.source_table and i.entity_id = p.entity_id),
			p.evaluated_at > now() - $2::interval
		from messenger.parity p
		left join public.message_rule r on r.id = p.rule_id
		left join messenger.parity_since s on s.organisation_id = p.organisation_id
		left join lateral (
			select x.*, count(*) filter (where x.live and not x.own) over () as total
			from (select x.*, not x.is_voided or x.sent as live
				from (select x.*, x.delivered_date_time is not null or x.delivery_status = '` + statusSent + `' as sent, ` + stillOwnSQL + ` as own
					from public.message_request_queue x
					where x.organisation_id = p.organisation_id and x.message_rule_id = p.rule_id and x.entity_id = p.entity_id) x) x
			order by x.live and not x.own desc, x.own desc, x.sent desc, x.is_voided, x.id limit 1
		) q on true
		left join public.message_receiver m on m.id = q.message_receiver_id
		where p.verdict = 'waiting' and p.look_at <= now() and p.organisation_id = any($1::int[])
		order by p.look_at limit $3 for update of p skip locked`

	// stillOwnSQL holds of a request x that we have made ourselves, unless avni-server has
	// surely written it since shadow mode began (s). An attempt to send it is no such writing,
	// and hides one before it.
	stillOwnSQL = `(x.uuid like '` + OwnRequests + `%' and (x.delivery_status <> '` + statusNotSent + `' or s.since is null or x.last_modified_date_time <= s.since))`

	judgedSQL = `update messenger.parity set verdict = $4, cause = $5, compared_at = clock_timestamp(), request_id = $6,
			their_scheduled_for = $7, their_receiver_type = $8, their_receiver_id = $9, their_status = $10, their_rows = $11
		where rule_id = $1 and source_table = $2 and entity_id = $3`

	lookAgainSQL = `update messenger.parity set look_at = now() + $4::interval where rule_id = $1 and source_table = $2 and entity_id = $3`
)

// comparePage compares what is due, and returns how many it looked at.
func (w *Worker) comparePage(ctx context.Context, organisations []int32) (looked int, err error) {
	var judged []judgement
	err = pgx.BeginFunc(ctx, w.options.Pool, func(tx pgx.Tx) error {
		due, err := w.dueComparisons(ctx, tx, organisations)
		if err != nil || len(due) == 0 {
			return err
		}
		looked = len(due)
		if judged, err = judgeAll(ctx, tx, due); err != nil {
			return err
		}
		b := &pgx.Batch{}
		for _, j := range judged {
			j.queue(b, w.options.SettleFor)
		}
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return 0, fmt.Errorf("compare with avni-server: %w", err)
	}
	for _, j := range judged {
		w.options.Metrics.compared(j.verdict, j.cause)
	}
	return looked, nil
}

// judgement is what a comparison came to.
type judgement struct {
	comparison
	verdict parityVerdict
	cause   Cause
}

func (j judgement) queue(b *pgx.Batch, settleFor time.Duration) {
	if j.verdict == parityWaiting {
		b.Queue(lookAgainSQL, j.ruleID, j.table, j.entityID, settleFor)
		return
	}
	args := []any{j.ruleID, j.table, j.entityID, j.verdict, orNil(j.cause), orNil(j.requestID), nil, nil, nil, nil, j.rows}
	if t := j.theirs; t != nil {
		copy(args[6:], []any{t.at, t.to.kind, t.to.id, t.status})
	}
	b.Queue(judgedSQL, args...)
}

// judgeAll judges comparisons. Those that differ are explained, unless it is too early.
func judgeAll(ctx context.Context, tx pgx.Tx, due []comparison) ([]judgement, error) {
	judged := make([]judgement, 0, len(due))
	var differ []comparison
	for _, c := range due {
		switch {
		case c.agrees() && !c.own:
			judged = append(judged, judgement{c, paritySame, ""})
		case c.young || c.awaited:
			judged = append(judged, judgement{c, parityWaiting, ""})
		default:
			differ = append(differ, c)
		}
	}
	known, err := readFacts(ctx, tx, differ)
	if err != nil {
		return nil, err
	}
	for i, c := range differ {
		j := judgement{comparison: c, verdict: parityWaiting}
		if !c.overtaken(known[i]) {
			j.verdict, j.cause = c.judge(known[i])
		}
		judged = append(judged, j)
	}
	return judged, nil
}

// overtakenFor is how long a change that is in Avni's tables already is waited for.
const overtakenFor = 10 * time.Minute

// overtaken is true of an evaluation that is older than what Avni's tables have: the
// stream will bring the change.
func (c comparison) overtaken(f facts) bool {
	return !c.committedAt.IsZero() && f.savedAt.After(c.committedAt.Add(saveTakes)) && time.Since(c.evaluatedAt) < overtakenFor
}

func (w *Worker) dueComparisons(ctx context.Context, tx pgx.Tx, organisations []int32) ([]comparison, error) {
	rows, err := tx.Query(ctx, dueParitySQL, organisations, w.options.SettleFor, parityPage)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanComparison)
}

func scanComparison(row pgx.CollectableRow) (comparison, error) {
	var c comparison
	var ours queued
	var them theirs
	var committed, wanted, scheduled, created, modified, delivered, ruleSaved *time.Time
	var requestID *int64
	var live, own *bool
	var status *string
	err := row.Scan(&c.ruleID, &c.table, &c.entityID, &c.organisationID, &c.evaluatedAt, &committed, &c.outcome, &c.reason,
		&c.messaging, &wanted, &ours.to.kind, &ours.to.id,
		&requestID, &live, &own, &scheduled, &them.to.kind, &them.to.id, &status, &created, &modified, &delivered, &c.rows,
		&c.ruleVoided, &ruleSaved, &c.awaited, &c.young)
	if err != nil {
		return c, err
	}
	c.committedAt, c.ruleSaved = orZero(committed), orZero(ruleSaved)
	if ours.at = orZero(wanted); wanted != nil {
		c.ours = &ours
	}
	if requestID == nil {
		return c, nil
	}
	c.requestID, c.own = *requestID, *own
	if *live {
		them.id, them.at, them.status = *requestID, *scheduled, *status
		them.createdAt, them.modifiedAt, them.deliveredAt = *created, *modified, orZero(delivered)
		c.theirs = &them
	}
	return c, nil
}

func orZero[T any](v *T) (value T) {
	if v != nil {
		value = *v
	}
	return value
}
