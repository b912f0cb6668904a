package cdc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// repairEvery is how much time has to pass between automatic repairs.
	repairEvery = time.Hour
	// overlap is how far before the last change that was read a scan by time begins:
	// rows carry the time at which a statement ran, or a clock that goes wrong, and are
	// committed later.
	overlap = 15 * time.Minute
	// oldestFloor is how many transactions back rows can be told by xmin. PostgreSQL
	// can compare 2^31 of them.
	oldestFloor = 1_000_000_000
)

// scanMode is how a scan finds the rows that changed.
type scanMode string

const (
	byTime scanMode = "time" // by last_modified_date_time
	byXmin scanMode = "xmin" // by the transaction that wrote the row, which is exact
)

var scanModes = []scanMode{byTime, byXmin}

// openedGap is a row of messenger.gap before its scan has begun.
type openedGap struct {
	id      int64
	since   time.Time
	mode    scanMode
	opened  time.Time
	resumed bool // it was there already: an attempt to repair it was broken off
	refused bool // the last repair is too recent
}

// openGap records which changes will be missing, before anything is dropped.
func openGap(ctx context.Context, conn *pgx.Conn, in Inspection, names Names, c cause) (openedGap, error) {
	g, err := lastGap(ctx, conn, names)
	if err != nil {
		return g, err
	}
	since, floor, err := boundary(ctx, conn, in, names, c)
	if err != nil {
		return g, fmt.Errorf("find the beginning of what slot %q has missed: %w", names.Slot, err)
	}
	if g.refused {
		g.since = since
		return g, nil
	}
	mode := byTime
	if floor != nil {
		mode = byXmin
	}
	sql := `insert into messenger.gap (slot, reason, since, mode, xmin_floor, from_lsn) values ($1, $2, $3, $4, $5, $6::text::pg_lsn)
		returning id, since, opened_at`
	args := []any{names.Slot, string(c), since, string(mode), floor, in.Position.LSN.String()}
	if g.resumed {
		sql = `update messenger.gap set reason = $2, since = least(since, $3), mode = $4, xmin_floor = $5, from_lsn = $6::text::pg_lsn
			where slot = $1 and id = $7
			returning id, since, opened_at`
		args = append(args, g.id)
	}
	err = pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `set local synchronous_commit = on`); err != nil {
			return err
		}
		return tx.QueryRow(ctx, sql, args...).Scan(&g.id, &g.since, &g.opened)
	})
	if err != nil {
		return g, fmt.Errorf("record what slot %q has missed: %w", names.Slot, err)
	}
	g.mode = mode
	return g, nil
}

// lastGap looks at the last automatic repair: is it to be gone on with, is it too recent?
func lastGap(ctx context.Context, conn *pgx.Conn, names Names) (openedGap, error) {
	var g openedGap
	var recent bool
	err := conn.QueryRow(ctx, `
		select id, since, opened_at, to_lsn is null, opened_at > clock_timestamp() - make_interval(secs => $2)
		from messenger.gap where slot = $1 and not by_hand order by opened_at desc limit 1`, names.Slot, repairEvery.Seconds()).
		Scan(&g.id, &g.since, &g.opened, &g.resumed, &recent)
	if errors.Is(err, pgx.ErrNoRows) {
		return g, nil
	}
	if err != nil {
		return g, fmt.Errorf("look for earlier repairs of slot %q: %w", names.Slot, err)
	}
	g.refused = recent && !g.resumed
	return g, nil
}

// boundary returns the time since when rows may have changed without having been read,
// and the transaction from which on they did, if that is known. What was not read was
// committed after the stored position, or, whatever else may have happened, after the
// publication was last seen to be whole; its transactions were open when the floor's sample was taken or began later.
func boundary(ctx context.Context, conn *pgx.Conn, in Inspection, names Names, c cause) (time.Time, *int64, error) {
	doubtful := c == causePublicationMissing || c == causePublicationChanged || in.altered()
	var since time.Time
	var floor *int64
	var distance int64
	err := conn.QueryRow(ctx, `
		with stored as (
			select least(p.lsn, case when $3 then p.checked_lsn end) as lsn,
			       least(coalesce(p.committed_at, p.created_at), case when $3 then p.checked_at end) as at
			from messenger.position p where p.slot = $1
		), sample as (
			select s.* from messenger.snapshot_sample s, stored
			where s.slot = $1 and s.lsn <= stored.lsn order by s.lsn desc limit 1
		)
		select least(stored.at, sample.at, sample.oldest, (`+oldestTransactionSQL+`)) - make_interval(secs => $2),
		       sample.xmin_floor, `+snapshotXmin(in.ServerVersion)+` - coalesce(sample.xmin_floor, 0)
		from stored left join sample on true`, names.Slot, overlap.Seconds(), doubtful).Scan(&since, &floor, &distance)
	exact := c != causeOtherServer && in.sameServer() && distance >= 0 && distance < oldestFloor
	if !exact {
		floor = nil
	}
	return since, floor, err
}

// oldestTransactionSQL is when the oldest of the transactions began that are writing,
// as far as our role may see them.
const oldestTransactionSQL = `select min(at) from (
	select xact_start as at from pg_stat_activity where backend_xid is not null and pid <> pg_backend_pid()
	union all select prepared from pg_prepared_xacts) as writing`

// snapshotXmin is the number of the oldest transaction that runs, with its epoch.
func snapshotXmin(serverVersion int) string {
	if serverVersion >= 130000 {
		return `pg_snapshot_xmin(pg_current_snapshot())::text::bigint`
	}
	return `txid_snapshot_xmin(txid_current_snapshot())`
}

// later says when the next repair will be tried, and how to do without.
func (t *trouble) later(g openedGap) error {
	const layout = "2006-01-02 15:04 MST"
	return &trouble{state: t.state, reason: t.reason, err: fmt.Errorf("%w. It was repaired at %s already, and is not more than once an hour; "+
		"it will be tried again at %s. To do it now, stop avni-messenger, run `avni-messenger teardown` and `avni-messenger setup` with its environment, start it, "+
		"and run `avni-messenger catch-up --since %s`", t.err, g.opened.In(time.Local).Format(layout), g.opened.Add(repairEvery).In(time.Local).Format(layout),
		g.since.In(time.Local).Format(time.RFC3339))}
}
