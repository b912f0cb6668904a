package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// settleLimit is how long transactions are waited for that have neither written nor used
	// the queue. Avni-server's sender reads the queue as it begins, and so is waited for
	// however long it takes: it sends all of an organisation's messages in one transaction.
	settleLimit = 5 * time.Minute

	// The sender has read for which organisations it sends, and takes one after the other, each
	// in a transaction of its own: what begins up to senderRest after it was last seen is
	// waited for as well. Whatever uses the queue may be the sender; after senderDoubt only what
	// does so for senderAge, since on a busy server somebody always does.
	senderRest  = 5 * time.Second
	senderDoubt = time.Minute
	senderAge   = 2 * time.Second
)

// openTransaction is one of somebody else on this database.
type openTransaction struct {
	ID       string // the virtual transaction id; of a prepared one that of the transaction
	Who      string
	Since    *time.Time // nil: our role is not shown it
	Writes   bool
	Queue    bool // it has used message_request_queue
	Prepared bool // it has no session any more
}

// preparedID begins the id of a prepared transaction.
const preparedID = "prepared "

// openSQL finds them by their locks, which every role is shown, and which last as long as they
// do. Of the sessions of some roles nobody but the members of pg_monitor is shown what
// they are. Our own do not count, nor those of no role, which are the server's. Of what is prepared
// only that counts which may change the queue.
const openSQL = `
with queue as materialized (
    select pid, virtualtransaction from pg_locks
     where locktype = 'relation' and granted and relation = 'public.message_request_queue'::regclass
       and database = (select oid from pg_database where datname = current_database())
)
select l.virtualtransaction, format('pid %s of role %s', l.pid, a.usename), a.xact_start,
       a.backend_xid is not null, exists (select from queue q where q.pid = l.pid), false
  from pg_locks l
  join pg_stat_activity a on a.pid = l.pid
 where l.locktype = 'virtualxid' and l.granted and l.virtualxid = l.virtualtransaction and l.pid <> pg_backend_pid()
   and a.datname = current_database() and a.usesysid is not null and coalesce(a.backend_type, 'client backend') = 'client backend'
   and a.application_name not like 'avni-messenger%'
 union all
select '` + preparedID + `' || p.transaction, format('prepared transaction %L of role %s', p.gid, p.owner), p.prepared, true, true, true
  from pg_prepared_xacts p
 where p.database = current_database()
   and exists (select from pg_locks l join queue q using (virtualtransaction)
                where l.locktype = 'transactionid' and l.transactionid = p.transaction and l.pid is null and q.pid is null)
 order by 1`

// awaited is a transaction that an organisation waits for, as messenger.ownership has it.
type awaited struct {
	ID    string     `json:"id"`
	Who   string     `json:"who"`
	Since *time.Time `json:"since"`
	Seen  time.Time  `json:"seen"` // for the first time
	Uses  bool       `json:"uses"` // it has written, or used the queue: there is no limit
	Long  bool       `json:"long"` // it has been open for so long that it is named
}

// settlingRow is an organisation that is not ours yet.
type settlingRow struct {
	OrganisationID int32
	Mode           Mode
	NoticedAt      time.Time
	WaitsFor       []awaited // nil before the first look
	RestUntil      *time.Time
}

// look takes over what is open now, and reports whether there is nothing to wait for any more.
func (s *settlingRow) look(now time.Time, open []openTransaction) (over bool) {
	fresh := s.WaitsFor == nil || s.RestUntil != nil && now.Before(*s.RestUntil)
	before := s.WaitsFor
	s.WaitsFor, over = []awaited{}, true
	for _, t := range open {
		one := awaited{ID: t.ID, Who: t.Who, Since: t.Since, Seen: now, Uses: t.Writes || t.Queue}
		i := slices.IndexFunc(before, func(a awaited) bool { return a.ID == t.ID })
		if i < 0 && !fresh && !t.Prepared {
			continue
		}
		if i >= 0 {
			one.Seen = before[i].Seen
		}
		one.Long = now.Sub(one.begun()) >= senderAge
		if t.Queue && (one.Long || now.Sub(s.NoticedAt) < senderDoubt) {
			rest := now.Add(senderRest)
			s.RestUntil = &rest
		}
		s.WaitsFor = append(s.WaitsFor, one)
		over = over && !one.Uses && now.Sub(s.NoticedAt) >= settleLimit
	}
	return over && (s.RestUntil == nil || !now.Before(*s.RestUntil))
}

