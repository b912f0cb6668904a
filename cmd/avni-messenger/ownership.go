package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/cdc"
)

// ownership keeps messenger.ownership: since when an organisation's requests are ours
// alone to write (mode full) or to send (full and dispatch). What was written or sent
// before is nobody's fault; what somebody else writes or sends afterwards holds the
// organisation (watcher).
//
// It begins when the directory finds nothing any more that speaks against it, and ends
// when it does, or when another mode is wanted: avni-server is welcome then. A hold does
// not end it, so that what goes on meanwhile is seen; its release does. Through a stop of
// the process it lasts: whoever writes then is found at the next start. A process that
// wants less than another one of the slot that runs does not end that one's.
type ownership struct {
	pool *pgxpool.Pool
	slot string
	self string // of messenger.instance; "": not in there
	sole bool   // MESSENGER_SOLE_OWNER
}

// ownedRow is a row of messenger.ownership.
type ownedRow struct {
	OrganisationID int32
	Slot           string
	Mode           Mode
	Settled        bool
	WaitsFor       []awaited // while it is not settled
}

const ownedSQL = `select organisation_id, slot, mode, since is not null, waits_for from messenger.ownership order by organisation_id`

const (
	// disownSQL ends what these processes do not own any more, unless one that runs does by its
	// settings: one that wants the mode while this one wants another, or that is told that
	// it is the sole owner while this one is not. Of two there is never one that spares for the
	// other what that would spare for it.
	disownSQL = `
		delete from messenger.ownership o
		 where (exists (select from unnest($2::int[], $3::text[]) w (id, mode) where w.id = o.organisation_id and w.mode <> o.mode)
		        or o.slot = $1 and o.organisation_id <> all($2))
		   and not exists (
			select from messenger.instance i
			 cross join jsonb_array_elements(case jsonb_typeof(i.settings -> 'organisations') when 'array' then i.settings -> 'organisations' end) e
			 where i.slot = o.slot and i.holder <> $6 and i.seen_at > clock_timestamp() - $8::interval
			   and (e ->> 'id')::int = o.organisation_id and e ->> 'mode' = o.mode
			   and (not exists (select from unnest($4::int[], $5::text[]) s (id, mode) where s.id = o.organisation_id and s.mode = o.mode)
			        or not $7 and i.settings #>> '{variables,MESSENGER_SOLE_OWNER}' = $9))
		returning o.organisation_id`

	ownSQL = `
		insert into messenger.ownership as o (organisation_id, slot, mode)
		select id, $1, mode from unnest($2::int[], $3::text[]) w (id, mode) order by id
		on conflict (organisation_id) do update set slot = excluded.slot where o.slot <> excluded.slot and o.mode = excluded.mode`
)

// keep brings the table in line with what the directory says, and returns it as it is
// then. It writes only if there is something to write.
func (o *ownership) keep(ctx context.Context, wanted *snapshot, rows []ownedRow) ([]ownedRow, error) {
	ids, modes := []int32{}, []string{}
	served, servedModes := []int32{}, []string{}
	for _, s := range wanted.standings {
		served, servedModes = append(served, s.rules.ID), append(servedModes, string(s.Mode))
		if s.ours {
			ids, modes = append(ids, s.rules.ID), append(modes, string(s.Mode))
		}
	}
	if o.kept(ids, modes, rows) {
		return rows, nil
	}
	err := pgx.BeginFunc(ctx, o.pool, func(tx pgx.Tx) error {
		ended, _ := tx.Query(ctx, disownSQL, o.slot, ids, modes, served, servedModes, o.self, o.sole, instanceForgotten, Switch(true).String()) // its error is that of the rows
		disowned, err := pgx.CollectRows(ended, pgx.RowTo[int32])
		if err != nil {
			return err
		}
		for _, organisation := range disowned { // who relied on it owns it anew
			if err := cdc.Announce(ctx, tx, cdc.OrganisationConfig, organisation); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, ownSQL, o.slot, ids, modes); err != nil {
			return err
		}
		if err := settle(ctx, tx, ids, modes); err != nil {
			return err
		}
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
