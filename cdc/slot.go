package cdc

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// outputPlugin is the one that every PostgreSQL brings with it.
const outputPlugin = "pgoutput"

// slotTimeout bounds the wait for the transactions that were writing when a slot was
// asked for. The SQL function keeps to it; CREATE_REPLICATION_SLOT would not.
const slotTimeout = 30 * time.Second

// createSlotSQL returns the query that makes the slot. From PostgreSQL 17 on the slot
// is marked to be copied to standbys.
func createSlotSQL(names Names, serverVersion int) string {
	args := literal(names.Slot) + ", " + literal(outputPlugin)
	if serverVersion >= 170000 {
		args += ", false, false, failover => true"
	}
	return "select lsn::text from pg_create_logical_replication_slot(" + args + ")"
}

// origin is where a stream begins: what the publication is there, and the place.
type origin struct {
	lsn         LSN
	fingerprint int64
}

// newOrigin creates the slot. Whatever happens to the publication from then on is noticed,
// and a gap that begins there can be filled exactly.
func newOrigin(ctx context.Context, conn *pgx.Conn, names Names, serverVersion int, timeout time.Duration) (origin, error) {
	print, err := fingerprint(ctx, conn, names)
	if err != nil {
		return origin{}, err
	}
	if err := takeSample(ctx, conn, names.Slot, serverVersion); err != nil {
		return origin{}, err
	}
	lsn, err := createSlot(ctx, conn, names, serverVersion, timeout)
	return origin{lsn, print}, err
}

// makerName is the application_name under which a session makes the slot: until it has
// done so PostgreSQL shows it as the slot's reader.
func makerName(slot string) string {
	name := "avni-messenger makes " + slot
	return name[:min(len(name), 63)]
}

// createSlot creates the slot and returns its consistent point: everything that
// commits after it will be sent.
func createSlot(ctx context.Context, conn *pgx.Conn, names Names, serverVersion int, timeout time.Duration) (LSN, error) {
	if _, err := conn.Exec(ctx, fmt.Sprintf(`set statement_timeout = %d; set application_name = %s`, timeout.Milliseconds(), literal(makerName(names.Slot)))); err != nil {
		return 0, fmt.Errorf("set statement timeout: %w", err)
	}
	defer func() { // fails only with the connection
		last, cancel := parting(ctx)
		defer cancel()
		_, _ = conn.Exec(last, `reset statement_timeout; reset application_name`)
	}()
	var lsn LSN
	err := conn.QueryRow(ctx, createSlotSQL(names, serverVersion)).Scan(&lsn)
	if isCode(err, "57014") {
		return 0, fmt.Errorf("create slot %q: transactions that were open kept it waiting for more than %s: %s, and try again",
			names.Slot, timeout, blockers(ctx, conn))
	}
	if err != nil {
		return 0, fmt.Errorf("create slot %q: %w", names.Slot, err)
	}
	return lsn, nil
}

// haveEnded is what blockers says if there are none any more.
const haveEnded = "they have ended by now"

// blockers names the sessions whose transactions a new slot has to wait for, the oldest
// first, and what to do about them.
func blockers(ctx context.Context, db Querier) string {
	found, err := openTransactions(ctx, db, 0)
	if err != nil {
		return "which ones could not be read: " + err.Error()
	}
	if len(found) == 0 {
		return haveEnded
	}
	text := strings.Join(found, "; ") + ". Wait for them, or end one with `select pg_terminate_backend(pid);`"
	if strings.Contains(text, stateHidden) {
		text += hiddenNote(ctx, db)
	}
	return text
}

// LongTransactions names the sessions whose transactions have been writing for longer than
// that, the oldest first: WAL is kept for their sake, and a new slot has to wait for them.
// Of those whose beginning the role may not see, nothing is said.
func LongTransactions(ctx context.Context, db Querier, age time.Duration) ([]string, error) {
	return openTransactions(ctx, db, age)
}

// openTransactions are the first of them. An age of 0 includes those whose beginning is hidden.
func openTransactions(ctx context.Context, db Querier, age time.Duration) ([]string, error) {
	rows, err := db.Query(ctx, `
		select who, since, advice from (
			select format('pid %s of role %s (%s)', pid, usename, coalesce(state, '`+stateHidden+`')) as who, xact_start as since, '' as advice
			from pg_stat_activity
			where backend_xid is not null and pid <> pg_backend_pid()
			union all
			select format('prepared transaction %L of role %s', gid, owner), prepared, ': rollback prepared or commit prepared it'
			from pg_prepared_xacts
		) open
		where $1 = 0 or since < clock_timestamp() - make_interval(secs => $1)
		order by since limit 5`, age.Seconds())
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (string, error) {
		var who, advice string
		var since *time.Time
		err := row.Scan(&who, &since, &advice)
		return who + " since " + clock(since, "unknown") + advice, err
	})
}

// clock is a time as an operator reads it, by the zone of this process; the text without
// one.
func clock(t *time.Time, without string) string {
	if t == nil {
		return without
	}
	return t.In(time.Local).Format("2006-01-02 15:04:05 MST")
}

// stateHidden is all that a role may know of another one's session without pg_monitor,
// besides whose it is.
const stateHidden = "state hidden"

// hiddenNote says how that can be changed.
func hiddenNote(ctx context.Context, db Querier) string {
	var role string
	if err := db.QueryRow(ctx, `select current_user::text`).Scan(&role); err != nil {
		return ""
	}
	return fmt.Sprintf(". To be shown since when, let a superuser run `grant pg_monitor to %s;`", pgx.Identifier{role}.Sanitize())
}

// isCode says whether err is an error of PostgreSQL with one of the SQLSTATEs.
func isCode(err error, codes ...string) bool {
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return false
	}
	for _, code := range codes {
		if pgErr.Code == code {
			return true
		}
	}
	return false
}
