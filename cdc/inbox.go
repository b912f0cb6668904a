package cdc

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Changes enter the inbox with enterSQL, followed by a query for them. With replaceSQL a
// change takes the place of what is there of the same entity, and whoever is busy with
// that loses it. It is what somebody has asked for by hand only if it was committed before
// that: otherwise it is an ordinary one.
const (
	enterSQL = `insert into messenger.inbox as i
        (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn)`
	replaceSQL = `on conflict (source_table, entity_id) do update set
        organisation_id = excluded.organisation_id, type_id = excluded.type_id, is_voided = excluded.is_voided,
        committed_at = excluded.committed_at, commit_lsn = excluded.commit_lsn,
        change_number = excluded.change_number, received_at = excluded.received_at,
        by_hand = i.by_hand and excluded.committed_at < coalesce((select max(g.opened_at) from messenger.gap g where g.by_hand), '-infinity'),
        attempts = 0, last_error = null, claimed_by = null, claimed_until = null`
)

// storeSQL moves the position and writes the inbox in one statement: whoever does not
// hold the fencing token changes nothing. A change that is older than what the inbox
// has of the same entity, which happens when a stream is read again, is dropped. The
// other processes are notified when all of it commits.
const storeSQL = `
with mine as (
    update messenger.position
    set lsn = $3::text::pg_lsn, committed_at = coalesce($4, committed_at), updated_at = clock_timestamp(),
        lease_until = clock_timestamp() + make_interval(secs => $12)
    where slot = $1 and fencing_token = $2
    returning slot
), stored as (
    ` + enterSQL + `
    select c.source_table, c.entity_id, c.organisation_id, c.type_id, c.is_voided, c.committed_at, c.commit_lsn::pg_lsn
    from unnest($5::text[], $6::bigint[], $7::int[], $8::int[], $9::bool[], $10::timestamptz[], $11::text[])
         as c (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn)
    where exists (select from mine)
    ` + replaceSQL + `
    where i.commit_lsn <= excluded.commit_lsn
), versioned as (
    update messenger.reference_version set version = version + 1 from mine where $14::bool returning version
), told as (
    select pg_notify('` + channel + `', notice) from mine, unnest($13::text[]) as notice
)
select (select count(*) from mine), (select max(version) from versioned), (select count(*) from told)`

// news is what others have to know of a write.
type news struct {
	notices   []string // sent to those who listen now
	versioned bool     // rules or what is kept with them changed: there is a new version of them
}

// inboxColumns are rows turned into arrays, one per column.
type inboxColumns struct {
	tables        []string
	ids           []int64
	organisations []int32
	types         []int32
	voided        []bool
	at            []time.Time
	lsns          []string
}

func columnsOf(rows []inboxRow) inboxColumns {
	var c inboxColumns
	for _, row := range rows {
		c.tables = append(c.tables, string(row.change.Table))
		c.ids = append(c.ids, row.change.ID)
		c.organisations = append(c.organisations, row.change.OrganisationID)
		c.types = append(c.types, row.change.TypeID)
		c.voided = append(c.voided, row.change.Voided)
		c.at = append(c.at, row.at)
		c.lsns = append(c.lsns, row.lsn)
	}
	return c
}

// write stores rows and position durably, or nothing. A deadlock with whoever works on
// the inbox is tried again; after any other error it is unknown whether the
// transaction committed, and the stored position decides.
func (s *store) write(ctx context.Context, rows []inboxRow, p position, n news) error {
	for attempt := 1; ; attempt++ {
		err := s.writeOnce(ctx, rows, p, n)
		if attempt == 3 || !isCode(err, "40P01", "40001") {
			return err
		}
	}
}

func (s *store) writeOnce(ctx context.Context, rows []inboxRow, p position, n news) error {
	// The server's own limit comes first; ours is for a server that does not answer.
	ctx, cancel := context.WithTimeout(ctx, s.timeout+2*time.Second)
	defer cancel()
	var at *time.Time
	if !p.at.IsZero() {
		at = &p.at
	}
	c := columnsOf(rows)
	// One round trip and, without a BEGIN, one implicit transaction, which the
	// settings end with.
	batch := &pgx.Batch{}
	batch.Queue(`select set_config('synchronous_commit', 'on', true), set_config('statement_timeout', $1, true)`,
		fmt.Sprint(s.timeout.Milliseconds()))
	batch.Queue(storeSQL, s.slot, s.token, p.lsn.String(), at, c.tables, c.ids, c.organisations, c.types, c.voided, c.at, c.lsns,
		s.lease.Seconds(), n.notices, n.versioned)
	results := s.pool.SendBatch(ctx, batch)
	held, version, err := readHeld(results)
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("store %d changes up to %s: %w", len(rows), p.lsn, err)
	}
	if !held {
		return errFenced
	}
	if version != nil {
		s.version = *version
	}
	return nil
}

func readHeld(results pgx.BatchResults) (held bool, version *int64, err error) {
	if _, err := results.Exec(); err != nil {
		return false, nil, err
	}
	var rows int
	err = results.QueryRow().Scan(&rows, &version, nil)
	return rows == 1, version, err
}
