package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// ownership keeps messenger.ownership: since when an organisation's requests are ours
// alone to write (mode full) or to send (full and dispatch). What was written or sent
// before is nobody's fault; what somebody else writes or sends afterwards holds the
// organisation (watcher).
//
// It begins when the directory finds nothing any more that speaks against it, and ends
// when it does, or when another mode is wanted: avni-server is welcome then. A hold does
// not end it, so that what goes on meanwhile is seen; its release does. Through a stop of
// the process it lasts: whoever writes then is found at the next start.
type ownership struct {
	pool *pgxpool.Pool
	slot string
}

// settleLimit is how long at most transactions are waited for that were open before an
// organisation became ours.
const settleLimit = 5 * time.Minute

// ownedRow is a row of messenger.ownership.
type ownedRow struct {
	OrganisationID int32
	Slot           string
	Mode           Mode
	Settled        bool
}

const ownedSQL = `select organisation_id, slot, mode, since is not null from messenger.ownership order by organisation_id`

// settled is true of the row that makes the organisation ours in its mode.
func (o ownedRow) settled(s *standing) bool {
	return o.OrganisationID == s.rules.ID && o.Mode == s.Mode && o.Settled
}

const (
	// disownSQL ends what these processes do not own any more.
	disownSQL = `
		delete from messenger.ownership o
		 where exists (select from unnest($2::int[], $3::text[]) w (id, mode) where w.id = o.organisation_id and w.mode <> o.mode)
		    or slot = $1 and o.organisation_id <> all($2)`

	ownSQL = `
		insert into messenger.ownership as o (organisation_id, slot, mode)
		select id, $1, mode from unnest($2::int[], $3::text[]) w (id, mode) order by id
		on conflict (organisation_id) do update set slot = excluded.slot where o.slot <> excluded.slot`

	// readySQL finds those for which nothing is open any more that was before. What
	// began later has seen that avni-server's messaging is off; where it is on, because
	// it is to go on queueing, there is nothing to wait for. Our own sessions do not count.
	readySQL = `
		select coalesce(array_agg(o.organisation_id), '{}') from messenger.ownership o
		 where o.since is null and o.organisation_id = any($1)
		   and (o.mode = 'dispatch' or o.noticed_at < clock_timestamp() - $2::interval or not exists (
			select from pg_stat_activity a
			 where a.datname = current_database() and a.backend_type = 'client backend' and a.pid <> pg_backend_pid() and a.application_name <> 'avni-messenger'
			   and a.xact_start < o.noticed_at))`

	// settleSQL draws the line, in a statement after readySQL: all that had ended by then
	// is visible to it. Another machine's clock may be ahead: what it has marked Sent by
	// now is excused up to the time that it says.
	settleSQL = `
		update messenger.ownership o
		   set since = clock_timestamp(), judged_to = (select coalesce(max(id), 0) from public.message_request_queue),
		       sent_since = greatest(clock_timestamp(), (
				select max(q.delivered_date_time) from public.message_request_queue q
				 where q.organisation_id = o.organisation_id and q.delivered_date_time < clock_timestamp() + interval '1 hour')),
		       swept_at = clock_timestamp()
		 where o.since is null and o.organisation_id = any($1)`
)

// keep brings the table in line with what the directory says, and returns it as it is
// then. It writes only if there is something to write.
func (o *ownership) keep(ctx context.Context, wanted *snapshot, rows []ownedRow) ([]ownedRow, error) {
	ids, modes := []int32{}, []string{}
	for _, s := range wanted.standings {
		if s.ours {
			ids, modes = append(ids, s.rules.ID), append(modes, string(s.Mode))
		}
	}
	if o.kept(ids, modes, rows) {
		return rows, nil
	}
	err := pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, disownSQL, o.slot, ids, modes); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, ownSQL, o.slot, ids, modes); err != nil {
			return err
		}
		var ready []int32
		if err := tx.QueryRow(ctx, readySQL, ids, settleLimit).Scan(&ready); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, settleSQL, ready); err != nil {
			return err
		}
		var err error
		rows, err = collect[ownedRow](ctx, tx, ownedSQL)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("note which organisations are ours: %w", err)
	}
	return rows, nil
}

// kept is true if the rows are as they should be already.
func (o *ownership) kept(ids []int32, modes []string, rows []ownedRow) bool {
	ours := 0
	for _, row := range rows {
		i := slices.Index(ids, row.OrganisationID)
		switch {
		case i < 0 && row.Slot == o.slot, i >= 0 && (string(row.Mode) != modes[i] || row.Slot != o.slot || !row.Settled):
			return false
		case i >= 0:
			ours++
		}
	}
	return ours == len(ids)
}

// disown ends what the processes of a slot own: none of them is to come back.
func disown(ctx context.Context, conn *pgx.Conn, slot string) error {
	var exists bool
	err := conn.QueryRow(ctx, `select to_regclass('messenger.ownership') is not null`).Scan(&exists)
	if err == nil && exists {
		_, err = conn.Exec(ctx, `delete from messenger.ownership where slot = $1`, slot)
	}
	if err != nil {
		return fmt.Errorf("forget which organisations were ours: %w", err)
	}
	return nil
}
