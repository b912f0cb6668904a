package cdc

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// fillSQL writes one chunk into the inbox and moves the gap's cursor, in one statement.
// It changes nothing if somebody else has moved the cursor or if the fencing token does
// not hold any more. It does not lock the position, for which the stream would have to
// wait. What the inbox has from the stream after the gap is newer and stays; what it has
// from before is replaced, since a worker may be busy with what the row was then. A
// search by hand marks its rows as such, and also those that are newer: what was asked for
// is not forgotten for a change that nobody saved.
const fillSQL = `
with mine as (
    select g.id, g.to_lsn, g.by_hand from messenger.gap g
    where g.id = $1 and g.finished_at is null and coalesce(g.source_table, '') = $2 and g.cursor = $3
      and ($4::bigint is null or exists (select from messenger.position p where p.slot = g.slot and p.fencing_token = $4))
    for update
), stored as (
    insert into messenger.inbox as i
        (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn, by_hand)
    select c.source_table, c.entity_id, c.organisation_id, c.type_id, c.is_voided, c.committed_at, mine.to_lsn, mine.by_hand
    from mine, unnest($7::text[], $8::bigint[], $9::int[], $10::int[], $11::bool[], $12::timestamptz[])
         as c (source_table, entity_id, organisation_id, type_id, is_voided, committed_at)
    ` + fillReplaceSQL + `
    returning entity_id
), moved as (
    update messenger.gap g set source_table = $5, cursor = $6, rows = g.rows + (select count(*) from stored)
    from mine where g.id = mine.id
    returning g.id
), told as (
    select pg_notify('` + channel + `', $13) from moved where exists (select from stored)
)
select (select count(*) from moved), (select count(*) from stored), (select count(*) from told)`

// fillReplaceSQL is replaceSQL for what is older, and otherwise only notes what was asked
// for by hand.
const fillReplaceSQL = `on conflict (source_table, entity_id) do update set
        organisation_id = excluded.organisation_id,
        type_id = case when i.commit_lsn < excluded.commit_lsn then excluded.type_id else i.type_id end,
        is_voided = case when i.commit_lsn < excluded.commit_lsn then excluded.is_voided else i.is_voided end,
        committed_at = case when i.commit_lsn < excluded.commit_lsn then excluded.committed_at else i.committed_at end,
        commit_lsn = greatest(i.commit_lsn, excluded.commit_lsn), by_hand = i.by_hand or excluded.by_hand,
        change_number = excluded.change_number, received_at = excluded.received_at,
        attempts = 0, last_error = null, claimed_by = null, claimed_until = null
    where i.commit_lsn < excluded.commit_lsn or excluded.by_hand and not i.by_hand`

// write stores a chunk, and returns how many rows entered the inbox. Workers and the
// stream write there, too: a deadlock with them is tried again.
func (s *scan) write(ctx context.Context, c chunk) (int, error) {
	for attempt := 1; ; attempt++ {
		entered, err := s.writeOnce(ctx, c)
		if attempt == 3 || !isCode(err, "40P01", "40001") {
			return entered, err
		}
	}
}

func (s *scan) writeOnce(ctx context.Context, c chunk) (int, error) {
	ctx, cancel := s.answered(ctx)
	defer cancel()
	columns := columnsOf(c.rows)
	batch := &pgx.Batch{}
	batch.Queue(`select set_config('synchronous_commit', 'on', true), set_config('statement_timeout', $1, true)`,
		fmt.Sprint(s.timeout.Milliseconds()))
	batch.Queue(fillSQL, s.gap.id, s.gap.table, s.gap.bookmark.id, s.token, c.end.table, c.end.id,
		columns.tables, columns.ids, columns.organisations, columns.types, columns.voided, columns.at, noticeText(s.holder, noticeInbox))
	results := s.pool.SendBatch(ctx, batch)
	moved, entered, err := readFilled(results)
	if closeErr := results.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, fmt.Errorf("store %d changes: %w", len(c.rows), err)
	}
	if moved == 0 {
		return 0, errOvertaken
	}
	s.passed(c, entered)
	return entered, nil
}

// passed notes that a chunk is done with.
func (s *scan) passed(c chunk, rows int) {
	s.gap.bookmark, s.gap.next = c.end, c.end
	s.gap.rows += int64(rows)
}

func readFilled(results pgx.BatchResults) (moved, entered int, err error) {
	if _, err := results.Exec(); err != nil {
		return 0, 0, err
	}
	err = results.QueryRow().Scan(&moved, &entered, nil)
	return moved, entered, err
}
