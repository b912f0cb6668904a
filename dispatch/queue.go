package dispatch

import (
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// queue is one organisation's part of message_request_queue. Leases and grace periods run by the database's clock, which all replicas
// share; due times by the process's own.
type queue struct {
	pool         *pgxpool.Pool
	organisation int32
	settings     Settings

	sight                                   sight
	members, unresolved, open, openUnjudged lane // claim's own
}

func newQueue(pool *pgxpool.Pool, organisation int32, settings Settings) *queue {
	q := &queue{pool: pool, organisation: organisation, settings: settings}
	q.sight.queue = q
	return q
}

// fromQueue joins a request q with its receiver r and its delivery d, if it has one.
const fromQueue = `
      from public.message_request_queue q
      join public.message_receiver r on r.id = q.message_receiver_id
      left join messenger.delivery d on d.request_id = q.id`

// unsent is true of a request that nobody has delivered.
const unsent = `
           ` + ours + `
       and q.delivery_status <> 'Sent' and q.delivered_date_time is null`

// ours is true of a request that may be looked at.
const ours = `q.organisation_id = @organisation and not (@dry_run::bool and d.sending_since is not null)`

// sentByAvni is true of a request that Avni's row says is delivered.
const sentByAvni = `(q.delivery_status = 'Sent' or q.delivered_date_time is not null)`

// inWindow is true of a request that is due. With unsent it is what the index on
// due requests holds, in its order.
const inWindow = `not q.is_voided and q.scheduled_date_time between @since and @now`

// inOpen is true of a delivery d that may be claimable: what the index on open deliveries
// holds, in the order of their next attempts. Of a claim, that is when its lease ends.
const inOpen = `d.organisation_id = @organisation and d.request_id > 0 and d.state in ('waiting', 'claimed', 'sending', 'uncertain')
       and d.next_attempt_at <= greatest(@now, now())`

// unjudged is true of a request of which nothing is known yet.
const unjudged = `d.reason is null and d.sending_since is null`

// unresolved is true of a request that is not to be sent any more, but may have been
// sent, and nobody knows.
const unresolved = `d.sending_since is not null and (q.is_voided or q.scheduled_date_time < @since or ` + sentByAvni + `)`

// abandoned is true of a delivery whose claim nobody holds any more, with nothing sent.
const abandoned = `(d.state = 'claimed' and d.claimed_until < now() and d.sending_since is null)`

// settled is true of a delivery that has come to an end but acceptance.
const settled = `d.state in ('refused', 'expired', 'withdrawn')`

// revived is true of a delivery that has come to rest and whose request was modified
// by somebody else since: the cause may be gone, so it gets a new chance. The request
// was last modified at the given expression. Any other time than the one we know is a
// change: who modified it may have begun before us, or go by another clock.
func revived(modified string) string {
	return `((` + settled + ` or d.next_attempt_at = 'infinity') and ` + modified + ` <> d.request_modified_at)`
}

// claimable is true of a delivery that may be taken now. The request was last modified
// at the given expression.
func claimable(modified string) string { return `(` + claimableOpen + ` or ` + revived(modified) + `)` }

// claimableOpen is true of a delivery that has not come to rest and may be taken now.
const claimableOpen = `(d.state in ('waiting', 'uncertain') and d.next_attempt_at <= @now
        or d.state in ('claimed', 'sending') and d.claimed_until < now())`

// arguments are what the conditions refer to, and more.
func (q *queue) arguments(now time.Time, more pgx.NamedArgs) pgx.NamedArgs {
	arguments := pgx.NamedArgs{
		"organisation": q.organisation, "now": now, "since": now.Add(-q.settings.Window), "dry_run": q.settings.DryRun,
	}
	for name, value := range more {
		arguments[name] = value
	}
	return arguments
}
