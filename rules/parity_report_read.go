package rules

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	parityOrganisationsSQL = `select o.id, o.db_user,
			o.id in (select organisation_id from messenger.parity_since) and not ` + messagingOnSQL + `o.id)
		from public.organisation o
		where ($1::int = 0 and (o.id in (select organisation_id from messenger.parity where evaluated_at >= $2)
				or o.id in (select organisation_id from messenger.parity_since)
				or o.id in (select organisation_id from messenger.parity_sending where recorded_at >= $2))) or o.id = $1
		order by o.db_user, o.id`

	// parityRowsSQL reads what was compared since $2, and what waits since whenever: unless
	// its rule is voided or shadow mode is over, when nothing will come of it. Of a rule that
	// is voided, what we have queued ourselves does not matter either.
	parityRowsSQL = `
		with n as (
			select p.*, row_number() over (kind order by evaluated_at desc, entity_id) as number, count(*) over kind::int as total,
				(count(*) filter (where evaluated_at < now() - $4::interval) over kind)::int as overdue
			from messenger.parity p
			where ($1::int = 0 or organisation_id = $1) and case verdict
				when 'waiting' then organisation_id in (select organisation_id from messenger.parity_since)
					and not exists (select from public.message_rule v where v.id = p.rule_id and v.is_voided)
				when 'own' then evaluated_at >= $2 and not exists (select from public.message_rule v where v.id = p.rule_id and v.is_voided)
				else evaluated_at >= $2 end
			window kind as (partition by organisation_id, rule_id, verdict, cause)
		)
		select n.organisation_id, n.rule_id, coalesce(r.name, ''), coalesce(r.entity_type, ''), n.verdict, coalesce(n.cause, ''), n.total, n.overdue,
			n.entity_id, n.evaluated_at, n.our_outcome, n.our_scheduled_for, coalesce(n.our_receiver_type, ''), coalesce(n.our_receiver_id, 0),
			n.request_id, n.their_status, n.their_scheduled_for, coalesce(n.their_receiver_type, ''), coalesce(n.their_receiver_id, 0), n.their_rows
		from n left join public.message_rule r on r.id = n.rule_id
		where number = 1 or n.verdict = 'different' and (number <= $3 or $3 = 0)
		order by n.organisation_id, n.rule_id, n.verdict, n.total desc, n.cause, number`

	parityPausesSQL = `select distinct r.organisation_id, r.id, coalesce(r.name, ''), r.entity_type
		from messenger.rule_pause p join public.message_rule r on r.id = p.rule_id
		where p.resume_asked_at is null and not r.is_voided and ($1::int = 0 or r.organisation_id = $1) order by r.id`

	paritySendingsSQL = `select organisation_id, coalesce(reason, ''), count(*)::int, (array_agg(request_id order by request_id desc))[1:5]
		from messenger.parity_sending where recorded_at >= $2 and ($1::int = 0 or organisation_id = $1)
		group by 1, 2 order by 1, 3 desc, 2`
)

func (r *parityReport) readOrganisations(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, parityOrganisationsSQL, r.query.OrganisationID, r.query.Since)
	if err != nil {
		return err
	}
	var id int32
	var name string
	var alone bool
	_, err = pgx.ForEachRow(rows, []any{&id, &name, &alone}, func() error {
		r.order = append(r.order, id)
		r.byID[id] = &OrganisationParity{Organisation: name, Rules: []RuleParity{}, Unsent: []SendingSkip{}, alone: alone}
		return nil
	})
	return err
}

// parityRow is an example, with how many there are of its kind.
type parityRow struct {
	organisationID int32
	rule           RuleParity
	verdict        parityVerdict
	cause          Cause
	total, overdue int
	ParityExample
}

func (r *parityReport) readComparisons(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, parityRowsSQL, r.query.OrganisationID, r.query.Since, r.query.Examples, parityFresh)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, scanParityRow)
	for _, row := range found {
		if o := r.byID[row.organisationID]; o != nil {
			o.add(row)
		}
	}
	return err
}

func scanParityRow(row pgx.CollectableRow) (p parityRow, err error) {
	var ours, theirs ParityRequest
	var oursAt, theirsAt *time.Time
	err = row.Scan(&p.organisationID, &p.rule.RuleID, &p.rule.Name, &p.rule.EntityType, &p.verdict, &p.cause, &p.total, &p.overdue,
		&p.EntityID, &p.EvaluatedAt, &p.Outcome, &oursAt, &ours.ReceiverType, &ours.ReceiverID,
		&p.RequestID, &p.Status, &theirsAt, &theirs.ReceiverType, &theirs.ReceiverID, &p.Requests)
	if oursAt != nil {
		ours.At, p.Ours = *oursAt, &ours
	}
	if theirsAt != nil {
		theirs.At, p.Theirs = *theirsAt, &theirs
	}
	return p, err
}

func (r *parityReport) readPauses(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, parityPausesSQL, r.query.OrganisationID)
	if err != nil {
		return err
	}
	var id int32
	paused := RuleParity{Paused: true, Differences: []ParityDifference{}}
	_, err = pgx.ForEachRow(rows, []any{&id, &paused.RuleID, &paused.Name, &paused.EntityType}, func() error {
		if o := r.byID[id]; o != nil {
			o.pause(paused)
		}
		return nil
	})
	return err
}

func (r *parityReport) readSendings(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, paritySendingsSQL, r.query.OrganisationID, r.query.Since)
	if err != nil {
		return err
	}
	var id int32
	var skip SendingSkip
	_, err = pgx.ForEachRow(rows, []any{&id, &skip.Reason, &skip.Count, &skip.Requests}, func() error {
		o := r.byID[id]
		if o == nil {
			return nil
		}
		o.Sent += skip.Count
		if skip.Reason == "" {
			o.WouldSend = skip.Count
		} else {
			o.Unsent = append(o.Unsent, skip)
		}
		skip.Requests = nil
		return nil
	})
	return err
}