// begun is since when the transaction is known to be open.
func (a awaited) begun() time.Time {
	if a.Since != nil && a.Since.Before(a.Seen) {
		return *a.Since
	}
	return a.Seen
}

// text names the transaction.
func (a awaited) text() string {
	if a.Since == nil {
		return fmt.Sprintf("%s since %s or before (our role is not shown when: grant pg_monitor to it)", a.Who, clock(a.Seen))
	}
	return fmt.Sprintf("%s since %s", a.Who, clock(*a.Since))
}

// namedTransactions is how many are named.
const namedTransactions = 3

// waits says what is waited for. Short transactions are not named, so that it does not change all the time.
func (o ownedRow) waits() string {
	var long []awaited
	for _, a := range o.WaitsFor {
		if a.Long {
			long = append(long, a)
		}
	}
	if len(long) == 0 {
		return "transactions of that time are still open, or have only just ended"
	}
	slices.SortStableFunc(long, func(a, b awaited) int { return cmp.Or(a.begun().Compare(b.begun()), cmp.Compare(a.ID, b.ID)) })
	var named []string
	for _, a := range long[:min(len(long), namedTransactions)] {
		named = append(named, a.text())
	}
	if more := len(long) - len(named); more > 0 {
		named = append(named, fmt.Sprintf("%d more", more))
	}
	return "the transaction of " + strings.Join(named, ", of ") + " is still open"
}

const (
	// settlingSQL locks the rows, so that processes look one after the other.
	settlingSQL = `
		select o.organisation_id, o.mode, o.noticed_at, o.waits_for, o.rest_until
		  from messenger.ownership o join unnest($1::int[], $2::text[]) w (id, mode) on w.id = o.organisation_id and w.mode = o.mode
		 where o.since is null order by o.organisation_id for update of o`

	awaitSQL = `
		update messenger.ownership set waits_for = $2, rest_until = $3
		 where organisation_id = $1 and (waits_for, rest_until) is distinct from ($2::jsonb, $3::timestamptz)`

	// settleSQL draws the line, in a statement after openSQL: all that had ended by then
	// is visible to it. Another machine's clock may be ahead: what it has marked Sent by
	// now is excused up to the time that it says.
	settleSQL = `
		update messenger.ownership o
		   set since = clock_timestamp(), waits_for = null, rest_until = null,
		       judged_to = (select coalesce(max(id), 0) from public.message_request_queue),
		       sent_since = greatest(clock_timestamp(), (
				select max(q.delivered_date_time) from public.message_request_queue q
				 where q.organisation_id = o.organisation_id and q.delivered_date_time < clock_timestamp() + interval '1 hour')),
		       swept_at = clock_timestamp()
		 where o.organisation_id = any($1)`
)

// settle makes organisations ours for which nothing is open any more that was before. What
// began later has seen that avni-server's messaging is off; where it is on, because it is
// to go on queueing, there is nothing to wait for.
func settle(ctx context.Context, tx pgx.Tx, ids []int32, modes []string) error {
	rows, _ := tx.Query(ctx, settlingSQL, ids, modes) // its error is that of the rows
	settling, err := pgx.CollectRows(rows, pgx.RowToStructByPos[settlingRow])
	if err != nil || len(settling) == 0 {
		return err
	}
	open, err := collect[openTransaction](ctx, tx, openSQL)
	if err != nil {
		return fmt.Errorf("look which transactions are open: %w", err)
	}
	var now time.Time
	if err := tx.QueryRow(ctx, `select clock_timestamp()`).Scan(&now); err != nil {
		return err
	}
	var ready []int32
	for _, s := range settling {
		if s.Mode == ModeDispatch || s.look(now, open) {
			ready = append(ready, s.OrganisationID)
		} else if _, err := tx.Exec(ctx, awaitSQL, s.OrganisationID, s.WaitsFor, s.RestUntil); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, settleSQL, ready)
	return err
}
